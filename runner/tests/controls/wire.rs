//! Controls of `wire::…`.

use lab_model::Reason::MtuDoesNotFit;
use lab_model::observe::{Mtu, Place};
use lab_netns::tamper::Act;
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::members::{POD1, POD2, WORKER2, node_plan, pod};

use crate::control::{Control, made};

const FULL_MTU: &str = "wire::full_mtu_fits";
const MASQUERADED: &str = "wire::masqueraded_outside_the_native_cidr";
const NO_LEAK: &str = "wire::nothing_leaks_to_the_uplink";

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "narrow-port",
        "The MTU of the bridge's port of kind-worker2 is 1400.",
        |plan| vec![(Place::Bridge, Act::SetMtu { device: node_plan(plan, WORKER2).port.clone(), mtu: Mtu(1400) })],
        &[FULL_MTU],
        &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)]))],
    ),
    made(
        "narrow-pod",
        "The MTU of the first pod's eth0 is 1400.",
        |_plan| vec![(pod(POD1), Act::SetMtu { device: "eth0".to_owned(), mtu: Mtu(1400) })],
        &[FULL_MTU],
        &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)]))],
    ),
    made(
        "nothing-outside",
        "Both pods drop what they send to the bridge's gateway.",
        |plan| {
            let outside = Act::DropTo { destination: plan.gateway.addr() };
            [POD1, POD2].map(|name| (pod(name), outside.clone())).to_vec()
        },
        &[],
        &[(MASQUERADED, Unobserved("0 of 1 requests")), (NO_LEAK, Unobserved("nothing is proved"))],
    ),
];
