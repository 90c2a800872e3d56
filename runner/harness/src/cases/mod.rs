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

pub use traffic::observe as observe_traffic;

/// All cases, in the article's order.
pub const ALL: &[Case] = &[
    cluster::DOCKER_ENGINE_ANSWERS,
    cluster::THREE_NODE_CONTAINERS_RUN,
    cluster::THREE_NODES_RUN,
    cluster::NO_KUBE_PROXY,
    cluster::NODES_NOT_READY_FOR_WANT_OF_A_CNI,
    cluster::NODES_ARE_WHAT_THE_ARTICLE_SHOWS,
    l2::NODES_SHARE_ONE_BRIDGE,
    l2::PEERS_ARE_ADJACENT,
    cluster::CONTROL_PLANE_RUNS_NESTED_CONTAINERS,
    routing::ONLY_BASE_ROUTES_BEFORE,
    cilium::RELEASE_HAS_THE_ARTICLES_VALUES,
    cilium::IMAGES_ARE_THE_PINNED_ONES,
    cilium::COMPONENTS_ARE_OK,
    cilium::ROUTES_NATIVELY,
    cluster::NODES_BECOME_READY,
    routing::DIRECT_ROUTE_TO_EVERY_PEER,
    routing::NO_TUNNEL_DEVICE,
    routing::OWN_PODS_ARE_LOCAL,
    service::TWO_REPLICAS_ON_TWO_WORKERS,
    service::CLUSTER_IP_HAS_BOTH_BACKENDS,
    service::LOAD_BALANCER_TABLE_MATCHES,
    service::ANSWERS_FROM_THE_CONTROL_PLANE,
    service::ANSWERS_FROM_EACH_POD,
    wire::PODS_REACH_EACH_OTHER_DIRECTLY,
    wire::FRAMES_ARE_NOT_ENCAPSULATED,
    wire::SOURCE_ADDRESS_IS_KEPT,
    wire::FULL_MTU_FITS,
    wire::MASQUERADED_OUTSIDE_THE_NATIVE_CIDR,
    wire::NOTHING_LEAKS_TO_THE_UPLINK,
];

/// The case of this name.
pub fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().find(|case| case.name == name)
}

/// `On::Both` from a look (an `async fn(&Lab) -> Result<Seen, String>`) and a judge of what it yields.
macro_rules! both {
    ($look:expr, $judge:expr) => {
        $crate::case::On::Both($crate::case::Body {
            look: |lab| Box::pin(async move { $crate::case::store(&$look(lab).await?) }),
            judge: |stored, expect| $crate::case::judge_stored(stored, expect, $judge),
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
        })
    };
}
use kind_only;

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::BackendKind;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_name_their_area() {
        let names: BTreeSet<&str> = ALL.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), ALL.len());
        for case in ALL {
            let (area, claim) = case.name.split_once("::").expect("a case's name is area::claim");
            assert!(!area.is_empty() && !claim.is_empty(), "{}", case.name);
            assert!(
                case.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c)),
                "{}",
                case.name
            );
        }
    }

    #[test]
    fn eighteen_cases_run_on_both_backends_and_eleven_on_kind_alone() {
        let on = |backend| ALL.iter().filter(|case| case.body(backend).is_some()).count();
        assert_eq!((on(BackendKind::Netns), on(BackendKind::Kind)), (18, 29));
    }

    #[test]
    fn every_step_beside_the_article_names_a_case() {
        for case in lab_report::beside::cases() {
            assert!(find(case).is_some(), "{case}");
        }
    }
}
