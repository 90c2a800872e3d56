//! Faults of labs in racks: sessions, what is learnt over them, and the way that packets take.

use super::super::acts::{address, route};
use super::super::fault::{Apply, Fault, InRacks, Undo};
use super::super::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{
    DaemonDisagrees, Encapsulated, LearntElsewhere, NotLearnt, OwnRouteToPeer, SessionDown, TunnelDevice, TurnedAway,
    WrongPath, WrongSession,
};
use lab_model::Routing;
use lab_model::racks::tor;
use lab_netns::announce::Announcing;

const TOR0: &str = "tor0";
const TOR1: &str = "tor1";
const ROUTER: &str = "router";

/// What the routers say of the pods on the second worker when nobody announces them.
const NOWHERE_LEARNT: &[(lab_model::Reason, &str)] = &[(NotLearnt, TOR0), (NotLearnt, TOR1), (NotLearnt, ROUTER)];

/// The ToR of the sender's rack has no way, or takes the last of the packets' TTL.
const TURNED_AWAY_AT_TOR0: (&str, lab_harness::expect::Expect) =
    ("wire::no_router_turns_packets_away", Refuted(&[(TurnedAway, TOR0)]));

/// What ends when an agent does.
pub(super) const SESSION_DOWN: Fault = Fault {
    name: "session-down",
    what: "The speaker of kind-worker2 ends, as when its agent does; all routers have withdrawn its pod CIDR within two seconds.",
    apply: Apply::Racks(InRacks::Announce(WORKER2, Announcing::NotAtAll)),
    kills: &["bgp::sessions_are_established"],
    breaks: &[Effect::PodsApart, Effect::SecondPodHidden, Effect::NothingFromFirst],
    turns: &[
        ("bgp::sessions_are_established", Refuted(&[(SessionDown, TOR1)])),
        ("bgp::pod_cidrs_are_learnt", Refuted(NOWHERE_LEARNT)),
        TURNED_AWAY_AT_TOR0,
    ],
    undo: Undo::PutBack,
};

/// `localASN` of another rack's policy.
pub(super) const WRONG_AS: Fault = Fault {
    name: "wrong-as",
    what: "The speaker of kind-worker2 says that it is in AS 64512, and its ToR refuses that.",
    apply: Apply::Racks(InRacks::Announce(WORKER2, Announcing::FromAnotherAs)),
    ..SESSION_DOWN
};

/// `exportPodCIDR: false`.
pub(super) const CIDR_NOT_EXPORTED: Fault = Fault {
    name: "cidr-not-exported",
    what: "The speaker of kind-worker2 has its session and announces nothing, as without exportPodCIDR.",
    apply: Apply::Racks(InRacks::Announce(WORKER2, Announcing::Nothing)),
    kills: &["bgp::pod_cidrs_are_learnt", "wire::no_router_turns_packets_away"],
    breaks: &[Effect::PodsApart, Effect::SecondPodHidden, Effect::NothingFromFirst],
    turns: &[("bgp::pod_cidrs_are_learnt", Refuted(NOWHERE_LEARNT)), TURNED_AWAY_AT_TOR0],
    undo: Undo::PutBack,
};

/// Its control plane hangs, and its links and its kernel are well.
pub(super) const ROUTER_SILENT_BUT_UP: Fault = Fault {
    name: "router-silent-but-up",
    what: "BIRD of the router is stopped (SIGSTOP), with a hold time of 3 s on its sessions; after it the ToRs have withdrawn what it told them.",
    apply: Apply::Racks(InRacks::Silence(ROUTER)),
    kills: &["bgp::sessions_are_established", "bgp::pod_cidrs_are_learnt", "wire::no_router_turns_packets_away"],
    breaks: &[Effect::PodsApart, Effect::SecondPodHidden, Effect::NothingFromFirst],
    turns: &[
        ("bgp::sessions_are_established", Refuted(&[(SessionDown, TOR0), (SessionDown, TOR1)])),
        ("bgp::pod_cidrs_are_learnt", Refuted(&[(NotLearnt, TOR0), (NotLearnt, TOR1)])),
        ("wire::no_router_turns_packets_away", Refuted(&[(TurnedAway, TOR0), (TurnedAway, TOR1)])),
    ],
    undo: Undo::PutBack,
};

/// A filter too many.
pub(super) const TOR_PASSES_NOTHING_ON: Fault = Fault {
    name: "tor-passes-nothing-on",
    what: "tor1 has learnt the pods of kind-worker2, and exports no pod CIDR to the router.",
    apply: Apply::Racks(InRacks::Configure {
        at: TOR1,
        text: "import all; export all; };\n}\n# end",
        instead: "import all; export where net !~ [ 10.0.0.0/8+ ]; };\n}\n# end",
    }),
    kills: &["bgp::pod_cidrs_are_learnt"],
    breaks: &[Effect::PodsApart, Effect::SecondPodHidden, Effect::NothingFromFirst],
    turns: &[("bgp::pod_cidrs_are_learnt", Refuted(&[(NotLearnt, TOR0), (NotLearnt, ROUTER)])), TURNED_AWAY_AT_TOR0],
    undo: Undo::PutBack,
};

