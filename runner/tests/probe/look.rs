//! Views and lookups.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;

use lab_model::observe::{
    Lookup, LookupOutcome, LookupQuery, Mtu, NeighbourState, NetnsView, Route, RouteKind, Rule, RuleAction,
    VxlanDetails,
};
use lab_model::request::{Answer, Request};
use lab_netlink::{
    Attributes, NewLink, NewRoute, Socket, Vxlan, add_neighbour, add_next_hop, add_next_hop_group, delete_next_hop,
    flags, nud, set_down, set_master, set_up,
};
use nix::libc::{RTM_NEWLINK, RTM_NEWROUTE, RTM_NEWRULE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE};

use crate::scratch::{NOBODY, Netns, ONE, TWO, pair};

const POD_CIDR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 0);
const POD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 7);

/// Makes what there is no word for in the product.
async fn make(connection: &Socket, kind: u16, attributes: Attributes) {
    connection
        .make(lab_netlink::Request::new("make it", kind, flags::CREATE | flags::EXCLUSIVE, attributes))
        .await
        .unwrap();
}

/// A vxlan device that takes the VNI from each packet's metadata, as Cilium's.
async fn add_metadata_vxlan(connection: &Socket, name: &str) {
    let data = Attributes::default().put(25, &[1]).put(15, &8472_u16.to_be_bytes());
    let info = Attributes::default().text(1, "vxlan").nest(2, &data);
    make(connection, RTM_NEWLINK, Attributes::after([0; 16]).text(3, name).nest(18, &info)).await;
    connection.make(set_up(name)).await.unwrap();
}

/// `ip route add 10.7.0.0/16 encap ip id 42 dst 192.0.2.2 dev …`.
async fn add_encapsulating_route(connection: &Socket, device: &str) {
    let index = connection.index(device).await.unwrap();
    let encap = Attributes::default().put(1, &42_u64.to_be_bytes()).put(2, &TWO.octets());
    let route = Attributes::after([2, 16, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0]).put(1, &[10, 7, 0, 0]).u32(4, index);
    make(connection, RTM_NEWROUTE, route.put(21, &2_u16.to_ne_bytes()).nest(22, &encap)).await;
}

/// `ip route add 10.9.0.0/16 nexthop via ONE dev … nexthop via OTHER dev …`.
async fn add_split_route(connection: &Socket, index: u32, gateways: [Ipv4Addr; 2]) {
    // struct rtnexthop: length, flags, weight less one, index.
    let hop = |gateway: Ipv4Addr| {
        let header = [&16_u16.to_ne_bytes()[..], &[0, 0], &index.to_ne_bytes()].concat();
        Attributes::after(header).put(5, &gateway.octets()).octets().to_vec()
    };
    let route = Attributes::after([2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]).put(1, &[10, 9, 0, 0]);
    make(connection, RTM_NEWROUTE, route.put(9, &gateways.map(hop).concat())).await;
}

fn route_to<'a>(view: &'a NetnsView, destination: &str) -> &'a Route {
    let destination = destination.parse().unwrap();
    let found = view.routes.iter().find(|route| route.destination == destination && route.table != 255);
    found.unwrap_or_else(|| panic!("no route to {destination} in {:#?}", view.routes))
}

#[test]
fn a_view_is_of_the_namespace_that_was_asked_for() {
    let (one, two) = pair();
    let (first, second) = (one.view(), two.view());
    assert_eq!(first.netns.0, std::fs::metadata(one.path()).unwrap().ino());
    assert_ne!(first.netns, second.netns);
    assert_eq!(first.address_of("eth0"), Some("192.0.2.1/24".parse().unwrap()));
    assert_eq!(second.address_of("eth0"), Some("192.0.2.2/24".parse().unwrap()));
}

#[test]
fn a_veth_names_its_peer_and_the_peers_namespace() {
    let (one, two) = pair();
    let (first, second) = (one.view(), two.view());
    let (near, far) = (first.link("eth0").unwrap(), second.link("eth0").unwrap());
    assert_eq!(near.kind.as_deref(), Some("veth"));
    assert_eq!((near.peer_index, far.peer_index), (Some(far.index), Some(near.index)));
    assert!(near.peer_netns.is_some(), "the peer is in another namespace: {near:?}");
    assert!(near.up && near.carrier && near.mac.is_some() && near.mac != far.mac);
    assert_eq!(near.mtu, Mtu(1500));
    let lo = first.link("lo").unwrap();
    assert_eq!((lo.kind.as_deref(), lo.mac, lo.peer_index, lo.master), (None, None, None, None));
    two.run(async |connection| connection.make(set_down("eth0")).await.unwrap());
    let near = one.view().link("eth0").unwrap().clone();
    assert!(near.up && !near.carrier, "{near:?}");
}

