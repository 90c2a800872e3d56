//! Observations for the judges' own tests, shaped as a real lab's: three kind nodes with Cilium's native routing.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::routing;
use lab_model::expect::Expectations;
use lab_model::observe::{
    Address, Link, Lookup, LookupOutcome, LookupQuery, MacAddr, Mtu, NetnsId, NetnsView, NextHop, NodeName, PodCidrs,
    PodSeen, Role, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
};
use lab_model::seen::RoutingSeen;

use super::fib::{Decision, Fib, Flow};

pub(super) mod kind;
pub(super) mod racks;

pub(super) const CONTROL_PLANE: &str = "kind-control-plane";
pub(super) const WORKER: &str = "kind-worker";
pub(super) const WORKER2: &str = "kind-worker2";

pub(super) fn expectations() -> Expectations {
    Expectations {
        control_planes: 1,
        workers: 2,
        network: "kind".to_owned(),
        pod_pool: net("10.0.0.0/8"),
        pod_cidr_prefix: 24,
        native_cidr: net("10.0.0.0/8"),
        replicas: 2,
        service: "hello-app".to_owned(),
        service_port: 8080,
        target_port: 8080,
        racks: None,
        cluster: None,
        foreign: None,
    }
}

pub(super) fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix")
}

pub(super) fn addr(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

pub(super) fn mac(text: &str) -> MacAddr {
    text.parse().expect("a link-layer address")
}

fn table(word: &str) -> u32 {
    match word {
        "local" => TABLE_LOCAL,
        "main" => TABLE_MAIN,
        "default" => TABLE_DEFAULT,
        number => number.parse().expect("a table's number"),
    }
}

/// A route as `ip route` writes it.
pub(super) fn route(text: &str) -> Route {
    let mut words = text.split_whitespace().peekable();
    let kind = match *words.peek().expect("a route") {
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "throw" => RouteKind::Throw,
        _ => RouteKind::Unicast,
    };
    if kind != RouteKind::Unicast {
        words.next();
    }
    let destination = match words.next().expect("a destination") {
        "default" => net("0.0.0.0/0"),
        prefix if prefix.contains('/') => net(prefix),
        host => net(&format!("{host}/32")),
    };
    let mut hop = NextHop { gateway: None, device: None, encapsulates: false };
    let mut route = Route {
        table: if matches!(kind, RouteKind::Local | RouteKind::Broadcast) { TABLE_LOCAL } else { TABLE_MAIN },
        destination,
        kind,
        hops: Vec::new(),
        source: None,
        protocol: 3,
        scope: 0,
        metric: 0,
        tos: 0,
        mtu: None,
    };
    while let Some(key) = words.next() {
        if key == "encap" {
            hop.encapsulates = true;
            continue;
        }
        let value = words.next().expect("a value");
        match key {
            "via" => {
                let router = if value == "inet6" { words.next().expect("an address") } else { value };
                hop.gateway = Some(router.parse().expect("an address"));
            }
            "dev" => hop.device = Some(value.to_owned()),
            "table" => route.table = table(value),
            "metric" => route.metric = value.parse().expect("a metric"),
            "tos" => route.tos = value.parse().expect("a type of service"),
            "mtu" => route.mtu = Some(Mtu(value.parse().expect("an MTU"))),
            "src" => route.source = Some(addr(value)),
            other => panic!("no such word in a route: {other}"),
        }
    }
    if hop.gateway.is_some() || hop.device.is_some() {
        route.hops.push(hop);
    }
    route
}

/// A rule as `ip rule` writes it; what it does not know becomes another selector.
pub(super) fn rule(text: &str) -> Rule {
    let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hexadecimal number");
    let prefix = |text: &str| (text != "all").then(|| net(text));
    let mut words = text.split_whitespace();
    let priority = words.next().expect("a priority").trim_end_matches(':').parse().expect("a priority");
    let mut rule = Rule::for_all(priority, RuleAction::Nop);
    while let Some(key) = words.next() {
        let mut value = || words.next().expect("a value");
        match key {
            "not" => rule.inverted = true,
            "from" => rule.source = prefix(value()),
            "to" => rule.destination = prefix(value()),
            "fwmark" => rule.fwmark = value().split_once('/').map(|(value, mask)| (hex(value), hex(mask))),
            "iif" => rule.iif = Some(value().to_owned()),
            "oif" => rule.oif = Some(value().to_owned()),
            "lookup" => rule.action = RuleAction::Lookup(table(value())),
            "goto" => rule.action = RuleAction::Goto(value().parse().expect("a priority")),
            "nop" => rule.action = RuleAction::Nop,
            "blackhole" => rule.action = RuleAction::Blackhole,
            "unreachable" => rule.action = RuleAction::Unreachable,
            "prohibit" => rule.action = RuleAction::Prohibit,
            "action" => rule.action = RuleAction::Other(value().parse().expect("an action's number")),
            other => rule.other_selectors.push(other.to_owned()),
        }
    }
    rule
}

pub(super) fn link(index: u32, name: &str, kind: Option<&str>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        up: true,
        carrier: true,
        mtu: Mtu(1500),
        mac: None,
        master: None,
        peer_index: None,
        peer_netns: None,
        vxlan: None,
    }
}

