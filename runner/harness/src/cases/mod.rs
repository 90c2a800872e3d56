//! The explicit list of cases, in the article's order.

pub mod article;
mod bgp;
mod cilium;
mod cluster;
pub(crate) mod foreign;
mod kind;
mod l2;
mod look;
mod routing;
mod service;
pub(crate) mod topology;
mod traffic;
mod wire;

use crate::case::Case;
use lab_model::Ground;

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

/// The cases of the article's second case, nodes that do not share one L2 network. Only labs in racks have them.
pub const SECOND: &[Case] = &[
    bgp::sessions_are_established::CASE,
    bgp::pod_cidrs_are_learnt::CASE,
    routing::peers_by_the_tor_alone::CASE,
    wire::path_by_declared_routers::CASE,
    wire::no_router_turns_packets_away::CASE,
];

/// All cases that a selection chooses from: those of the article's steps, and in racks those of its second case too, each after
/// the others of its area.
pub fn offered(ground: impl Into<Ground>) -> impl Iterator<Item = &'static Case> {
    let second = if ground.into().bgp { SECOND } else { &[] };
    let last_of_its_area = |at: usize| ALL[at + 1..].iter().all(|later| later.area() != ALL[at].area());
    let in_area = move |area: &'static str| second.iter().filter(move |case| case.area() == area);
    let after = move |at: usize| last_of_its_area(at).then(|| in_area(ALL[at].area())).into_iter().flatten();
    let elsewhere = second.iter().filter(|case| ALL.iter().all(|first| first.area() != case.area()));
    ALL.iter().enumerate().flat_map(move |(at, case)| std::iter::once(case).chain(after(at))).chain(elsewhere)
}

/// The cases that exist there, in the article's order.
pub fn on(ground: impl Into<Ground>) -> impl Iterator<Item = &'static Case> {
    let ground = ground.into();
    offered(ground).filter(move |case| case.exists_on(ground))
}

/// The case of this name.
pub fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().chain(SECOND).find(|case| case.name == name)
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
            at_once: None,
            judge: |stored, expect| $crate::case::judge_stored(stored, expect, $judge),
            found: $found,
        })
    };
}
use both;

/// `On::KindOnly` from a look (an `async fn(&KindLab) -> Result<Seen, String>`) and a judge of what it yields. A look that waits
/// has one beside it that does not.
macro_rules! kind_only {
    (@ $look:expr) => {
        |lab| Box::pin(async move { $crate::case::store(&$look(lab.cluster()?).await?) })
    };
    (@ $look:expr, $judge:expr, $at_once:expr) => {
        $crate::case::On::KindOnly($crate::case::Body {
            look: kind_only!(@ $look),
            at_once: $at_once,
            judge: |stored, expect| $crate::case::judge_stored(stored, expect, $judge),
            found: None,
        })
    };
    ($look:expr, $judge:expr) => {
        kind_only!(@ $look, $judge, None)
    };
    ($look:expr, $judge:expr, at_once: $at_once:expr) => {
        kind_only!(@ $look, $judge, Some(kind_only!(@ $at_once)))
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
