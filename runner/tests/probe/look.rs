//! Views and lookups.

use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;

use lab_model::observe::{
    Lookup, LookupOutcome, LookupQuery, Mtu, NeighbourState, NetnsView, Route, RouteKind, Rule, RuleAction,
    VxlanDetails,
};
use lab_model::request::{Answer, Request};
use nlink::netlink::link::{BridgeLink, VxlanLink};
use nlink::netlink::message::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};
use nlink::netlink::neigh::Neighbor;
use nlink::netlink::route::{Ipv4Route, NextHop, RouteMetrics, RouteType};
use nlink::netlink::rule::RuleBuilder;
use nlink::netlink::{Connection, MessageBuilder, MessageIter, NlMsgType};

use crate::scratch::{NOBODY, Netns, ONE, TWO, pair};

const POD_CIDR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 0);
const POD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 7);

/// Sends what nlink has no builder for, and expects that the kernel does it.
async fn send(connection: &Connection<nlink::Route>, mut message: MessageBuilder) {
    let sequence = connection.socket().next_seq();
    message.set_seq(sequence);
    connection.socket().send(&message.finish()).await.unwrap();
    let answer = connection.socket().recv_unicast().await.unwrap();
    let (header, payload) = MessageIter::new(&answer).next().unwrap().unwrap();
    assert!(header.is_error() && header.nlmsg_seq == sequence);
    assert_eq!(i32::from_ne_bytes(payload[..4].try_into().unwrap()), 0, "the kernel refused");
}

/// A vxlan device that takes the VNI from each packet's metadata, as Cilium's.
async fn add_metadata_vxlan(connection: &Connection<nlink::Route>, name: &str) {
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    let mut message = MessageBuilder::new(NlMsgType::RTM_NEWLINK, flags);
    message.append_bytes(&[0; 16]);
    message.append_attr_str(3, name);
    let info = message.nest_start(18);
    message.append_attr_str(1, "vxlan");
    let data = message.nest_start(2);
    message.append_attr_u8(25, 1);
    message.append_attr_u16_be(15, 8472);
    message.nest_end(data);
    message.nest_end(info);
    send(connection, message).await;
    connection.set_link_up(name).await.unwrap();
}

/// `ip route add 10.7.0.0/16 encap ip id 42 dst 192.0.2.2 dev …`.
async fn add_encapsulating_route(connection: &Connection<nlink::Route>, device: &str) {
    let index = connection.get_link_by_name(device).await.unwrap().unwrap().ifindex();
    let mut message = MessageBuilder::new(NlMsgType::RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE);
    message.append_bytes(&[2, 16, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0]);
    message.append_attr(1, &[10, 7, 0, 0]);
    message.append_attr_u32(4, index);
    message.append_attr_u16(21, 2);
    let encap = message.nest_start(22);
    message.append_attr_u64_be(1, 42);
    message.append_attr(2, &TWO.octets());
    message.nest_end(encap);
    send(connection, message).await;
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
    two.run(async |connection| connection.set_link_down("eth0").await.unwrap());
    let near = one.view().link("eth0").unwrap().clone();
    assert!(near.up && !near.carrier, "{near:?}");
}