/// What somebody added by hand, once.
pub(super) const STATIC_ROUTE_HIDES_THE_LEARNT_ONE: Fault = Fault {
    name: "static-route-hides-the-learnt-one",
    what: "tor0 has a static route to the pods of kind-worker2, via kind-control-plane, with a better metric than BIRD's.",
    apply: Apply::Racks(InRacks::Acts(|plan| {
        let way = route(node_plan(plan, WORKER2).pod_cidr, &plan.spec.bridge, Some(address(plan, CONTROL_PLANE)));
        vec![(tor(0), way)]
    })),
    kills: &["bgp::pod_cidrs_are_learnt"],
    breaks: &[Effect::PodsApart, Effect::SecondPodHidden, Effect::NothingFromFirst],
    turns: &[
        ("bgp::pod_cidrs_are_learnt", Refuted(&[(DaemonDisagrees, TOR0)])),
        // kind-control-plane gives them back to tor0, until their TTL has ended.
        ("wire::path_by_declared_routers", Refuted(&[(WrongPath, TOR0)])),
        TURNED_AWAY_AT_TOR0,
    ],
    undo: Undo::PutBack,
};

/// Cabled to the wrong ToR.
pub(super) const NODE_IN_THE_OTHER_RACK: Fault = Fault {
    name: "node-in-the-other-rack",
    what: "The lab is built with kind-worker in the rack of kind-worker2.",
    apply: Apply::Racks(InRacks::Built(|spec| {
        if let Some([first, second]) = spec.racks.as_mut().map(|racks| &mut racks.layout.racks[..]) {
            let moved = first.nodes.iter().position(|node| node.0 == WORKER);
            second.nodes.extend(moved.map(|at| first.nodes.remove(at)));
        }
    })),
    kills: &["bgp::sessions_are_established", "bgp::pod_cidrs_are_learnt"],
    breaks: &[],
    turns: &[
        ("bgp::sessions_are_established", Refuted(&[(WrongSession, TOR0)])),
        ("routing::peers_by_the_tor_alone", Refuted(&[(OwnRouteToPeer, WORKER)])),
        // Both nodes are behind tor1 now, and their packets do not leave it.
        ("wire::path_by_declared_routers", Refuted(&[(WrongPath, WORKER), (WrongPath, WORKER2), (WrongPath, TOR1)])),
        (
            "bgp::pod_cidrs_are_learnt",
            Refuted(&[(LearntElsewhere, TOR0), (LearntElsewhere, TOR1), (LearntElsewhere, ROUTER)]),
        ),
    ],
    undo: Undo::BuiltAgain,
};

/// `autoDirectNodeRoutes` left on: it works within a rack.
pub(super) const DIRECT_ROUTE_WITHIN_A_RACK: Fault = Fault {
    name: "direct-route-within-a-rack",
    what: "kind-worker has a direct route to the pods of kind-control-plane, in the same rack.",
    apply: Apply::Racks(InRacks::Acts(|plan| vec![(node(WORKER), super::super::acts::direct(plan, CONTROL_PLANE))])),
    kills: &["routing::peers_by_the_tor_alone"],
    breaks: &[],
    turns: &[("routing::peers_by_the_tor_alone", Refuted(&[(OwnRouteToPeer, WORKER)]))],
    undo: Undo::PutBack,
};

/// The lab of `--topology racks --routing vxlan`.
pub(super) const OVERLAY_ANSWERS_ALL_THE_SAME: Fault = Fault {
    name: "overlay-answers-all-the-same",
    what: "The lab is built with an overlay between racks: all requests are answered, and no router knows a pod.",
    apply: Apply::Racks(InRacks::Built(|spec| spec.routing = Routing::Vxlan)),
    kills: &["wire::path_by_declared_routers", "routing::peers_by_the_tor_alone"],
    breaks: &[Effect::NarrowPath],
    turns: &[
        (
            "routing::no_tunnel_device",
            Refuted(&[(TunnelDevice, CONTROL_PLANE), (TunnelDevice, WORKER), (TunnelDevice, WORKER2)]),
        ),
        (
            "routing::peers_by_the_tor_alone",
            Refuted(&[(OwnRouteToPeer, CONTROL_PLANE), (OwnRouteToPeer, WORKER), (OwnRouteToPeer, WORKER2)]),
        ),
        ("wire::frames_are_not_encapsulated", Refuted(&[(Encapsulated, WORKER), (Encapsulated, WORKER2)])),
        ("wire::path_by_declared_routers", Refuted(&[(Encapsulated, WORKER), (Encapsulated, WORKER2)])),
        ("wire::no_router_turns_packets_away", Unobserved("no router passed on packets hello-app-1 → hello-app-2")),
        ("bgp::sessions_are_established", Refuted(&[(SessionDown, TOR0), (SessionDown, TOR1)])),
        ("bgp::pod_cidrs_are_learnt", Refuted(NOWHERE_LEARNT)),
    ],
    undo: Undo::BuiltAgain,
};
