//! Which rules a packet matches.

use std::net::Ipv4Addr;

use super::Flow;
use lab_model::observe::Rule;

/// The name under which rules know packets of the host's own (`LOOPBACK_IFINDEX` as the flow's incoming link).
const OWN_PACKETS: &str = "lo";

/// Whether a packet matches a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// It depends on a selector that was observed by name only.
    Unknown,
}

/// `fib_rule_match()` for a packet without a mark and of a socket bound to no link.
pub(super) fn matches(rule: &Rule, flow: &Flow<'_>) -> Match {
    // Before the kernel has chosen a source, it matches as 0.0.0.0.
    let source = flow.source.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let observed = rule.source.is_none_or(|prefix| prefix.contains(&source))
        && rule.destination.is_none_or(|prefix| prefix.contains(&flow.destination))
        && rule.fwmark.is_none_or(|(value, mask)| value & mask == 0)
        && rule.iif.as_deref().is_none_or(|iif| iif == flow.iif.unwrap_or(OWN_PACKETS))
        && rule.oif.is_none();
    if rule.other_selectors.is_empty() {
        if observed == rule.inverted { Match::No } else { Match::Yes }
    } else if !observed && !rule.inverted {
        // One selector that fails is enough, whatever the others say.
        Match::No
    } else {
        Match::Unknown
    }
}
