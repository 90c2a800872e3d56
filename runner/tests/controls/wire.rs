//! Controls of `wire::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{LeaksToGateway, MtuDoesNotFit, SourceTranslated};
use lab_model::Routing;
use lab_model::observe::{Mtu, Place};
use lab_model::stage::Stage;
use lab_netns::plan::{PodPlan, Spec};
use lab_netns::tamper::Act;
use lab_sabotage::Apply;
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::acts::{masquerade, route};
use lab_sabotage::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2, node, node_plan, pod, pod_plan};

use crate::control::{Control, made};

const FULL_MTU: &str = "wire::full_mtu_fits";
const MASQUERADED: &str = "wire::masqueraded_outside_the_native_cidr";
const SOURCE: &str = "wire::source_address_is_kept";
const NO_LEAK: &str = "wire::nothing_leaks_to_the_uplink";

/// As Docker makes a network where `default-address-pools` is set.
fn within_the_native_cidr(spec: &mut Spec) {
    spec.subnet = Ipv4Net::new_assert([10, 89, 0, 0].into(), 16);
}

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
    made(
        "translated-behind-the-wire",
        "On kind-worker2 what leaves for the second pod by the pod's own link is masqueraded.",
        |plan| {
            let PodPlan { host_device, address, .. } = pod_plan(plan, POD2);
            vec![(node(WORKER2), masquerade(host_device, (*address).into()))]
        },
        &[SOURCE],
        &[(SOURCE, Refuted(&[(SourceTranslated, POD2)]))],
    ),
    made(
        "no-sign-of-the-control-plane",
        "What kind-control-plane sends to the bridge's gateway goes by its loopback, and is not seen on eth0.",
        |plan| vec![(node(CONTROL_PLANE), route(plan.gateway.addr().into(), "lo", None))],
        &[],
        &[(NO_LEAK, Unobserved("the echo request of kind-control-plane to 172.18.0.1 was not seen"))],
    ),
    made(
        "nodes-within-the-native-cidr",
        "The lab is built on 10.89.0.0/16, where the gateway too lies within the native routing CIDR.",
        |_plan| Vec::new(),
        &[],
        &[],
    )
    .by(Apply::Built(Stage::ClusterCreated, within_the_native_cidr)),
    made(
        "leak-within-the-native-cidr",
        "The same, without pod routes.",
        |_plan| Vec::new(),
        &[NO_LEAK],
        &[(NO_LEAK, Refuted(&[(LeaksToGateway, WORKER), (LeaksToGateway, WORKER2)]))],
    )
    .by(Apply::Built(Stage::ClusterCreated, |spec| {
        within_the_native_cidr(spec);
        spec.routing = Routing::None;
    }))
    .alone(),
];
