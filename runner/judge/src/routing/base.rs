//! What routes there are before routing is installed.

use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};

use super::UPLINK;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NetnsView, NodeName, Place, Route, RouteKind, TABLE_LOCAL, TABLE_MAIN};
use lab_model::seen::BaseSeen;
use lab_model::{Judgement, Proof, Reason, words};

/// How many routes a node has of its own: the default route and the link route of its one link.
const BASE_ROUTES: usize = 2;

/// Before routing is installed, a node has its default route via the bridge's gateway and its link route, and no other
/// (IPv4, tables other than local). One that has a declared link for management has that link's route besides.
///
/// # Errors
/// [`Reason::RouteBeforeRouting`] for each further route, [`Reason::BaseRouteMissing`] for each of the two that is not
/// there; unobserved when not all nodes were looked into.
pub fn only_base_routes_before(seen: &BaseSeen, expect: &Expectations) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("no node's routes were observed before routing was installed");
    }
    let mut weighing = Weighing::default();
    let management = expect.racks.as_ref().and_then(|racks| racks.management.as_deref());
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!(
            "routes before routing was installed were observed on {} of {} nodes",
            seen.nodes.len(),
            expect.nodes()
        ));
    }
    for (name, view) in &seen.nodes {
        let gateway = seen.gateways.get(name).copied().unwrap_or(seen.gateway);
        weigh(name, view, gateway, management, &mut weighing);
    }
    weighing.conclude(|| {
        let nodes = seen.nodes.len();
        let routes = BASE_ROUTES + usize::from(management.is_some());
        Proof::new(format!(
            "{routes} of {routes} routes are base routes on {nodes} of {nodes} nodes before routing was installed, observed {} before",
            words::span(seen.age)
        ))
        .with_details(seen.nodes.iter().map(|(name, view)| {
            let routes: Vec<String> = candidates(view).map(words::route).collect();
            format!("{name}: {}", routes.join("; "))
        }))
    })
}

fn candidates(view: &NetnsView) -> impl Iterator<Item = &Route> {
    view.routes.iter().filter(|route| route.table != TABLE_LOCAL)
}

fn weigh(name: &NodeName, view: &NetnsView, gateway: Ipv4Addr, management: Option<&str>, weighing: &mut Weighing) {
    let place = || Place::Node(name.clone());
    let by_hand = || Some("ip -4 route show table all".to_owned());
    let subnet_of = |device: &str| view.address_of(device).map(|address| address.trunc());
    let subnet = subnet_of(UPLINK);
    // Its device, and its subnet where it has one.
    let management = management.map(|device| (device, subnet_of(device)));
    let mut default_seen = false;
    let mut link_seen = false;
    let mut management_seen = false;
    for route in candidates(view) {
        // A second one like it would be one more than a node has of its own.
        if !default_seen && leads(route, Ipv4Net::default(), Some(gateway), UPLINK) {
            default_seen = true;
        } else if !link_seen && subnet.is_some_and(|subnet| leads(route, subnet, None, UPLINK)) {
            link_seen = true;
        } else if !management_seen
            && let Some((device, Some(subnet))) = management
            && leads(route, subnet, None, device)
        {
            management_seen = true;
        } else {
            weighing.refute(
                Reason::RouteBeforeRouting,
                place(),
                format!("{name}: no routes but the default route and the link route"),
                format!("{name}: {}", words::route(route)),
                by_hand(),
            );
        }
    }
    let mut missing = |expected: String, observed: &str| {
        weighing.refute(
            Reason::BaseRouteMissing,
            place(),
            format!("{name}: {expected}"),
            format!("{name}: {observed}"),
            by_hand(),
        );
    };
    if !default_seen {
        missing(format!("default via {gateway} dev {UPLINK}"), "no such route");
    }
    if let Some((device, _)) = management
        && !management_seen
    {
        missing(format!("the link route of {device}'s subnet"), "no such route");
    }
    match subnet {
        Some(_) if link_seen => {}
        Some(subnet) => missing(format!("{subnet} dev {UPLINK}"), "no such route"),
        None => missing(format!("the link route of {UPLINK}'s subnet"), "no IPv4 address on eth0"),
    }
}