/// Name, address of eth0 and pod CIDR of the lab's `number`-th node.
pub(super) fn node(number: u8) -> (NodeName, Ipv4Addr, Ipv4Net) {
    let name = match number {
        0 => CONTROL_PLANE.to_owned(),
        1 => WORKER.to_owned(),
        more => format!("{WORKER}{more}"),
    };
    (NodeName(name), Ipv4Addr::new(172, 18, 0, number + 2), net(&format!("10.0.{number}.0/24")))
}

/// The rules that Linux starts with.
pub(super) fn plain_rules() -> Vec<Rule> {
    ["0: from all lookup local", "32766: from all lookup main", "32767: from all lookup default"].map(rule).into()
}

/// The rules that Cilium 1.12 leaves, as recorded.
pub(super) fn cilium_rules() -> Vec<Rule> {
    [
        "9: from all fwmark 0x200/0xf00 lookup 2004",
        "10: from all fwmark 0xa00/0xf00 lookup 2005",
        "100: from all lookup local",
        "32766: from all lookup main",
        "32767: from all lookup default",
    ]
    .map(rule)
    .into()
}

/// A node before routing was installed.
pub(super) fn base_view(number: u8) -> NetnsView {
    let (_name, own, _cidr) = node(number);
    let mut eth0 = link(90 + u32::from(number), "eth0", Some("veth"));
    eth0.mac = Some(mac(&format!("02:42:ac:12:00:{:02x}", number + 2)));
    eth0.peer_index = Some(190 + u32::from(number));
    eth0.peer_netns = Some(0);
    NetnsView {
        netns: NetnsId(4_026_532_000 + u64::from(number)),
        links: vec![link(1, "lo", None), eth0],
        addresses: vec![
            Address { device: "lo".to_owned(), address: net("127.0.0.1/8") },
            Address { device: "eth0".to_owned(), address: net(&format!("{own}/16")) },
        ],
        routes: [
            "default via 172.18.0.1 dev eth0",
            "172.18.0.0/16 dev eth0",
            "local 127.0.0.0/8 dev lo",
            &format!("local {own} dev eth0"),
            "broadcast 172.18.255.255 dev eth0",
        ]
        .map(route)
        .into(),
        rules: plain_rules(),
        neighbours: Vec::new(),
        listeners: Vec::new(),
    }
}

