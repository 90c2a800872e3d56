//! The layout of Services in nftables: written, read back, and followed by connections.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use lab_model::observe::{Backend, BackendState, Frontend, HttpOutcome, HttpReply, ServiceTable};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_netlink::nft::{Element, Expression, add_chain, add_elements, add_rule, delete_elements, tcp_port};
use lab_netlink::{NewRoute, Protocol, Socket};
use lab_probe::nft_layout;
use lab_probe::nft_layout::{CHAIN, LayoutError, TABLE};
use nix::errno::Errno;

use crate::http::{PORT, ask, replies, respond, serve};
use crate::scratch::{NOBODY, Netns, ONE, TWO};

const CLUSTER_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 37, 61);
const SERVICE: SocketAddrV4 = SocketAddrV4::new(CLUSTER_IP, 80);
const OTHER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// A client, with a backend that says "two" behind one link and one that says "other" behind another.
fn client_and_backends() -> (Netns, Netns, Netns) {
    let (client, two, other) = (Netns::new(), Netns::new(), Netns::new());
    client.connect("eth0", ONE, &two, TWO, 1500);
    client.connect("eth1", Ipv4Addr::new(198, 51, 100, 1), &other, OTHER, 1500);
    client.route(NewRoute::default_via(TWO));
    // The source was chosen for the ClusterIP's route.
    other.route(NewRoute::to("192.0.2.0/24".parse().unwrap()).via(Ipv4Addr::new(198, 51, 100, 1)));
    serve(&two, |_number, stream| respond(stream, "two"));
    serve(&other, |_number, stream| respond(stream, "other"));
    (client, two, other)
}

fn nftables<T: Send>(netns: &Netns, body: impl AsyncFnOnce(&Socket) -> T + Send) -> T {
    netns.run(async |_route| body(&Socket::open(Protocol::Nftables).unwrap()).await)
}

fn install(netns: &Netns, backends: &[Ipv4Addr]) {
    nftables(netns, async |connection| {
        connection.commit(&nft_layout::install(CLUSTER_IP, 80, PORT, backends)).await.unwrap();
    });
}

fn replace(netns: &Netns, backends: &[Ipv4Addr]) {
    nftables(netns, async |connection| {
        nft_layout::replace(connection, CLUSTER_IP, 80, PORT, backends).await.unwrap();
    });
}

fn table(netns: &Netns) -> Result<Vec<Frontend>, String> {
    match netns.answer(Request::ServiceTable)? {
        Answer::ServiceTable(ServiceTable { source, frontends }) => {
            assert_eq!(source, "nftables ip lab");
            Ok(frontends)
        }
        other => panic!("{other:?}"),
    }
}

fn active(backends: &[Ipv4Addr]) -> Vec<Backend> {
    let backend = |ip: &Ipv4Addr| Backend { address: SocketAddrV4::new(*ip, PORT), state: BackendState::Active };
    backends.iter().map(backend).collect()
}

fn frontend(backends: &[Ipv4Addr]) -> Frontend {
    Frontend { address: SERVICE, backends: active(backends) }
}

fn asked(attempts: usize) -> HttpAsk {
    // One more body than there are: all attempts are made.
    HttpAsk { to: SERVICE, until_bodies: 3, attempts, ..ask(CLUSTER_IP) }
}

fn bodies(replies: &[HttpReply]) -> BTreeMap<&str, usize> {
    let mut bodies = BTreeMap::new();
    for reply in replies {
        let HttpOutcome::Response { status: 200, body } = &reply.outcome else { panic!("{reply:?}") };
        *bodies.entry(body.as_str()).or_default() += 1;
    }
    bodies
}

#[test]
fn connections_are_spread_over_the_backends_that_are_read_back() {
    let (client, _two, _other) = client_and_backends();
    assert_eq!(table(&client), Ok(Vec::new()), "no table, no frontends");
    install(&client, &[TWO, OTHER]);
    assert_eq!(table(&client), Ok(vec![frontend(&[TWO, OTHER])]));
    let replies = replies(&client, asked(128));
    let bodies = bodies(&replies);
    // 128 tosses of a fair coin are within 24..=104 but for one time in 10^12.
    assert!(["two", "other"].iter().all(|body| (24..=104).contains(&bodies[body])), "{bodies:?}");
    assert!(replies.iter().all(|reply| reply.connection.as_ref().is_some_and(|own| own.remote == SERVICE)));
}