#[test]
fn bridges_and_tunnels_are_told_by_their_kind() {
    let (one, _two) = pair();
    one.run(async |connection| {
        connection.make(NewLink::bridge("kind").add()).await.unwrap();
        connection.make(set_master("eth0", connection.index("kind").await.unwrap())).await.unwrap();
        let device = Some(connection.index("eth0").await.unwrap());
        let own = Vxlan { vni: 7, port: 4789, local: Some(ONE), device, learning: true };
        connection.make(NewLink::vxlan("vxlan7", own).add()).await.unwrap();
        add_metadata_vxlan(&connection, "cilium_vxlan").await;
    });
    let view = one.view();
    let bridge = view.link("kind").unwrap();
    assert_eq!(bridge.kind.as_deref(), Some("bridge"));
    assert_eq!(view.link("eth0").unwrap().master, Some(bridge.index));
    let own = VxlanDetails { vni: Some(7), port: Some(4789), local: Some(ONE) };
    assert_eq!(view.link("vxlan7").unwrap().vxlan, Some(own));
    let ciliums = VxlanDetails { vni: None, port: Some(8472), local: None };
    assert_eq!(view.link("cilium_vxlan").unwrap().vxlan, Some(ciliums));
    assert_eq!(view.link("eth0").unwrap().vxlan, None);
}

#[test]
fn routes_of_all_tables_are_seen_with_all_that_matters_about_them() {
    let (one, _two) = pair();
    one.run(async |connection| {
        let eth0 = connection.index("eth0").await.unwrap();
        let to = |network: &str| NewRoute::to(network.parse().unwrap());
        for route in [
            NewRoute::default_via(TWO),
            NewRoute { table: 2004, source: Some(ONE), ..to("10.0.3.0/24").via(TWO).by(eth0) },
            NewRoute { kind: RTN_BLACKHOLE, ..to("10.8.0.0/16") },
        ] {
            connection.make(route.add()).await.unwrap();
        }
        let pods = Attributes::after([2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]).put(1, &POD_CIDR.octets()).u32(4, eth0);
        let narrow = Attributes::default().u32(2, 1450);
        make(&connection, RTM_NEWROUTE, pods.put(5, &TWO.octets()).u32(6, 20).nest(8, &narrow)).await;
        add_split_route(&connection, eth0, [TWO, NOBODY]).await;
        add_metadata_vxlan(&connection, "tunnel").await;
        add_encapsulating_route(&connection, "tunnel").await;
    });
    let view = one.view();
    let default = route_to(&view, "0.0.0.0/0");
    assert_eq!((default.table, default.kind, default.hops[0].gateway), (254, RouteKind::Unicast, Some(TWO.into())));
    let pods = route_to(&view, "10.0.2.0/24");
    assert_eq!((pods.mtu, pods.metric, pods.hops.len()), (Some(Mtu(1450)), 20, 1));
    assert_eq!(pods.hops[0].device.as_deref(), Some("eth0"));
    let elsewhere = route_to(&view, "10.0.3.0/24");
    assert_eq!((elsewhere.table, elsewhere.source, elsewhere.mtu), (2004, Some(ONE), None));
    let split = route_to(&view, "10.9.0.0/16");
    assert_eq!(split.hops.iter().map(|hop| hop.gateway).collect::<Vec<_>>(), [Some(TWO.into()), Some(NOBODY.into())]);
    let hole = route_to(&view, "10.8.0.0/16");
    assert_eq!((hole.kind, hole.hops.as_slice()), (RouteKind::Blackhole, [].as_slice()));
    let link = route_to(&view, "192.0.2.0/24");
    assert_eq!((link.protocol, link.scope, link.hops[0].gateway), (2, 253, None));
    assert!(route_to(&view, "10.7.0.0/16").hops[0].encapsulates);
    let others: Vec<_> = view.routes.iter().filter(|route| route.hops.iter().any(|hop| hop.encapsulates)).collect();
    assert_eq!(others.len(), 1, "{others:#?}");
    assert!(view.routes.iter().any(|route| route.kind == RouteKind::Local && route.destination.addr() == ONE));
}

