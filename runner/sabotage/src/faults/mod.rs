//! The tables of faults, and the rules that they must follow.

mod built;
mod kind;
mod kind_cilium;
mod kind_objects;
mod kind_slow;
mod nodes;
mod racks;
mod routing;
mod service;
mod wire;

use std::collections::BTreeSet;

use super::fault::{Apply, Fault, Undo};
use lab_harness::case::Case;
use lab_harness::cases;
use lab_harness::expect::Expect;
use lab_harness::turned::Effect;
use lab_model::{BackendKind, Ground};

/// All faults of a lab on netns, in the order of the cases that they are for.
pub const ALL: &[Fault] = &[
    nodes::NODE_STOPPED,
    nodes::WORKER_BEHIND_A_ROUTER,
    nodes::PROXY_ARP_ROUTER,
    nodes::PEER_BEHIND_A_ROUTER,
    built::ROUTE_BEFORE_ROUTING,
    routing::DIRECT_ROUTE_DELETED,
    routing::WRONG_NEXT_HOP,
    routing::ROUTE_THROUGH_A_TUNNEL,
    routing::SHADOWING_RULE,
    routing::OWN_CIDR_VIA_A_PEER,
    routing::SECOND_NETWORK_TAKES_POD_CIDR,
    built::VXLAN,
    built::NO_ROUTES,
    built::BOTH_REPLICAS_ON_ONE_WORKER,
    service::ENDPOINT_MISSING,
    service::STALE_BACKEND,
    service::ANOTHER_SERVER_ANSWERS,
    service::REPLICA_WITHOUT_ADDRESS,
    service::BACKEND_SILENT,
    service::ONE_PODS_TRAFFIC_DROPPED,
    wire::IP_FORWARD_OFF,
    wire::MASQUERADED_INSIDE,
    wire::MTU_LOWERED,
    wire::EVERY_LINK_NARROW,
    wire::NOT_MASQUERADED_OUTSIDE,
    wire::CONTROL_PLANE_UNPLUGGED,
];

/// All faults of a lab on kind, in the order in which they are made: those that the cluster recovers from fastest come first.
pub const ON_KIND: &[Fault] = &[
    kind::KUBE_PROXY_CHAIN,
    kind_objects::ANOTHER_ROLE,
    kind_objects::LYING_ENGINE,
    kind_objects::OBSERVED_TOO_LATE,
    kind_cilium::CONFIG_MAP_CHANGED,
    kind_objects::NO_SCHEDULER,
    kind::DIRECT_ROUTE_DELETED,
    kind::MORE_SPECIFIC_ROUTES,
    kind::SHADOWING_RULE,
    kind::TUNNEL_DEVICE,
    kind::OWN_CIDR_VIA_A_PEER,
    kind::ANOTHER_LINK_TAKES_POD_CIDR,
    kind::PEER_BEHIND_A_ROUTER,
    kind::EVERY_LINK_NARROW,
    kind::ONE_REPLICA,
    kind_objects::SERVICE_SELECTS_NOBODY,
    kind_objects::PODS_ISOLATED,
    kind_slow::NODE_PAUSED,
    kind_cilium::AGENT_OF_ANOTHER_IMAGE,
    kind_slow::AGENT_KILLED,
    kind_slow::WRONG_SERVICE_HOST,
    kind_slow::NODES_RESTARTED,
];

/// All faults of a lab in racks, in the order of the cases that they are for.
pub const IN_RACKS: &[Fault] = &[
    racks::SESSION_DOWN,
    racks::WRONG_AS,
    racks::ROUTER_SILENT_BUT_UP,
    racks::CIDR_NOT_EXPORTED,
    racks::TOR_PASSES_NOTHING_ON,
    racks::STATIC_ROUTE_HIDES_THE_LEARNT_ONE,
    racks::NODE_IN_THE_OTHER_RACK,
    racks::DIRECT_ROUTE_WITHIN_A_RACK,
    racks::OVERLAY_ANSWERS_ALL_THE_SAME,
];

/// The faults of labs there.
pub fn table(ground: impl Into<Ground>) -> &'static [Fault] {
    match ground.into() {
        Ground { backend: BackendKind::Netns, bgp: true } => IN_RACKS,
        Ground { backend: BackendKind::Netns, bgp: false } => ALL,
        Ground { backend: BackendKind::Kind, .. } => ON_KIND,
        // Nothing is broken there.
        Ground { backend: BackendKind::Cluster, .. } => &[],
    }
}

/// The cases that judge faults there: all that exist, in the article's order.
pub fn judging(ground: impl Into<Ground>) -> impl Iterator<Item = &'static Case> {
    cases::on(ground)
}

/// The cases of a backend that no fault in a table is named for. Nothing shows that such a case can fail.
pub fn never_kill(ground: impl Into<Ground>, faults: &[Fault]) -> Vec<&'static str> {
    let killed: BTreeSet<&str> = faults.iter().flat_map(|fault| fault.kills).copied().collect();
    judging(ground).map(|case| case.name).filter(|name| !killed.contains(name)).collect()
}

/// The errors in a table of faults that can be found without making them.
pub fn check(faults: &[Fault]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for fault in faults {
        let name = fault.name;
        let kebab = name.split('-').all(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        if !kebab {
            wrong.push(format!("{name} is not in kebab-case"));
        }
        if !names.insert(name) {
            wrong.push(format!("two faults are named {name}"));
        }
        if fault.needs_its_own_lab() != matches!(fault.undo, Undo::BuiltAgain) {
            wrong.push(format!("{name}: undo must be BuiltAgain exactly if the fault needs a lab of its own"));
        }
        if fault.kills.is_empty() {
            wrong.push(format!("{name}: no case is named for it"));
        }
        for effect in fault.breaks {
            if !judging(fault.ground()).any(|case| decides(fault, *effect, case)) {
                wrong.push(format!("{name}: its effect {effect:?} turns no case"));
            }
        }
        for (turned, expect) in fault.turns {
            if !judging(fault.ground()).any(|case| case.name == *turned) {
                wrong.push(format!("{name}: there is no case {turned} on {}", fault.on()));
            }
            if matches!(expect, Expect::Held) && fault.follows(turned).is_none() {
                wrong.push(format!("{name}: {turned} is listed as held in turns, which it would be anyway"));
            }
            if fault.follows(turned).is_some_and(|follows| follows.describe() == expect.describe()) {
                wrong.push(format!("{name}: {turned} is listed in turns, although the same follows from breaks"));
            }
        }
        if let Apply::Cluster { settles, .. } = fault.apply {
            for case in settles.iter().filter(|case| judging(fault.ground()).all(|one| one.name != **case)) {
                wrong.push(format!("{name}: settles names the case {case}, which does not exist"));
            }
        }
        for killer in fault.kills {
            let refuted = match fault.expects(killer) {
                Expect::Refuted(reasons) | Expect::RefutedAndPerhaps(reasons, _) => !reasons.is_empty(),
                Expect::Held | Expect::Unobserved(_) => false,
            };
            if !refuted {
                wrong.push(format!("{name}: {killer} is in kills, but is not expected to be refuted"));
            }
        }
    }
    wrong
}

/// Whether this effect decides what a case must say under a fault.
fn decides(fault: &Fault, effect: Effect, case: &Case) -> bool {
    let own = fault.turns.iter().any(|(turned, _)| *turned == case.name);
    let first = fault.breaks.iter().find(|effect| effect.on(case.turned).is_some());
    !own && first == Some(&effect)
}

#[cfg(test)]
mod tests;
