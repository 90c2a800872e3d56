//! Routes, rules and amounts as a reader of `ip route` and `ip rule` knows them.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use crate::observe::{NextHop, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};

/// The first items, and how many more there are: `a, b and 94 more`.
pub fn few(items: &[String], at_most: usize, separator: &str) -> String {
    let named = items.iter().take(at_most).map(String::as_str).collect::<Vec<_>>().join(separator);
    match items.len().saturating_sub(at_most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// A length of time, as coarse as a reader wants it: `40 ms`, `3 s`, `5 min`, `7 h`.
pub fn span(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds if seconds < 2 * MINUTE => format!("{seconds} s"),
        seconds if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        seconds => format!("{} h", seconds / HOUR),
    }
}

/// A command in the container of a node's Cilium agent, to be run on that node: nodes have `crictl`, and the program
/// that the agent answers to is in its container.
pub fn in_agent(command: &str) -> String {
    format!("sh -c 'crictl exec $(crictl ps --quiet --name cilium-agent) {command}'")
}

/// The command in a text that [`in_agent`] made; any other text as it is.
pub fn of_agent(text: &str) -> &str {
    let inner = text.strip_prefix("sh -c 'crictl exec $(crictl ps --quiet --name cilium-agent) ");
    inner.and_then(|inner| inner.strip_suffix('\'')).unwrap_or(text)
}

/// A table's name where it has one (iproute2's `rt_tables`), else its number.
pub fn table(table: u32) -> Cow<'static, str> {
    match table {
        TABLE_LOCAL => "local".into(),
        TABLE_MAIN => "main".into(),
        TABLE_DEFAULT => "default".into(),
        other => other.to_string().into(),
    }
}

/// A kind of route as `ip route` writes it.
pub const fn kind(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Unicast => "unicast",
        RouteKind::Local => "local",
        RouteKind::Broadcast => "broadcast",
        RouteKind::Anycast => "anycast",
        RouteKind::Multicast => "multicast",
        RouteKind::Blackhole => "blackhole",
        RouteKind::Unreachable => "unreachable",
        RouteKind::Prohibit => "prohibit",
        RouteKind::Throw => "throw",
        RouteKind::Nat => "nat",
        RouteKind::Unknown => "unknown",
    }
}

/// A router as `ip route` writes it: `via 172.18.0.4`, `via inet6 fe80::1`.
pub fn via(router: IpAddr) -> String {
    match router {
        IpAddr::V4(address) => format!("via {address}"),
        IpAddr::V6(address) => format!("via inet6 {address}"),
    }
}

/// A hop as `ip route` writes it: `via 172.18.0.4 dev eth0`.
pub fn hop(hop: &NextHop) -> String {
    let mut words = Vec::new();
    if hop.encapsulates {
        words.push("encap".to_owned());
    }
    words.extend(hop.gateway.map(via));
    if let Some(device) = &hop.device {
        words.push(format!("dev {device}"));
    }
    words.join(" ")
}

/// A route as `ip route show table all` writes it, without what does not decide: `10.0.2.0/24 via 172.18.0.4 dev eth0`.
pub fn route(route: &Route) -> String {
    let mut words = Vec::new();
    if route.kind != RouteKind::Unicast {
        words.push(kind(route.kind).to_owned());
    }
    words.push(match route.destination {
        all if all.prefix_len() == 0 => "default".to_owned(),
        host if host.prefix_len() == 32 => host.addr().to_string(),
        prefix => prefix.to_string(),
    });
    if route.tos != 0 {
        words.push(format!("tos {:#x}", route.tos));
    }
    match route.hops.as_slice() {
        [] => {}
        [only] => words.push(hop(only)),
        several => words.extend(several.iter().map(|one| format!("nexthop {}", hop(one)))),
    }
    if route.table != TABLE_MAIN {
        words.push(format!("table {}", table(route.table)));
    }
    if route.metric != 0 {
        words.push(format!("metric {}", route.metric));
    }
    if let Some(mtu) = route.mtu {
        words.push(format!("mtu {mtu}"));
    }
    words.join(" ")
}

/// A rule as `ip rule` writes it: `9: from all fwmark 0x200/0xf00 lookup 2004`.
pub fn rule(rule: &Rule) -> String {
    let prefix = |prefix: Option<ipnet::Ipv4Net>| prefix.map_or_else(|| "all".to_owned(), |prefix| prefix.to_string());
    let mut words = vec![format!("{}:", rule.priority)];
    if rule.inverted {
        words.push("not".to_owned());
    }
    words.push(format!("from {}", prefix(rule.source)));
    if rule.destination.is_some() {
        words.push(format!("to {}", prefix(rule.destination)));
    }
    if let Some((value, mask)) = rule.fwmark {
        words.push(format!("fwmark {value:#x}/{mask:#x}"));
    }
    if let Some(iif) = &rule.iif {
        words.push(format!("iif {iif}"));
    }
    if let Some(oif) = &rule.oif {
        words.push(format!("oif {oif}"));
    }
    words.extend(rule.other_selectors.iter().cloned());
    words.push(match rule.action {
        RuleAction::Lookup(number) => format!("lookup {}", table(number)),
        RuleAction::Goto(priority) => format!("goto {priority}"),
        RuleAction::Nop => "nop".to_owned(),
        RuleAction::Blackhole => "blackhole".to_owned(),
        RuleAction::Unreachable => "unreachable".to_owned(),
        RuleAction::Prohibit => "prohibit".to_owned(),
        RuleAction::Other(number) => format!("action {number}"),
    });
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_command_in_an_agent_is_found_again() {
        assert_eq!(super::of_agent(&super::in_agent("cilium status --verbose")), "cilium status --verbose");
        assert_eq!(super::of_agent("ip route get 10.0.2.1"), "ip route get 10.0.2.1");
    }
}