/// Whether this is a plain route of the main table to there, through this link.
fn leads(route: &Route, destination: Ipv4Net, gateway: Option<Ipv4Addr>, device: &str) -> bool {
    let [hop] = route.hops.as_slice() else { return false };
    route.table == TABLE_MAIN
        && route.kind == RouteKind::Unicast
        && route.destination == destination
        && hop.gateway == gateway.map(IpAddr::V4)
        && hop.device.as_deref() == Some(device)
        && !hop.encapsulates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::{addr, expectations};
    use lab_model::NotHeld;
    use std::time::Duration;

    fn seen() -> BaseSeen {
        BaseSeen {
            age: Duration::from_secs(3),
            gateway: addr("172.18.0.1"),
            gateways: std::collections::BTreeMap::new(),
            nodes: fixture::views(3, fixture::base_view),
        }
    }

    /// What is judged once kind-worker's view is changed so.
    fn judged(change: impl FnOnce(&mut NetnsView)) -> Judgement {
        let mut seen = seen();
        change(seen.nodes.get_mut(&NodeName::from(fixture::WORKER)).expect("a worker"));
        only_base_routes_before(&seen, &expectations())
    }

    fn refuted(change: impl FnOnce(&mut NetnsView)) -> Vec<Reason> {
        judged(change).expect_err("refuted").reasons()
    }

    #[test]
    fn accepts_base_routes_and_says_how_old_they_are() {
        let proof = judged(|_view| {}).expect("held");
        assert_eq!(
            proof.summary,
            "2 of 2 routes are base routes on 3 of 3 nodes before routing was installed, observed 3 s before"
        );
        assert_eq!(proof.details[1], "kind-worker: default via 172.18.0.1 dev eth0; 172.18.0.0/16 dev eth0");
    }

    #[test]
    fn refutes_any_further_route_of_any_table() {
        for text in [
            "10.0.2.0/24 via 172.18.0.4 dev eth0",
            "10.0.2.0/24 via 172.18.0.4 dev eth0 table 100",
            "default via 172.18.0.1 dev eth0 metric 5",
            "blackhole 10.0.0.0/8",
            "default via inet6 fe80::1 dev eth0",
            "172.18.0.0/16 via inet6 fe80::1 dev eth0 metric 5",
        ] {
            let Err(NotHeld::Refuted(findings)) = judged(|view| view.routes.push(fixture::route(text))) else {
                panic!("{text} is not refuted");
            };
            assert_eq!(findings.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::RouteBeforeRouting]);
            assert_eq!(findings[0].observed, format!("kind-worker: {text}"));
        }
    }

    #[test]
    fn refutes_a_base_route_that_is_missing() {
        assert_eq!(refuted(|view| drop(view.routes.remove(0))), [Reason::BaseRouteMissing]);
        assert_eq!(refuted(|view| drop(view.routes.remove(1))), [Reason::BaseRouteMissing]);
        assert_eq!(refuted(|view| view.routes.clear()), [Reason::BaseRouteMissing, Reason::BaseRouteMissing]);
    }

    #[test]
    fn refutes_a_default_route_to_another_gateway() {
        assert_eq!(
            refuted(|view| view.routes[0] = fixture::route("default via 172.18.0.9 dev eth0")),
            [Reason::RouteBeforeRouting, Reason::BaseRouteMissing]
        );
    }

    /// A node with a link for management, and its route, if it is as it must be.
    fn managed(routes: &[&str]) -> Judgement {
        let mut seen = seen();
        for view in seen.nodes.values_mut() {
            let address = fixture::net("172.29.0.3/16");
            view.addresses.push(lab_model::observe::Address { device: "mgmt0".to_owned(), address });
            view.routes.extend(routes.iter().map(|text| fixture::route(text)));
        }
        let racks = Some(fixture::racks::layout_on_kind());
        let expect = lab_model::expect::Expectations { racks, ..expectations() };
        only_base_routes_before(&seen, &expect)
    }

    #[test]
    fn the_route_of_a_declared_link_for_management_is_a_base_route_and_no_other_by_it() {
        let proof = managed(&["172.29.0.0/16 dev mgmt0"]).expect("held");
        assert!(proof.summary.starts_with("3 of 3 routes are base routes on 3 of 3 nodes"), "{}", proof.summary);
        let reasons = |routes: &[&str]| managed(routes).expect_err("refuted").reasons();
        assert_eq!(reasons(&[]), [Reason::BaseRouteMissing; 3]);
        for other in ["default via 172.29.0.1 dev mgmt0", "10.0.2.0/24 dev mgmt0", "172.29.0.0/16 dev mgmt0"] {
            assert_eq!(reasons(&["172.29.0.0/16 dev mgmt0", other]), [Reason::RouteBeforeRouting; 3], "{other}");
        }
        // Where none is declared it is one route too many.
        let undeclared = judged(|view| view.routes.push(fixture::route("172.29.0.0/16 dev mgmt0")));
        assert_eq!(undeclared.expect_err("refuted").reasons(), [Reason::RouteBeforeRouting]);
    }

    #[test]
    fn nodes_that_were_not_seen_are_unobserved() {
        let mut seen = seen();
        seen.nodes.remove(&NodeName::from(fixture::WORKER2));
        assert_eq!(
            only_base_routes_before(&seen, &expectations()),
            unobserved("routes before routing was installed were observed on 2 of 3 nodes")
        );
        seen.nodes.clear();
        assert!(matches!(only_base_routes_before(&seen, &expectations()), Err(NotHeld::Unobserved(_))));
    }
}