/// A node with Cilium's native routing, one of `count`, with a pod behind lxc7.
pub(super) fn native_view(number: u8, count: u8) -> NetnsView {
    let (_name, _own, cidr) = node(number);
    let mut view = base_view(number);
    let router = format!("10.0.{number}.104");
    let mut cilium_host = link(3, "cilium_host", Some("veth"));
    cilium_host.peer_index = Some(2);
    let mut cilium_net = link(2, "cilium_net", Some("veth"));
    cilium_net.peer_index = Some(3);
    let mut pod = link(7, "lxc7", Some("veth"));
    pod.peer_index = Some(6);
    pod.peer_netns = Some(2);
    view.links.extend([cilium_net, cilium_host, pod]);
    view.addresses.push(Address { device: "cilium_host".to_owned(), address: net(&format!("{router}/32")) });
    view.rules = cilium_rules();
    view.routes.extend(
        [
            "local default dev lo table 2004",
            &format!("default via {router} dev cilium_host table 2005"),
            &format!("{router} dev cilium_host table 2005"),
            &format!("{cidr} via {router} dev cilium_host src {router}"),
            &format!("{router} dev cilium_host"),
            &format!("local {router} dev cilium_host"),
        ]
        .map(route),
    );
    for peer in (0..count).filter(|&peer| peer != number) {
        let (_name, gateway, cidr) = node(peer);
        view.routes.push(route(&format!("{cidr} via {gateway} dev eth0")));
    }
    view
}

pub(super) fn views(count: u8, view: impl Fn(u8) -> NetnsView) -> BTreeMap<NodeName, NetnsView> {
    (0..count).map(|number| (node(number).0, view(number))).collect()
}

pub(super) fn pod_cidrs(count: u8) -> PodCidrs {
    PodCidrs {
        source: "CiliumNode.spec.ipam.podCIDRs".to_owned(),
        by_node: (0..count).map(|number| (node(number).0, node(number).2)).collect(),
    }
}

/// Native routing, and a kernel that was asked everything and decides as its tables say.
pub(super) fn native(count: u8) -> RoutingSeen {
    let mut seen = RoutingSeen {
        nodes: views(count, |number| native_view(number, count)),
        pod_cidrs: pod_cidrs(count),
        lookups: BTreeMap::new(),
    };
    ask_kernel(&mut seen);
    seen
}

/// What a kernel with these tables answers to all questions.
pub(super) fn ask_kernel(seen: &mut RoutingSeen) {
    seen.lookups = answers(&seen.nodes, routing::kernel_questions(&seen.nodes, &seen.pod_cidrs));
}

/// What kernels with these tables answer to these questions.
pub(super) fn answers(
    nodes: &BTreeMap<NodeName, NetnsView>,
    questions: BTreeMap<NodeName, Vec<LookupQuery>>,
) -> BTreeMap<NodeName, Vec<Lookup>> {
    let mut answers = BTreeMap::new();
    for (node, queries) in questions {
        let fib = Fib::new(&nodes[&node]);
        let lookups = queries
            .into_iter()
            .map(|query| {
                let outcome = match fib.decide(&Flow::from(&query)) {
                    Decision::Route { table, route, .. } => {
                        LookupOutcome::Route { kind: route.kind, hop: route.hops[0].clone(), table }
                    }
                    _ => LookupOutcome::NoRoute("Network is unreachable".to_owned()),
                };
                Lookup { query, outcome }
            })
            .collect();
        answers.insert(node, lookups);
    }
    answers
}

/// The roles of the lab's three nodes.
pub(super) fn roles() -> BTreeMap<NodeName, Role> {
    [(CONTROL_PLANE, Role::ControlPlane), (WORKER, Role::Worker), (WORKER2, Role::Worker)]
        .map(|(name, role)| (NodeName::from(name), role))
        .into()
}

/// A ready pod of the workload.
pub(super) fn pod(name: &str, node: &str, address: &str) -> PodSeen {
    PodSeen { name: name.into(), node: Some(node.into()), address: Some(addr(address)), ready: true }
}

/// Both replicas where they belong.
pub(super) fn both_pods() -> Vec<PodSeen> {
    vec![pod("hello-app-a", WORKER, "10.0.1.12"), pod("hello-app-b", WORKER2, "10.0.2.7")]
}
