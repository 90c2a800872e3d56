//! What no claim about the wire can do without.

use super::*;

#[test]
fn silence_proves_nothing() {
    for judge in ALL {
        held(judge, &native());
        unobserved(judge, &nothing_at_all(), "");
    }
    for judge in [
        frames_are_not_encapsulated,
        no_router_between_nodes,
        source_address_is_kept,
        masqueraded_outside_the_native_cidr,
        nothing_leaks_to_the_uplink,
    ] {
        unobserved(judge, &nothing_captured(), "nothing is proved");
    }
}

#[test]
fn nobody_is_taken_for_granted() {
    let judges: [Judge; 6] = [
        pods_reach_each_other_directly,
        frames_are_not_encapsulated,
        no_router_between_nodes,
        source_address_is_kept,
        full_mtu_fits,
        masqueraded_outside_the_native_cidr,
    ];
    for judge in judges {
        let mut seen = native();
        seen.pods[0].address = None;
        unobserved(judge, &seen, "pod hello-app-a had no address");
        let mut seen = native();
        seen.pods[0].node = None;
        unobserved(judge, &seen, "no node claims pod hello-app-a");
        let mut seen = native();
        seen.pods.remove(0);
        unobserved(judge, &seen, "no pod hello-app-a was seen");
        let mut seen = native();
        seen.nodes.remove(&NodeName::from("kind-worker"));
        unobserved(judge, &seen, "nobody looked into kind-worker");
        let mut seen = native();
        seen.nodes.values_mut().for_each(|view| view.links.clear());
        unobserved(judge, &seen, "kind-worker has no eth0 with a link-layer address");
    }
}