#[test]
fn only_the_services_own_address_and_port_are_translated() {
    let (client, _two, _other) = client_and_backends();
    install(&client, &[OTHER]);
    let two = replies(&client, HttpAsk { to: SocketAddrV4::new(TWO, PORT), ..asked(4) });
    assert_eq!(bodies(&two), BTreeMap::from([("two", 4)]));
    // The next port of the ClusterIP goes where the default route leads, and nobody there has the address.
    let short = Duration::from_millis(200);
    let next = HttpAsk { to: SocketAddrV4::new(CLUSTER_IP, 81), attempt_deadline: short, ..asked(1) };
    let next = replies(&client, next);
    assert!(!matches!(next[0].outcome, HttpOutcome::Response { .. }), "{next:?}");
}

#[test]
fn backends_can_be_replaced_added_and_removed() {
    let (client, _two, _other) = client_and_backends();
    install(&client, &[TWO, OTHER]);
    replace(&client, &[OTHER]);
    assert_eq!(table(&client), Ok(vec![frontend(&[OTHER])]));
    assert_eq!(bodies(&replies(&client, asked(16))), BTreeMap::from([("other", 16)]));
    nftables(&client, async |connection| nft_layout::add_backend(connection, SERVICE, NOBODY).await.unwrap());
    assert_eq!(table(&client), Ok(vec![frontend(&[OTHER, NOBODY])]));
    nftables(&client, async |connection| nft_layout::remove_backend(connection, SERVICE, NOBODY).await.unwrap());
    assert_eq!(table(&client), Ok(vec![frontend(&[OTHER])]));
    replace(&client, &[]);
    assert_eq!(table(&client), Ok(vec![frontend(&[])]));
    let refused = replies(&client, asked(1));
    assert_eq!(refused[0].outcome, HttpOutcome::NotConnected("connection refused".to_owned()));
    replace(&client, &[TWO]);
    assert_eq!(bodies(&replies(&client, asked(4))), BTreeMap::from([("two", 4)]));
}

#[test]
fn services_stand_side_by_side() {
    let netns = Netns::new();
    install(&netns, &[ONE, TWO]);
    let second = SocketAddrV4::new(CLUSTER_IP, 443);
    nftables(&netns, async |connection| {
        let install = nft_layout::install(CLUSTER_IP, 443, PORT, &[OTHER]);
        connection.commit(&install).await.unwrap();
        assert_eq!(connection.commit(&install).await.unwrap_err().errno(), Some(Errno::EEXIST));
    });
    replace(&netns, &[TWO]);
    let mut frontends = table(&netns).unwrap();
    frontends.sort_by_key(|frontend| frontend.address);
    assert_eq!(frontends, [frontend(&[TWO]), Frontend { address: second, backends: active(&[OTHER]) }]);
    nftables(&netns, async |connection| {
        let unknown = nft_layout::replace(connection, ONE, 80, PORT, &[]).await.unwrap_err();
        assert!(matches!(unknown, LayoutError::NoService { .. }), "{unknown}");
    });
}

#[test]
fn what_is_not_of_the_layout_is_an_error_and_other_chains_are_not() {
    let netns = Netns::new();
    install(&netns, &[ONE]);
    let accept = [tcp_port(Some(22)), vec![Expression::Accept]].concat();
    let add = |chain: &'static str| {
        nftables(&netns, async |connection| {
            if chain != CHAIN {
                connection.commit(&[add_chain(TABLE, chain, None)]).await.unwrap();
            }
            connection.commit(&[add_rule(TABLE, chain, &accept)]).await.unwrap();
        });
    };
    add("elsewhere");
    assert_eq!(table(&netns), Ok(vec![frontend(&[ONE])]));
    add(CHAIN);
    let error = table(&netns).unwrap_err();
    assert!(error.ends_with("is no Service: it has a verdict, which is not used here"), "{error}");
}

#[test]
fn a_map_that_lacks_what_its_rule_picks_is_an_error() {
    let netns = Netns::new();
    install(&netns, &[ONE, TWO]);
    let name = nft_layout::map_name(SERVICE);
    let element = |number: u32, value: Option<Ipv4Addr>| {
        [Element { key: number.to_ne_bytes().to_vec(), value: value.map(|value| value.octets().to_vec()) }]
    };
    let stale = add_elements(TABLE, &name, &element(2, Some(NOBODY)));
    nftables(&netns, async |connection| connection.commit(&stale).await.unwrap());
    let never = BackendState::Other("never picked".to_owned());
    let mut with_stale = frontend(&[ONE, TWO]);
    with_stale.backends.push(Backend { address: SocketAddrV4::new(NOBODY, PORT), state: never });
    assert_eq!(table(&netns), Ok(vec![with_stale]));
    let gone = delete_elements(TABLE, &name, &element(1, None));
    nftables(&netns, async |connection| connection.commit(&gone).await.unwrap());
    let error = table(&netns).unwrap_err();
    let expected = "table ip lab, map b_10_96_37_61_80: its rule picks one of 2, and element 1 is missing";
    assert_eq!(error, expected);
}
