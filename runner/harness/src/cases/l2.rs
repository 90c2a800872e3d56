//! `l2::…`: all nodes hang on one layer-2 network.

pub(super) mod nodes_share_one_bridge;
pub(super) mod peers_are_adjacent;

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::time::Duration;

use super::look::{broke, lookups, node_views};
use crate::lab::Lab;
use lab_judge::routing::peer_questions;
use lab_model::observe::{NetnsView, NodeName, Place, UPLINK};
use lab_model::request::{Answer, Request};
use lab_model::seen::{AdjacencySeen, SegmentsSeen};

async fn segments(lab: &Lab) -> Result<SegmentsSeen, String> {
    let segments = lab.segments().await.map_err(|error| broke(&error))?;
    Ok(SegmentsSeen { nodes: lab.nodes().iter().map(|(name, _)| name.clone()).collect(), segments })
}

/// The kernel gives a neighbour up after three requests, one second apart (`mcast_solicit`, `retrans_time`).
const ARP_DEADLINE: Duration = Duration::from_millis(3500);
/// Entries that one round may make. The kernel's table is one for all namespaces and by default full at 1024
/// (`net.ipv4.neigh.default.gc_thresh3`); every answer makes an entry on both sides.
const ENTRIES_PER_ROUND: usize = 300;

async fn adjacent(lab: &Lab) -> Result<AdjacencySeen, String> {
    let nodes = node_views(lab).await?;
    let lookups = lookups(lab, peer_questions(&nodes)).await?;
    let addresses: BTreeMap<&NodeName, Ipv4Net> =
        nodes.iter().filter_map(|(name, view)| Some((name, view.address_of(UPLINK)?))).collect();
    let per_round = (ENTRIES_PER_ROUND / nodes.len().max(1)).max(1);
    let mut resolutions = BTreeMap::new();
    let names: Vec<&NodeName> = addresses.keys().copied().collect();
    for askers in names.chunks(per_round) {
        let asks = askers.iter().map(|asker| (Place::Node((*asker).clone()), resolve(asker, &addresses))).collect();
        let answers = lab.ask(asks).await.map_err(|error| broke(&error))?;
        for (asker, answered) in askers.iter().zip(answers) {
            match answered.answer {
                Ok(Answer::Resolved(resolved)) => drop(resolutions.insert((*asker).clone(), resolved)),
                Ok(other) => return Err(other.not("resolutions")),
                Err(why) => return Err(format!("{asker} could not be made to ask: {why}")),
            }
        }
        if names.len() > per_round {
            forget(lab, &nodes, askers, &addresses).await?;
        }
    }
    Ok(AdjacencySeen { nodes, resolutions, lookups: Some(lookups) })
}

fn resolve(asker: &NodeName, addresses: &BTreeMap<&NodeName, Ipv4Net>) -> Request {
    Request::Resolve {
        device: UPLINK.to_owned(),
        addresses: addresses.iter().filter(|(peer, _)| **peer != asker).map(|(_, address)| address.addr()).collect(),
        deadline: ARP_DEADLINE,
    }
}

/// Those who answered have learned the askers' addresses; in a large lab they must forget them before the table of
/// the kernel is full.
async fn forget(
    lab: &Lab,
    nodes: &BTreeMap<NodeName, NetnsView>,
    askers: &[&NodeName],
    addresses: &BTreeMap<&NodeName, Ipv4Net>,
) -> Result<(), String> {
    let learned: Vec<_> = askers.iter().filter_map(|asker| addresses.get(*asker)).map(Ipv4Net::addr).collect();
    let asks = nodes
        .keys()
        .map(|node| {
            (Place::Node(node.clone()), Request::Forget { device: UPLINK.to_owned(), addresses: learned.clone() })
        })
        .collect();
    for answered in lab.ask(asks).await.map_err(|error| broke(&error))? {
        answered
            .answer
            .map_err(|why| format!("{} could not be made to forget its neighbours: {why}", answered.place))?;
    }
    Ok(())
}
