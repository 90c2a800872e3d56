//! Within the cluster's own pods: the inside tier. A pod's network namespace is found by the address that the API server has
//! of the pod, and is looked at. Nothing is sent there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Probe;
use crate::survey::{Survey, running_addresses};
use lab_backend::Doing;
use lab_kube::api::Api;
use lab_model::foreign::{NodeInside, PodInside};
use lab_model::observe::{NetnsView, NodeName, Place};
use lab_model::request::{Answer, Ask, Request};

/// The pods of a node that are looked into at most.
pub const PODS: usize = 32;

/// What was seen within the pods of each node, or why nothing was.
pub(crate) type Inside = BTreeMap<NodeName, Result<NodeInside, String>>;

impl Probe {
    /// Looks into the pods of each node.
    ///
    /// # Errors
    /// When nothing of the probe's is there.
    pub(crate) async fn inside(&self, api: &Api, survey: &Survey, doing: &Doing) -> Result<Inside, String> {
        let made = self.made()?;
        doing.now(format!("looking for the namespaces of pods on {} nodes", made.on_nodes.len()));
        let asks = made.on_nodes.keys().map(|node| (Place::Node(node.clone()), Request::Namespaces)).collect();
        let listed = made.on_nodes.keys().zip(made.ask(api, asks).await);
        let look = |(node, file): (&NodeName, std::path::PathBuf)| Ask {
            place: Place::Node(node.clone()),
            netns: Some(file),
            request: Request::View,
        };
        let (mut found, mut asks) = (Inside::new(), Vec::new());
        for (node, why) in &made.silent {
            found.insert(node.clone(), Err(why.clone()));
        }
        for (node, answered) in listed {
            match answered.answer {
                Ok(Answer::Namespaces { files, closed: 0 }) => {
                    asks.extend(files.into_iter().map(|file| look((node, file))));
                    found.insert(node.clone(), Ok(NodeInside::default()));
                }
                Ok(Answer::Namespaces { closed, .. }) => {
                    let why = format!("{closed} processes do not let their network namespaces be seen");
                    found.insert(node.clone(), Err(why));
                }
                Ok(other) => drop(found.insert(node.clone(), Err(other.not("network namespaces")))),
                Err(why) => drop(found.insert(node.clone(), Err(why))),
            }
        }
        doing.now(format!("looking into {} network namespaces", asks.len()));
        let mut views: BTreeMap<NodeName, Vec<NetnsView>> = BTreeMap::new();
        for answered in made.ask_there(api, asks).await {
            // One that cannot be looked at any more is missed where a pod has no other.
            if let (Place::Node(node), Ok(Answer::View(view))) = (answered.place, answered.answer) {
                views.entry(node).or_default().push(view);
            }
        }
        // A pod that has ended meanwhile is not missed.
        doing.now("listing pods once more");
        let now = running_addresses(&api.all_pods().await.map_err(|error| error.briefly())?);
        for (node, inside) in &mut found {
            let Ok(inside) = inside else { continue };
            let on_node = |all: &BTreeMap<NodeName, Vec<Ipv4Addr>>| {
                all.get(node).into_iter().flatten().copied().collect::<BTreeSet<_>>()
            };
            let before = on_node(&survey.pods);
            let pods: Vec<Ipv4Addr> = before.intersection(&on_node(&now)).copied().collect();
            inside.ended = before.len() - pods.len();
            inside.beyond = pods.len().saturating_sub(PODS);
            let mut views = views.remove(node).unwrap_or_default();
            inside.pods = pods.into_iter().take(PODS).map(|address| within(address, &mut views)).collect();
        }
        Ok(found)
    }
}

/// The namespace that has this address, which is taken out of those that were seen.
fn within(address: Ipv4Addr, views: &mut Vec<NetnsView>) -> PodInside {
    let has = |view: &NetnsView| view.addresses.iter().any(|own| own.address.addr() == address);
    let tables = match views.iter().position(has) {
        Some(position) => Ok(views.swap_remove(position).into()),
        None => Err(format!("no network namespace of a process on its node has the address {address}")),
    };
    PodInside { address, tables }
}
