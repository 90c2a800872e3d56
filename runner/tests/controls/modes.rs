//! All cases in each routing mode, and in a larger lab.

use lab_harness::case::Case;
use lab_harness::cases;
use lab_model::Reason::{
    Encapsulated, LeaksToGateway, MtuDoesNotFit, NoAnswer, PodUnreachable, RouteMissing, SomeUnanswered, ThroughTunnel,
    TunnelDevice,
};
use lab_model::stage::Stage;
use lab_model::{BackendKind, Routing};
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2};

use crate::control::{Fault, Scene, judge_all};

/// A lab in which every case is judged.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) scene: Scene,
}

pub(crate) const ALL: &[Mode] = &[
    Mode { name: "routing_mode_native_refutes_no_case", scene: Scene::SOUND },
    Mode { name: "routing_mode_vxlan_refutes_four_cases_and_no_others", scene: VXLAN },
    Mode { name: "routing_mode_none_refutes_six_cases_leaves_two_unobserved_and_no_others", scene: NONE },
];

/// `lab run --routing vxlan`.
pub(crate) const VXLAN: Scene = Scene {
    shape: |spec| spec.routing = Routing::Vxlan,
    fault: Fault::None,
    turns: &[
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(ThroughTunnel, CONTROL_PLANE), (ThroughTunnel, WORKER), (ThroughTunnel, WORKER2)]),
        ),
        (
            "routing::no_tunnel_device",
            Refuted(&[(TunnelDevice, CONTROL_PLANE), (TunnelDevice, WORKER), (TunnelDevice, WORKER2)]),
        ),
        ("wire::frames_are_not_encapsulated", Refuted(&[(Encapsulated, WORKER), (Encapsulated, WORKER2)])),
        ("wire::full_mtu_fits", Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)])),
    ],
};

/// `lab run --routing none`.
pub(crate) const NONE: Scene = Scene {
    shape: |spec| spec.routing = Routing::None,
    fault: Fault::None,
    turns: &[
        (
            "routing::direct_route_to_every_peer",
            Refuted(&[(RouteMissing, CONTROL_PLANE), (RouteMissing, WORKER), (RouteMissing, WORKER2)]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(NoAnswer, CONTROL_PLANE)])),
        ("service::answers_from_each_pod", Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
        ("wire::pods_reach_each_other_directly", Refuted(&[(PodUnreachable, POD1), (PodUnreachable, POD2)])),
        ("wire::frames_are_not_encapsulated", Unobserved("nothing is proved")),
        ("wire::source_address_is_kept", Unobserved("nothing is proved")),
        ("wire::full_mtu_fits", Refuted(&[(MtuDoesNotFit, POD1), (MtuDoesNotFit, POD2)])),
        ("wire::nothing_leaks_to_the_uplink", Refuted(&[(LeaksToGateway, WORKER), (LeaksToGateway, WORKER2)])),
    ],
};

impl Mode {
    pub(crate) fn run(&self) -> Result<(), String> {
        let on_netns: Vec<&Case> = cases::ALL.iter().filter(|case| case.body(BackendKind::Netns).is_some()).collect();
        judge_all(&self.scene, Stage::TrafficObserved, &on_netns, &[])
    }
}
