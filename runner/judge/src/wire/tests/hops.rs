//! What routing costs a packet on its way.

use super::*;

fn frames(seen: &mut WireSeen, node: usize) -> &mut Vec<Frame> {
    &mut seen.traffic.captures[node].frames
}

/// All packets to this pod have this TTL on a node's link.
fn with_ttl(seen: &mut WireSeen, node: usize, destination: Ipv4Addr, ttl: u8) {
    let ips = frames(seen, node).iter_mut().filter_map(|frame| frame.ip.as_mut());
    ips.filter(|ip| ip.destination == destination).for_each(|ip| ip.ttl = ttl);
}

#[test]
fn one_ttl_on_both_links_is_accepted() {
    let proof = held(no_router_between_nodes, &native());
    assert_eq!(
        proof.summary,
        "packets hello-app-a → hello-app-b leave kind-worker's eth0 with TTL 63 and arrive with it"
    );
    assert_eq!(proof.details.len(), 2, "{:?}", proof.details);
    let mut seen = native();
    for node in [WORKER, WORKER2] {
        with_ttl(&mut seen, node, B, 254);
    }
    held(no_router_between_nodes, &seen);
}

#[test]
fn a_hop_in_between_refutes_at_the_receivers_node() {
    let mut seen = native();
    with_ttl(&mut seen, WORKER2, B, 62);
    let findings = refuted(no_router_between_nodes, &seen, &[Reason::RoutedInBetween]);
    assert_eq!(findings[0].place, node_place(WORKER2));
    assert_eq!(findings[0].expected, "packets hello-app-a → hello-app-b with TTL 63, as they left kind-worker's eth0");
    assert_eq!(findings[0].observed, "TTL 62 on kind-worker2's eth0: routed 1 time in between");
    let mut seen = native();
    with_ttl(&mut seen, WORKER2, B, 60);
    let findings = refuted(no_router_between_nodes, &seen, &[Reason::RoutedInBetween]);
    assert_eq!(findings[0].observed, "TTL 60 on kind-worker2's eth0: routed 3 times in between");
    // One packet of many is enough, and one that gained is as wrong as one that lost.
    let mut seen = native();
    let ip = frames(&mut seen, WORKER2).iter_mut().filter_map(|frame| frame.ip.as_mut()).find(|ip| ip.destination == B);
    ip.expect("a packet").ttl = 64;
    let findings = refuted(no_router_between_nodes, &seen, &[Reason::RoutedInBetween]);
    assert_eq!(findings[0].observed, "TTL 64 on kind-worker2's eth0");
}

#[test]
fn what_did_not_leave_or_arrive_proves_nothing() {
    let unseen = |node: usize, words: &str| {
        let mut seen = native();
        frames(&mut seen, node).retain(|frame| frame.ip.as_ref().is_none_or(|ip| ip.destination != B));
        unobserved(no_router_between_nodes, &seen, words);
    };
    unseen(WORKER, "no packet hello-app-a → hello-app-b was seen leaving by kind-worker's eth0: nothing is proved");
    unseen(WORKER2, "no packet hello-app-a → hello-app-b was seen arriving on kind-worker2's eth0: nothing is proved");
    let mut seen = native();
    let first =
        frames(&mut seen, WORKER).iter_mut().filter_map(|frame| frame.ip.as_mut()).find(|ip| ip.destination == B);
    first.expect("a packet").ttl = 62;
    unobserved(no_router_between_nodes, &seen, "left kind-worker's eth0 with several TTLs (62, 63)");
}

/// What is in a tunnel is not seen by those who route the tunnel.
#[test]
fn packets_in_a_tunnel_prove_nothing() {
    let mut seen = native();
    for node in [WORKER, WORKER2] {
        let bare = std::mem::take(frames(&mut seen, node));
        *frames(&mut seen, node) = wrapped(bare, TunnelKind::Vxlan);
    }
    unobserved(no_router_between_nodes, &seen, "no packet hello-app-a → hello-app-b was seen leaving");
}

#[test]
fn a_capture_that_lost_frames_may_have_lost_the_one_that_was_routed() {
    let mut seen = native();
    seen.traffic.captures.iter_mut().for_each(|capture| capture.lost = 1);
    unobserved(no_router_between_nodes, &seen, "lost 1 frame: it proves no absence");
}