/// A router that IPv4 routes may have, too (RFC 8950).
const ROUTER6: &str = "fe80::7";
/// `RTM_NEWNEXTHOP`, `NHA_ID` and `NHA_BLACKHOLE`.
const NEW_NEXT_HOP: (u16, u16, u16) = (104, 1, 4);

/// With next hops that are objects, and routes by them: through routers of both families, a group, a blackhole.
async fn add_routes_by_objects(connection: &Socket) {
    let eth0 = connection.index("eth0").await.unwrap();
    let (kind, id, blackhole) = NEW_NEXT_HOP;
    make(connection, kind, Attributes::after([2, 0, 0, 0, 0, 0, 0, 0]).u32(id, 4).put(blackhole, &[])).await;
    for request in [
        add_next_hop(1, TWO.into(), eth0),
        add_next_hop(2, ROUTER6.parse().unwrap(), eth0),
        add_next_hop_group(3, &[1, 2]),
    ] {
        connection.make(request).await.unwrap();
    }
    for object in 1..=4 {
        let network = format!("10.{}.0.0/16", 10 + object).parse().unwrap();
        connection.make(NewRoute::to(network).by_object(object).add()).await.unwrap();
    }
}

/// The routers of the one route there.
fn routers(view: &NetnsView, destination: &str) -> Vec<Option<IpAddr>> {
    let route = route_to(view, destination);
    assert!(route.hops.iter().all(|hop| hop.device.as_deref() == Some("eth0")), "{route:?}");
    route.hops.iter().map(|hop| hop.gateway).collect()
}

#[test]
fn a_router_of_ipv6_is_seen_and_asked_for() {
    let (one, _two) = pair();
    let router: IpAddr = ROUTER6.parse().unwrap();
    one.route_by("eth0", NewRoute::to("10.0.2.0/24".parse().unwrap()).via(router));
    assert_eq!(routers(&one.view(), "10.0.2.0/24"), [Some(router)]);
    let LookupOutcome::Route { hop, .. } = lookup(&one, POD, None, None) else { panic!() };
    assert_eq!((hop.gateway, hop.device.as_deref()), (Some(router), Some("eth0")));
}

#[test]
fn next_hops_that_are_objects_are_the_routes_own_whether_the_kernel_spells_them_out_or_not() {
    let (one, _two) = pair();
    one.run(async |connection| add_routes_by_objects(&connection).await);
    let (four, six) = (Some(IpAddr::V4(TWO)), Some(ROUTER6.parse().unwrap()));
    let views = ["1", "0"].map(|mode| {
        one.sysctl("ipv4/nexthop_compat_mode", mode);
        let view = one.view();
        assert_eq!(routers(&view, "10.11.0.0/16"), [four], "mode {mode}");
        assert_eq!(routers(&view, "10.12.0.0/16"), [six], "mode {mode}");
        assert_eq!(routers(&view, "10.13.0.0/16"), [four, six], "mode {mode}");
        assert_eq!(route_to(&view, "10.14.0.0/16").kind, RouteKind::Blackhole, "mode {mode}");
        let LookupOutcome::Route { hop, .. } = lookup(&one, Ipv4Addr::new(10, 12, 0, 1), None, None) else { panic!() };
        assert_eq!(hop.gateway, six, "mode {mode}");
        view
    });
    let hops = |view: &NetnsView| -> Vec<_> {
        view.routes.iter().filter(|route| route.kind == RouteKind::Unicast).map(|route| route.hops.clone()).collect()
    };
    assert_eq!(hops(&views[0]), hops(&views[1]));
    one.run(async |connection| connection.make(delete_next_hop(3)).await.unwrap());
    assert!(one.view().routes.iter().all(|route| route.destination != "10.13.0.0/16".parse().unwrap()));
}

