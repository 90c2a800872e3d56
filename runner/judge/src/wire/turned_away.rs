//! Whether routers between racks pass on what comes to them.

use super::Gathered;
use super::who::{self, Across};
use lab_model::expect::Expectations;
use lab_model::observe::{Capture, Place};
use lab_model::racks::{self, Racks, TOR_UPLINK, router_port};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Proof, Reason};
use std::collections::BTreeSet;

/// While pods on two nodes talk, every router that their packets come to passes them on, once, by a link of the fabric. What
/// nodes hand to their ToR by the default route does not leak, is not turned away and goes in no circle.
///
/// A router takes one off a packet's TTL (RFC 1812, 5.3.1). So its links show a pod's packets with two TTLs if it passes them on
/// once, with one if it never does, and with more if they come back to it. What it answers about that, it need not: kernels send
/// few ICMP errors in a second.
///
/// # Errors
/// [`Reason::TurnedAway`] at each router that passes on none of a pod's packets, or the same ones again; unobserved where no
/// router saw any, or not all links of all routers were captured without losses.
pub fn no_router_turns_packets_away(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let layout = crate::bgp::racks_of(expect)?;
    let (across, missing) = who::across(seen, expect);
    let mut gathered = Gathered { missing, ..Gathered::default() };
    let routers = routers(seen, layout, &expect.network, &mut gathered);
    for one in &across {
        let packets = format!("{} → {}", one.from.pod, one.to.pod);
        let mut passed_by = Vec::new();
        for (router, links) in &routers {
            let ttls: BTreeSet<u8> = links.iter().flat_map(|capture| who::ttls(capture, one)).collect();
            match ttls.len() {
                0 => {}
                2 => passed_by.push(router.to_string()),
                _ => gathered.findings.push(finding(router, one, &ttls)),
            }
        }
        if passed_by.is_empty() {
            gathered.missing.push(format!("no router passed on packets {packets}: nothing is proved"));
        } else {
            gathered.shown.push(format!("packets {packets} are passed on by {}", passed_by.join(", ")));
        }
    }
    gathered.decide("no pod sent anything to a pod on another node: nothing is proved", |shown| {
        let summary = shown.first().cloned().unwrap_or_default();
        Proof::new(format!("every router that sees them passes them on, once: {summary}")).with_details(shown)
    })
}

/// All routers, each with the captures on its links; what is not there, or lost frames, is missing.
fn routers<'a>(
    seen: &'a WireSeen,
    layout: &Racks,
    bridge: &str,
    gathered: &mut Gathered,
) -> Vec<(Place, Vec<&'a Capture>)> {
    let links = |place: &Place| -> Vec<String> {
        if *place == racks::router() {
            (0..layout.racks.len()).map(router_port).collect()
        } else {
            vec![bridge.to_owned(), TOR_UPLINK.to_owned()]
        }
    };
    let mut routers = Vec::new();
    for place in layout.routers() {
        let mut captures = Vec::new();
        for device in links(&place) {
            let Some(capture) = gathered.or_missing(who::capture_on(seen, &place, &device)) else { continue };
            gathered.missing.extend(who::losses(capture));
            captures.push(capture);
        }
        routers.push((place, captures));
    }
    routers
}

fn finding(router: &Place, one: &Across<'_>, ttls: &BTreeSet<u8>) -> Finding {
    let (from, to) = (one.from.address, one.to.address);
    let listed = who::listed(ttls);
    let does = if ttls.len() == 1 { "none is passed on by any" } else { "they come back to it" };
    Finding {
        reason: Reason::TurnedAway,
        place: router.clone(),
        expected: format!("packets {} → {} passed on once by {router}", one.from.pod, one.to.pod),
        observed: format!("on the links of {router} they have TTL {listed}: {does}"),
        by_hand: Some(format!("tcpdump -nn -v -i any 'icmp or src {from} and dst {to}'")),
    }
}
