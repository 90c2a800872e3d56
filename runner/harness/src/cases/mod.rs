//! The explicit list of cases, in the article's order.

pub mod article;
mod cilium;
mod cluster;
mod kind;
mod l2;
mod look;
mod routing;
mod service;
mod traffic;
mod wire;

use crate::case::Case;
use lab_model::BackendKind;

pub use traffic::observe as observe_traffic;

/// All cases, in the article's order.
pub const ALL: &[Case] = &[
    cluster::docker_engine_answers::CASE,
    cluster::three_node_containers_run::CASE,
    cluster::three_nodes_run::CASE,
    cluster::no_kube_proxy::CASE,
    cluster::nodes_not_ready_for_want_of_a_cni::CASE,
    cluster::nodes_are_what_the_article_shows::CASE,
    l2::nodes_share_one_bridge::CASE,
    l2::peers_are_adjacent::CASE,
    cluster::control_plane_runs_nested_containers::CASE,
    routing::only_base_routes_before::CASE,
    cilium::release_has_the_articles_values::CASE,
    cilium::images_are_the_pinned_ones::CASE,
    cilium::components_are_ok::CASE,
    cilium::routes_natively::CASE,
    cluster::nodes_become_ready::CASE,
    routing::direct_route_to_every_peer::CASE,
    routing::no_tunnel_device::CASE,
    routing::own_pods_are_local::CASE,
    service::two_replicas_on_two_workers::CASE,
    service::cluster_ip_has_both_backends::CASE,
    service::load_balancer_table_matches::CASE,
    service::answers_from_the_control_plane::CASE,
    service::answers_from_each_pod::CASE,
    wire::pods_reach_each_other_directly::CASE,
    wire::frames_are_not_encapsulated::CASE,
    wire::no_router_between_nodes::CASE,
    wire::source_address_is_kept::CASE,
    wire::full_mtu_fits::CASE,
    wire::masqueraded_outside_the_native_cidr::CASE,
    wire::nothing_leaks_to_the_uplink::CASE,
];

/// The cases that exist on a backend, in the article's order.
pub fn on(backend: BackendKind) -> impl Iterator<Item = &'static Case> {
    ALL.iter().filter(move |case| case.exists_on(backend))
}

/// The case of this name.
pub fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().find(|case| case.name == name)
}

/// `On::Both` from a look (an `async fn(&Lab) -> Result<Seen, String>`) and a judge of what it yields; and, where there is
/// something to draw, from what finds that.
macro_rules! both {
    ($look:expr, $judge:expr) => {
        both!($look, $judge, found: None)
    };
    ($look:expr, $judge:expr, $find:expr) => {
        both!($look, $judge, found: Some(|stored, expect| $crate::case::find_stored(stored, expect, $find)))
    };
    ($look:expr, $judge:expr, found: $found:expr) => {
        $crate::case::On::Both($crate::case::Body {
            look: |lab| Box::pin(async move { $crate::case::store(&$look(lab).await?) }),
            judge: |stored, expect| $crate::case::judge_stored(stored, expect, $judge),
            found: $found,
        })
    };
}
use both;

/// `On::KindOnly` from a look (an `async fn(&KindLab) -> Result<Seen, String>`) and a judge of what it yields.
macro_rules! kind_only {
    ($look:expr, $judge:expr) => {
        $crate::case::On::KindOnly($crate::case::Body {
            look: |lab| Box::pin(async move { $crate::case::store(&$look(lab.cluster()?).await?) }),
            judge: |stored, expect| $crate::case::judge_stored(stored, expect, $judge),
            found: None,
        })
    };
}
use kind_only;

/// What a case's file is written with.
mod prelude {
    pub(super) use super::article::Shown;
    pub(super) use super::{both, kind_only};
    pub(super) use crate::case::Case;
    pub(super) use crate::expect::Expect::{Refuted, Unobserved};
    pub(super) use crate::explanation::{Explanation, breaks, on_kind, on_netns, read, read_on_kind, read_on_netns};
    pub(super) use crate::turned::{
        AGENTS_NOT_READY, BLIND, BRIDGE, CONTROL_PLANE, Effect, NO_POD, NONE_READY, NOTHING_SENT, ONE_READY, POD1,
        POD2, TWO_ADDRESSED, WORKER, WORKER2,
    };
    pub(super) use lab_model::Reason;
    pub(super) use lab_model::deviation::{ImageName, Pinned};
    pub(super) use lab_model::report::Found;
    pub(super) use lab_model::stage::Stage;
}

#[cfg(test)]
mod tests;