#[test]
fn bridges_and_tunnels_are_told_by_their_kind() {
    let (one, _two) = pair();
    one.run(async |connection| {
        connection.add_link(BridgeLink::new("kind")).await.unwrap();
        connection.set_link_master("eth0", "kind").await.unwrap();
        connection.add_link(VxlanLink::new("vxlan7", 7).port(4789).local(ONE).dev("eth0")).await.unwrap();
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
        let via = |router: Ipv4Addr| NextHop::new().gateway_v4(router).dev("eth0");
        let narrow = RouteMetrics { mtu: Some(1450), ..RouteMetrics::new() };
        for route in [
            Ipv4Route::default_route().gateway(TWO),
            Ipv4Route::new(POD_CIDR, 24).gateway(TWO).dev("eth0").metrics(narrow).metric(20),
            Ipv4Route::new(Ipv4Addr::new(10, 0, 3, 0), 24).table(2004).gateway(TWO).dev("eth0").prefsrc(ONE),
            Ipv4Route::new(Ipv4Addr::new(10, 9, 0, 0), 16).multipath(vec![via(TWO), via(NOBODY)]),
            Ipv4Route::new(Ipv4Addr::new(10, 8, 0, 0), 16).route_type(RouteType::Blackhole),
        ] {
            connection.add_route(route).await.unwrap();
        }
        add_metadata_vxlan(&connection, "tunnel").await;
        add_encapsulating_route(&connection, "tunnel").await;
    });
    let view = one.view();
    let default = route_to(&view, "0.0.0.0/0");
    assert_eq!((default.table, default.kind, default.hops[0].gateway), (254, RouteKind::Unicast, Some(TWO)));
    let pods = route_to(&view, "10.0.2.0/24");
    assert_eq!((pods.mtu, pods.metric, pods.hops.len()), (Some(Mtu(1450)), 20, 1));
    assert_eq!(pods.hops[0].device.as_deref(), Some("eth0"));
    let elsewhere = route_to(&view, "10.0.3.0/24");
    assert_eq!((elsewhere.table, elsewhere.source, elsewhere.mtu), (2004, Some(ONE), None));
    let split = route_to(&view, "10.9.0.0/16");
    assert_eq!(split.hops.iter().map(|hop| hop.gateway).collect::<Vec<_>>(), [Some(TWO), Some(NOBODY)]);
    let hole = route_to(&view, "10.8.0.0/16");
    assert_eq!((hole.kind, hole.hops.as_slice()), (RouteKind::Blackhole, [].as_slice()));
    let link = route_to(&view, "192.0.2.0/24");
    assert_eq!((link.protocol, link.scope, link.hops[0].gateway), (2, 253, None));
    assert!(route_to(&view, "10.7.0.0/16").hops[0].encapsulates);
    let others: Vec<_> = view.routes.iter().filter(|route| route.hops.iter().any(|hop| hop.encapsulates)).collect();
    assert_eq!(others.len(), 1, "{others:#?}");
    assert!(view.routes.iter().any(|route| route.kind == RouteKind::Local && route.destination.addr() == ONE));
}

#[test]
fn rules_are_seen_with_every_selector() {
    let netns = Netns::new();
    netns.run(async |connection| {
        for rule in [
            RuleBuilder::v4().priority(9).fwmark_mask(0x200, 0xf00).table(2004),
            RuleBuilder::v4().priority(20).from_v4(POD_CIDR, 24).to_v4(POD, 32).iif("eth0").invert().table(100),
            RuleBuilder::v4().priority(30).suppress_prefixlen(0).table(254),
            RuleBuilder::v4().priority(40).tcp().dport(80, 90).table(100),
            RuleBuilder::v4().priority(50).oif("eth1").unreachable(),
        ] {
            connection.add_rule(rule).await.unwrap();
        }
    });
    let view = netns.view();
    let plain = |priority, action| Rule {
        priority,
        source: None,
        destination: None,
        fwmark: None,
        iif: None,
        oif: None,
        inverted: false,
        other_selectors: Vec::new(),
        action,
    };
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
        connection.add_neighbor(Neighbor::new_v4("eth0", NOBODY).lladdr(mac).permanent()).await.unwrap();
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
    one.route(Ipv4Route::new(POD_CIDR, 24).gateway(TWO).dev("eth0"));
    let LookupOutcome::Route { kind, hop, table } = lookup(&one, POD, None, None) else { panic!() };
    assert_eq!((kind, table, hop.gateway, hop.device.as_deref()), (RouteKind::Unicast, 254, Some(TWO), Some("eth0")));
    // Without rules of its own a namespace has tables 254 and 255 in one, and a lookup names the one.
    let LookupOutcome::Route { kind, table: 254 | 255, .. } = lookup(&one, ONE, None, None) else { panic!() };
    assert_eq!(kind, RouteKind::Local);
    for (net, kind, refusal) in [
        (1, RouteType::Blackhole, "invalid argument"),
        (2, RouteType::Unreachable, "no route to host"),
        (3, RouteType::Prohibit, "permission denied"),
    ] {
        one.route(Ipv4Route::new(Ipv4Addr::new(10, net, 0, 0), 16).route_type(kind));
        assert_eq!(lookup(&one, Ipv4Addr::new(10, net, 0, 1), None, None), no_route(refusal));
    }
}

#[test]
fn a_forwarded_packet_has_a_decision_of_its_own() {
    let (one, _two) = pair();
    one.route(Ipv4Route::new(POD_CIDR, 24).gateway(TWO).dev("eth0"));
    one.sysctl("ipv4/conf/all/rp_filter", "0");
    one.sysctl("ipv4/conf/eth0/rp_filter", "0");
    one.sysctl("ipv4/ip_forward", "0");
    let forwarded = |source| lookup(&one, POD, Some(source), Some("eth0"));
    assert_eq!(forwarded(NOBODY), LookupOutcome::NoRoute("no route to host".to_owned()));
    one.sysctl("ipv4/ip_forward", "1");
    let LookupOutcome::Route { hop, .. } = forwarded(NOBODY) else { panic!() };
    assert_eq!(hop.gateway, Some(TWO));
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
