//! Faults that show in the frames on the links.

use super::super::acts::{masquerade, mtu, sysctl};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2, node, node_plan, pod};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{KernelDisagrees, NoAnswer, NoArpAnswer, NotMasqueraded, RouteMissing, SourceTranslated};
use lab_model::observe::{Place, UPLINK};
use lab_netns::tamper::Act;

/// A node that does not forward packets: `net.ipv4.ip_forward` is 0.
pub(super) const IP_FORWARD_OFF: Fault = Fault {
    name: "ip_forward-off",
    what: "On kind-worker2 net.ipv4.ip_forward is 0.",
    apply: Apply::Acts(|_plan| vec![(node(WORKER2), sysctl("net/ipv4/ip_forward", "0"))]),
    kills: &["wire::pods_reach_each_other_directly"],
    breaks: &[Effect::PodsApart, Effect::NothingFromSecond, Effect::SecondPodHidden],
    turns: &[
        // Without forwarding, the kernel's own route lookup finds no way for a pod's packet.
        ("l2::peers_are_adjacent", Refuted(&[(RouteMissing, WORKER2), (KernelDisagrees, WORKER2)])),
        ("routing::direct_route_to_every_peer", Refuted(&[(RouteMissing, WORKER2), (KernelDisagrees, WORKER2)])),
        (
            "wire::masqueraded_outside_the_native_cidr",
            Unobserved("0 of 1 requests to 172.18.0.1:9999 that were made on kind-worker2"),
        ),
        ("wire::nothing_leaks_to_the_uplink", Unobserved("the request of hello-app-2 to 172.18.0.1:9999 was not seen")),
    ],
    undo: Undo::PutBack,
};

/// Packets within the native routing CIDR are masqueraded, as if that CIDR were configured wrongly.
pub(super) const MASQUERADED_INSIDE: Fault = Fault {
    name: "masqueraded-inside",
    what: "On kind-worker what leaves for the native routing CIDR is masqueraded too.",
    apply: Apply::Acts(|plan| vec![(node(WORKER), masquerade(UPLINK, plan.spec.native_cidr))]),
    kills: &["wire::source_address_is_kept"],
    breaks: &[],
    turns: &[
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
        ("wire::source_address_is_kept", Refuted(&[(SourceTranslated, POD2)])),
    ],
    undo: Undo::PutBack,
};

/// A link with a lower MTU than the others, as if a tunnel lay in between and the hosts' MTU had not been lowered for it.
pub(super) const MTU_LOWERED: Fault = Fault {
    name: "mtu-lowered",
    what: "On kind-worker2 the MTU of eth0 is 1400.",
    apply: Apply::Acts(|_plan| vec![(node(WORKER2), mtu(UPLINK, 1400))]),
    kills: &["wire::full_mtu_fits"],
    breaks: &[Effect::NarrowPath],
    turns: &[],
    // A host that received "packet too big" remembers that for ten minutes (net.ipv4.route.mtu_expires).
    undo: Undo::PutBackAnd(|_plan| {
        [node(WORKER), node(WORKER2), pod(POD1), pod(POD2)].map(|place| (place, Act::ForgetPaths)).to_vec()
    }),
};

/// All links of nodes have a smaller MTU than the bridge, so comparing the links of nodes with each other shows nothing.
pub(super) const EVERY_LINK_NARROW: Fault = Fault {
    name: "every-link-narrow",
    what: "On every node the MTU of eth0 is 1280, and the bridge takes 1500.",
    apply: Apply::Acts(|_plan| [CONTROL_PLANE, WORKER, WORKER2].map(|name| (node(name), mtu(UPLINK, 1280))).to_vec()),
    kills: &["wire::full_mtu_fits"],
    breaks: &[Effect::NarrowPath],
    turns: &[],
    undo: MTU_LOWERED.undo,
};

/// A node is disconnected from the bridge, so that not a single frame is captured on it.
pub(super) const CONTROL_PLANE_UNPLUGGED: Fault = Fault {
    name: "control-plane-unplugged",
    what: "The bridge's port of kind-control-plane is down: the node sends nothing and receives nothing.",
    apply: Apply::Acts(|plan| {
        vec![(Place::Bridge, Act::SetDown { device: node_plan(plan, CONTROL_PLANE).port.clone() })]
    }),
    kills: &["l2::peers_are_adjacent", "service::answers_from_the_control_plane"],
    breaks: &[],
    turns: &[
        // The control plane itself does not send ARP requests, because its link has no carrier.
        ("l2::peers_are_adjacent", Refuted(&[(NoArpAnswer, WORKER), (NoArpAnswer, WORKER2)])),
        ("service::answers_from_the_control_plane", Refuted(&[(NoAnswer, CONTROL_PLANE)])),
        ("wire::nothing_leaks_to_the_uplink", Unobserved("not one frame was seen on kind-control-plane's eth0")),
    ],
    undo: Undo::PutBack,
};

/// Nothing is masqueraded, so requests leave the native routing CIDR with the pod's own address.
pub(super) const NOT_MASQUERADED_OUTSIDE: Fault = Fault {
    name: "not-masqueraded-outside",
    what: "On kind-worker nothing is masqueraded.",
    apply: Apply::Acts(|_plan| vec![(node(WORKER), Act::StopMasquerading)]),
    kills: &["wire::masqueraded_outside_the_native_cidr"],
    breaks: &[],
    turns: &[("wire::masqueraded_outside_the_native_cidr", Refuted(&[(NotMasqueraded, WORKER)]))],
    undo: Undo::PutBack,
};
