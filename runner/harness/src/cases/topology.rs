//! Which of the article's two cases of native routing a case is about: the one place that says so.
//!
//! The article's first case is nodes on one L2 network, with direct routes. Its second is nodes that are not, where routers must
//! be told over BGP. A case that is about neither exists in both.

/// Claims of the first case alone: in racks with BGP they are false, as they should be.
const FIRST: &[&str] = &[
    // Each rack is a network of its own.
    "l2::nodes_share_one_bridge",
    // In another rack nobody answers ARP.
    "l2::peers_are_adjacent",
    // Nodes have the default route alone.
    "routing::direct_route_to_every_peer",
    // There are routers, and `wire::path_by_declared_routers` counts them.
    "wire::no_router_between_nodes",
    // Pods' packets do go to the gateway, which is the ToR: `wire::no_router_turns_packets_away` is about what has no way there.
    "wire::nothing_leaks_to_the_uplink",
];

/// Whether this case exists in labs with BGP, or in those without.
pub(crate) fn is_of(name: &str, bgp: bool) -> bool {
    let second = super::SECOND.iter().any(|case| case.name == name);
    if bgp { !FIRST.contains(&name) } else { !second }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::{ALL, SECOND, find, on};
    use lab_model::{BackendKind, Ground};

    #[test]
    fn every_name_in_the_table_is_a_cases() {
        for name in FIRST {
            assert!(ALL.iter().any(|case| case.name == *name), "{name}");
        }
        for case in SECOND {
            assert!(ALL.iter().all(|other| other.name != case.name), "{}", case.name);
            assert_eq!(find(case.name).map(|found| found.name), Some(case.name));
        }
    }

    #[test]
    fn each_topology_has_its_own_cases_and_those_of_both() {
        let of = |bgp| on(Ground { backend: BackendKind::Netns, bgp }).map(|case| case.name).collect::<Vec<_>>();
        let (first, second) = (of(false), of(true));
        assert_eq!(first.len() - FIRST.len() + SECOND.len(), second.len());
        for name in FIRST {
            assert!(first.contains(name) && !second.contains(name), "{name}");
        }
        for case in SECOND {
            assert!(!first.contains(&case.name) && second.contains(&case.name), "{}", case.name);
        }
    }
}