#[test]
fn rules_are_seen_with_every_selector() {
    let netns = Netns::new();
    netns.run(async |connection| {
        // struct fib_rule_hdr: family, lengths of both networks, tos, table, nothing, action, flags.
        let header = |lengths: [u8; 2], action: u8, flags: u8| {
            let [destination, source] = lengths;
            Attributes::after([2, destination, source, 0, 0, 0, 0, action, flags, 0, 0, 0])
        };
        let lookup = |table: u32, priority: u32| header([0, 0], 1, 0).u32(15, table).u32(6, priority);
        let inverted = header([32, 24], 1, 2).u32(15, 100).u32(6, 20).text(3, "eth0");
        for rule in [
            lookup(2004, 9).u32(10, 0x200).u32(16, 0xf00),
            inverted.put(1, &POD.octets()).put(2, &POD_CIDR.octets()),
            lookup(254, 30).u32(14, 0),
            lookup(100, 40).put(22, &[6]).put(24, &[80_u16.to_ne_bytes(), 90_u16.to_ne_bytes()].concat()),
            header([0, 0], 7, 0).u32(6, 50).text(17, "eth1"),
        ] {
            make(&connection, RTM_NEWRULE, rule).await;
        }
    });
    let view = netns.view();
    let plain = Rule::for_all;
    let pods = "10.0.2.0/24".parse().ok();
    let pod = "10.0.2.7/32".parse().ok();
    let selects = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected = [
        plain(0, RuleAction::Lookup(255)),
        Rule { fwmark: Some((0x200, 0xf00)), ..plain(9, RuleAction::Lookup(2004)) },
        Rule {
            source: pods,
            destination: pod,
            iif: Some("eth0".into()),
            inverted: true,
            ..plain(20, RuleAction::Lookup(100))
        },
        Rule { other_selectors: selects(&["suppress_prefixlength"]), ..plain(30, RuleAction::Lookup(254)) },
        Rule { other_selectors: selects(&["dport", "ipproto"]), ..plain(40, RuleAction::Lookup(100)) },
        Rule { oif: Some("eth1".into()), ..plain(50, RuleAction::Unreachable) },
        plain(32766, RuleAction::Lookup(254)),
        plain(32767, RuleAction::Lookup(253)),
    ];
    // Newer kernels also report the masks of ports.
    let seen: Vec<Rule> = view
        .rules
        .into_iter()
        .map(|mut rule| {
            rule.other_selectors.retain(|name| !name.ends_with(" mask"));
            rule
        })
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn neighbours_and_listeners_are_seen() {
    let (one, _two) = pair();
    let mac = [2, 0, 0, 0, 0, 9];
    one.run(async |connection| {
        let eth0 = connection.index("eth0").await.unwrap();
        connection.make(add_neighbour(eth0, NOBODY, mac, nud::PERMANENT)).await.unwrap();
    });
    let view = one.view();
    let [entry] = view.neighbours.as_slice() else { panic!("{:?}", view.neighbours) };
    assert_eq!((entry.address, entry.mac.map(|mac| mac.0)), (NOBODY, Some(mac)));
    assert_eq!((entry.state, entry.device.as_str()), (NeighbourState::Permanent, "eth0"));

    assert_eq!(view.listeners, []);
    let listeners = one.run(async |_connection| {
        let listen = |address: &str| std::net::TcpListener::bind(address).unwrap();
        let dual = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        dual.set_only_v6(false).unwrap();
        dual.bind(&"[::]:8083".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        dual.listen(1).unwrap();
        let only_v6 = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        only_v6.set_only_v6(true).unwrap();
        only_v6.bind(&"[::]:8084".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        only_v6.listen(1).unwrap();
        (listen("0.0.0.0:8081"), listen("192.0.2.1:8082"), dual, only_v6)
    });
    let seen: Vec<String> = one.view().listeners.iter().map(|seen| format!("{}:{}", seen.address, seen.port)).collect();
    assert_eq!(seen, ["0.0.0.0:8081", "192.0.2.1:8082", "0.0.0.0:8083"]);
    drop(listeners);
}

fn lookup(netns: &Netns, destination: Ipv4Addr, source: Option<Ipv4Addr>, iif: Option<&str>) -> LookupOutcome {
    let query = LookupQuery { destination, source, iif: iif.map(str::to_owned) };
    let Ok(Answer::Lookups(mut lookups)) = netns.answer(Request::Lookups(vec![query.clone()])) else {
        panic!("no lookup of {query:?}")
    };
    let Lookup { query: asked, outcome } = lookups.pop().unwrap();
    assert_eq!(asked, query);
    outcome
}

#[test]
fn lookups_are_the_kernels_own_decisions() {
    let (one, _two) = pair();
    let no_route = |text: &str| LookupOutcome::NoRoute(text.to_owned());
    assert_eq!(lookup(&one, POD, None, None), no_route("network is unreachable"));
    one.route_by("eth0", NewRoute::to("10.0.2.0/24".parse().unwrap()).via(TWO));
    let LookupOutcome::Route { kind, hop, table } = lookup(&one, POD, None, None) else { panic!() };
    assert_eq!(
        (kind, table, hop.gateway, hop.device.as_deref()),
        (RouteKind::Unicast, 254, Some(TWO.into()), Some("eth0"))
    );
    // Without rules of its own a namespace has tables 254 and 255 in one, and a lookup names the one.
    let LookupOutcome::Route { kind, table: 254 | 255, .. } = lookup(&one, ONE, None, None) else { panic!() };
    assert_eq!(kind, RouteKind::Local);
    for (net, kind, refusal) in [
        (1, RTN_BLACKHOLE, "invalid argument"),
        (2, RTN_UNREACHABLE, "no route to host"),
        (3, RTN_PROHIBIT, "permission denied"),
    ] {
        let destination = format!("10.{net}.0.0/16").parse().unwrap();
        one.route(NewRoute { kind, ..NewRoute::to(destination) });
        assert_eq!(lookup(&one, Ipv4Addr::new(10, net, 0, 1), None, None), no_route(refusal));
    }
}

#[test]
fn a_forwarded_packet_has_a_decision_of_its_own() {
    let (one, _two) = pair();
    one.route_by("eth0", NewRoute::to("10.0.2.0/24".parse().unwrap()).via(TWO));
    one.sysctl("ipv4/conf/all/rp_filter", "0");
    one.sysctl("ipv4/conf/eth0/rp_filter", "0");
    one.sysctl("ipv4/ip_forward", "0");
    let forwarded = |source| lookup(&one, POD, Some(source), Some("eth0"));
    assert_eq!(forwarded(NOBODY), LookupOutcome::NoRoute("no route to host".to_owned()));
    one.sysctl("ipv4/ip_forward", "1");
    let LookupOutcome::Route { hop, .. } = forwarded(NOBODY) else { panic!() };
    assert_eq!(hop.gateway, Some(TWO.into()));
    // A source that is not reached by the link it came in by.
    one.sysctl("ipv4/conf/all/rp_filter", "1");
    let LookupOutcome::NoRoute(strange) = forwarded(Ipv4Addr::new(198, 51, 100, 1)) else { panic!() };
    // Kernels differ in what they call it.
    assert!(["invalid argument", "invalid cross-device link"].contains(&strange.as_str()), "{strange}");
    let query = LookupQuery { destination: POD, source: Some(NOBODY), iif: Some("eth9".to_owned()) };
    let error = one.answer(Request::Lookups(vec![query])).unwrap_err();
    assert_eq!(error, "there is no link eth9 in this namespace");
}

#[test]
fn a_namespace_that_is_not_there_is_an_error_of_its_own_questions_alone() {
    let netns = Netns::new();
    let mut asks = vec![netns.ask(Request::View), netns.ask(Request::View)];
    asks[0].netns = Some("/proc/self/ns/no-such".into());
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let answers = lab_probe::answers(&asks, None, || panic!("there is no capture"), &stop);
    assert_eq!(
        answers[0].answer,
        Err("cannot open the namespace /proc/self/ns/no-such: No such file or directory (os error 2)".to_owned())
    );
    assert!(matches!(answers[1].answer, Ok(Answer::View(_))));
}

#[test]
fn more_namespaces_than_threads_are_all_answered_in_order() {
    let all: Vec<Netns> = std::iter::repeat_with(Netns::new).take(40).collect();
    let asks: Vec<_> = all.iter().chain(&all).map(|netns| netns.ask(Request::View)).collect();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let answers = lab_probe::answers(&asks, None, || {}, &stop);
    let seen = answers.into_iter().map(|answered| match answered.answer {
        Ok(Answer::View(view)) => view.netns.0,
        other => panic!("{other:?}"),
    });
    let expected = all.iter().chain(&all).map(|netns| std::fs::metadata(netns.path()).unwrap().ino());
    assert!(seen.eq(expected));
}
