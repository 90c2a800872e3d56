//! Who has a session with whom.

use std::net::Ipv4Addr;

use super::{daemon, racks_of, router};
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::{BgpSession, Place, UPLINK};
use lab_model::racks::{self, Racks};
use lab_model::seen::RoutersSeen;
use lab_model::{Judgement, Proof, Reason};

/// The state of a session over which routes are exchanged (RFC 4271, 8.2.2).
const ESTABLISHED: &str = "Established";

/// A session that there must be.
struct Wanted {
    /// Whose daemon is asked.
    at: Place,
    /// Who the other end is, for a reader.
    with: String,
    neighbour: Ipv4Addr,
    own_as: u32,
    neighbour_as: u32,
}

/// Every node has a session with its own ToR, and every ToR with the router: established, between the ASes and with the hold
/// time that are declared.
///
/// # Errors
/// [`Reason::SessionDown`] for each session that is not established, [`Reason::WrongSession`] for each that is configured
/// otherwise or not at all; unobserved where a daemon did not answer or a node's address is not known.
pub fn sessions_are_established(seen: &RoutersSeen, expect: &Expectations) -> Judgement {
    let racks = racks_of(expect)?;
    let mut weighing = Weighing::default();
    let mut shown = Vec::new();
    for wanted in wanted(seen, racks, &mut weighing) {
        let Some(router) = router(seen, &wanted.at, &mut weighing) else { continue };
        let Some(daemon) = daemon(router, &mut weighing) else { continue };
        let session = daemon.sessions.iter().find(|session| session.neighbour == wanted.neighbour);
        shown.extend(weigh(&wanted, session, racks, &mut weighing));
    }
    if shown.is_empty() {
        weighing.miss("no session was seen: nothing is proved");
    }
    weighing.conclude(|| {
        let (nodes, tors) = (racks.racks.iter().map(|rack| rack.nodes.len()).sum::<usize>(), racks.racks.len());
        Proof::new(format!(
            "{nodes} of {nodes} nodes have a session with their own ToR, {tors} of {tors} ToRs with the router; {}",
            shown.first().cloned().unwrap_or_default()
        ))
        .with_details(shown)
    })
}

/// Every session that there must be, each seen from its ToR, and those between routers from both ends.
fn wanted(seen: &RoutersSeen, racks: &Racks, weighing: &mut Weighing) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (position, rack) in racks.racks.iter().enumerate() {
        let at = racks::tor(position);
        for node in &rack.nodes {
            let Some(address) = seen.nodes.get(node).and_then(|view| view.address_of(UPLINK)) else {
                weighing.miss(format!("the address of {node} is not known"));
                continue;
            };
            let (neighbour, with) = (address.addr(), node.to_string());
            wanted.push(Wanted { at: at.clone(), with, neighbour, own_as: rack.tor_as, neighbour_as: rack.node_as });
        }
        let (own_as, neighbour_as) = (rack.tor_as, racks.router_as);
        let (tor_end, router_end) = (rack.tor_end.addr(), rack.router_end.addr());
        let (from_tor, with) = (at.clone(), racks::ROUTER.to_owned());
        wanted.push(Wanted { at: from_tor, with, neighbour: router_end, own_as, neighbour_as });
        let (own_as, neighbour_as) = (neighbour_as, own_as);
        wanted.push(Wanted { at: racks::router(), with: at.to_string(), neighbour: tor_end, own_as, neighbour_as });
    }
    wanted
}

/// A line for the proof, where the session is as it must be.
fn weigh(wanted: &Wanted, session: Option<&BgpSession>, racks: &Racks, weighing: &mut Weighing) -> Option<String> {
    let Wanted { at, with, neighbour, own_as, neighbour_as } = wanted;
    let expected = format!("a session with {with} ({neighbour}), AS {own_as} to AS {neighbour_as}, {ESTABLISHED}");
    let by_hand = || Some(format!("birdc -s {at}.ctl show protocols all"));
    let Some(session) = session else {
        let observed = format!("none is configured with {neighbour}");
        weighing.refute(Reason::WrongSession, at.clone(), expected, observed, by_hand());
        return None;
    };
    if (session.local_as, session.neighbour_as) != (*own_as, *neighbour_as) {
        let observed = format!("{}: AS {} to AS {}", session.name, session.local_as, session.neighbour_as);
        weighing.refute(Reason::WrongSession, at.clone(), expected, observed, by_hand());
        return None;
    }
    if session.state != ESTABLISHED {
        let why = session.last_error.as_ref().map(|why| format!(", last error: {why}")).unwrap_or_default();
        let observed = format!("{} is {}{why}", session.name, session.state);
        weighing.refute(Reason::SessionDown, at.clone(), expected, observed, by_hand());
        return None;
    }
    if session.hold != Some(racks.hold) {
        let expected = format!("the session with {with} with a hold time of {} s", racks.hold.as_secs());
        let observed = session.hold.map_or_else(|| "none".to_owned(), |hold| format!("{} s", hold.as_secs()));
        weighing.refute(Reason::WrongSession, at.clone(), expected, observed, by_hand());
        return None;
    }
    Some(format!("{at}: {ESTABLISHED} with {with} ({neighbour}), AS {own_as} to AS {neighbour_as}"))
}
