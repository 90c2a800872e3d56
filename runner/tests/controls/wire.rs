//! Controls of `wire::…`.

use lab_model::Reason::{
    LeaksToGateway, MtuDoesNotFit, NotMasqueraded, PodUnreachable, RouteMissing, SomeUnanswered, SourceTranslated,
    WrongFrameAddresses, WrongNextHop,
};
use lab_model::observe::{Mtu, Place};
use lab_netns::plan::Plan;
use lab_netns::tamper::Act;
use lab_sabotage::Expect;
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::acts::{astray, without_route};
use lab_sabotage::members::{POD1, POD2, WORKER, WORKER2, node, node_plan, pod};

use crate::control::{Control, Fault, Scene, accepts, turns};
use crate::modes::{NONE, VXLAN};

const DIRECT: &str = "routing::direct_route_to_every_peer";
const FROM_PODS: &str = "service::answers_from_each_pod";
const REACH: &str = "wire::pods_reach_each_other_directly";
const BARE: &str = "wire::frames_are_not_encapsulated";
const SOURCE: &str = "wire::source_address_is_kept";
const FULL_MTU: &str = "wire::full_mtu_fits";
const MASQUERADED: &str = "wire::masqueraded_outside_the_native_cidr";
const NO_LEAK: &str = "wire::nothing_leaks_to_the_uplink";

pub(crate) const CONTROLS: &[Control] = &[
    accepts(REACH, "accepts_pods_reach_each_other_directly"),
    turns(REACH, "refutes_pods_reach_each_other_directly_without_a_route", Fault::Made(without_route), ROUTE_REMOVED),
    turns(
        REACH,
        "refutes_pods_reach_each_other_directly_when_a_pod_drops_what_comes",
        Fault::Made(|plan| vec![(pod(POD2), Act::DropPort { port: plan.spec.target_port })]),
        &[(REACH, Refuted(&[(PodUnreachable, POD1)]))],
    )
    .alone(),
    accepts(BARE, "accepts_frames_are_not_encapsulated"),
    in_mode(BARE, "refutes_frames_are_not_encapsulated_in_mode_vxlan", VXLAN),
    turns(
        BARE,
        "refutes_frames_are_not_encapsulated_when_they_take_a_third_node",
        Fault::Made(|plan| vec![(node(WORKER), astray(plan))]),
        &[
            (DIRECT, Refuted(&[(WrongNextHop, WORKER)])),
            (BARE, Refuted(&[(WrongFrameAddresses, WORKER), (WrongFrameAddresses, WORKER2)])),
        ],
    ),
    in_mode(BARE, "leaves_frames_are_not_encapsulated_unobserved_in_mode_none", NONE),
    accepts(SOURCE, "accepts_source_address_is_kept"),
    turns(
        SOURCE,
        "refutes_source_address_is_kept_when_masqueraded_within_the_native_cidr",
        Fault::Made(|plan| vec![(node(WORKER), Act::MasqueradeTo(plan.spec.native_cidr))]),
        &[
            (BARE, Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
            (SOURCE, Refuted(&[(SourceTranslated, POD2)])),
        ],
    ),
    in_mode(SOURCE, "leaves_source_address_is_kept_unobserved_in_mode_none", NONE),
    accepts(FULL_MTU, "accepts_full_mtu_fits"),
    in_mode(FULL_MTU, "refutes_full_mtu_fits_in_mode_vxlan", VXLAN),
    turns(
        FULL_MTU,
        "refutes_full_mtu_fits_when_a_port_of_the_bridge_is_narrower",
        Fault::Made(|plan| {
            let device = node_plan(plan, WORKER2).port.clone();
            vec![(Place::Bridge, Act::SetMtu { device, mtu: Mtu(1400) })]
        }),
        &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)]))],
    ),
    turns(
        FULL_MTU,
        "refutes_full_mtu_fits_when_a_pods_own_link_is_narrower",
        Fault::Made(|_plan| vec![(pod(POD1), Act::SetMtu { device: "eth0".to_owned(), mtu: Mtu(1400) })]),
        &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)]))],
    ),
    turns(
        FULL_MTU,
        "refutes_full_mtu_fits_when_a_nodes_own_link_is_narrower",
        Fault::Made(|_plan| vec![(node(WORKER2), Act::SetMtu { device: "eth0".to_owned(), mtu: Mtu(1400) })]),
        &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)]))],
    ),
    accepts(MASQUERADED, "accepts_masqueraded_outside_the_native_cidr"),
    turns(
        MASQUERADED,
        "refutes_masqueraded_outside_the_native_cidr_when_it_is_not",
        Fault::Made(|_plan| vec![(node(WORKER), Act::StopMasquerading)]),
        &[(MASQUERADED, Refuted(&[(NotMasqueraded, WORKER)]))],
    ),
    turns(
        MASQUERADED,
        "leaves_masqueraded_outside_the_native_cidr_unobserved_when_no_request_leaves",
        Fault::Made(nothing_outside),
        NOTHING_OUTSIDE,
    ),
    accepts(NO_LEAK, "accepts_nothing_leaks_to_the_uplink"),
    turns(NO_LEAK, "refutes_nothing_leaks_to_the_uplink_without_a_route", Fault::Made(without_route), ROUTE_REMOVED)
        .alone(),
    turns(
        NO_LEAK,
        "leaves_nothing_leaks_to_the_uplink_unobserved_when_no_request_leaves",
        Fault::Made(nothing_outside),
        NOTHING_OUTSIDE,
    ),
];

/// Its own judgement in this mode; all the others' are in [`crate::modes::ALL`].
const fn in_mode(case: &'static str, name: &'static str, scene: Scene) -> Control {
    Control { name, case, scene, others: false }
}

/// The first worker has no route to the second's pods: what its pods send there, and answer, goes to the gateway.
const ROUTE_REMOVED: &[(&str, Expect)] = &[
    (DIRECT, Refuted(&[(RouteMissing, WORKER)])),
    (FROM_PODS, Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
    (REACH, Refuted(&[(PodUnreachable, POD1), (PodUnreachable, POD2)])),
    (BARE, Refuted(&[(WrongFrameAddresses, WORKER)])),
    (SOURCE, Unobserved("no request from 10.0.1.10 to 10.0.2.11:8080 was seen arriving on hello-app-2's eth0")),
    (FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)])),
    (NO_LEAK, Refuted(&[(LeaksToGateway, WORKER)])),
];

/// No pod's request to the outside leaves the pod.
fn nothing_outside(plan: &Plan) -> Vec<(Place, Act)> {
    let outside = Act::DropTo { destination: plan.gateway.addr() };
    [POD1, POD2].map(|name| (pod(name), outside.clone())).to_vec()
}

const NOTHING_OUTSIDE: &[(&str, Expect)] =
    &[(MASQUERADED, Unobserved("0 of 1 requests")), (NO_LEAK, Unobserved("nothing is proved"))];
