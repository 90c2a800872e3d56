//! Whatever is changed in a namespace can be put back, so that the kernel shows the same as before.

use ipnet::Ipv4Net;
use lab_backend::state::StateDir;
use lab_model::observe::{MacAddr, Place, TABLE_MAIN};
use lab_model::request::{Answer, Request};
use lab_model::stage::Stage;
use lab_netns::plan::Plan;
use lab_netns::tamper::Act;
use lab_sabotage::acts::{
    PlacedAct, address, astray, backends, direct, in_another_table, mtu, peer_behind_the_gateway, pod_address,
    router_between, rule, second_network, sysctl, unused_address, vxlan, without_route,
};
use lab_sabotage::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2, node, node_plan, pod};
use lab_sabotage::{Bench, Size};
use std::net::SocketAddrV4;
use std::path::Path;

/// Changes, and what they are.
type Change = (&'static str, fn(&Plan) -> Vec<PlacedAct>);

const CHANGES: [Change; 17] = [
    ("a route deleted", without_route),
    ("the default route deleted", |_plan| vec![(node(WORKER), Act::DeleteRoute(Ipv4Net::default()))]),
    ("a route replaced", |plan| vec![(node(WORKER), astray(plan))]),
    ("a route added, in another table, and a rule that leads there", |plan| {
        let peers = node_plan(plan, WORKER2).pod_cidr;
        vec![(node(WORKER), in_another_table(direct(plan, WORKER2))), (node(WORKER), rule(None, peers))]
    }),
    ("a route replaced by one that names a group of next hops", |plan| {
        let gateways = [WORKER2, CONTROL_PLANE].map(|peer| address(plan, peer).into()).into();
        let destination = node_plan(plan, WORKER2).pod_cidr;
        vec![
            (node(WORKER), sysctl("net/ipv4/nexthop_compat_mode", "0")),
            (node(WORKER), Act::PutRouteByObjects { destination, device: "eth0".to_owned(), gateways }),
        ]
    }),
    ("a route added that names one next hop", |plan| {
        let (destination, gateways) =
            (Ipv4Net::new_assert([192, 0, 2, 0].into(), 24), vec![plan.gateway.addr().into()]);
        vec![(node(WORKER), Act::PutRouteByObjects { destination, device: "eth0".to_owned(), gateways })]
    }),
    ("a tunnel added and set down", |_plan| {
        vec![(node(WORKER), vxlan()), (node(WORKER), Act::SetDown { device: "vxlan0".to_owned() })]
    }),
    ("a bridge added, a port moved, routes and settings", router_between),
    ("a link to a second network", |_plan| {
        let of = |last| Ipv4Net::new_assert([172, 19, 0, last].into(), 16);
        second_network(of(3), of(1))
    }),
    ("a route to a peer itself", peer_behind_the_gateway),
    ("a link set down, and its routes gone with it", |_plan| {
        vec![(node(WORKER), Act::SetDown { device: "eth0".to_owned() })]
    }),
    ("an address moved, and its routes gone with it", |plan| {
        let (from, to) = (node_plan(plan, WORKER).address, Ipv4Net::new_assert([172, 19, 0, 9].into(), 16));
        vec![(node(WORKER), Act::MoveAddress { device: "eth0".to_owned(), from, to })]
    }),
    ("an address taken, and its routes gone with it", |plan| {
        let address = pod_address(plan, POD1).into();
        vec![(pod(POD1), Act::TakeAddress { device: "eth0".to_owned(), address })]
    }),
    ("a lower MTU", |_plan| vec![(node(WORKER2), mtu("eth0", 1400)), (pod(POD1), mtu("eth0", 1300))]),
    ("other backends", |plan| {
        vec![(node(WORKER), backends(plan, &[pod_address(plan, POD2), unused_address(plan, POD1)]))]
    }),
    ("no Service", |_plan| vec![(node(WORKER), Act::RemoveServices), (pod(POD1), Act::RemoveServices)]),
    ("another Service", |plan| {
        let service = SocketAddrV4::new(unused_address(plan, POD1), plan.spec.service_port);
        let added =
            Act::AddService { service, target_port: plan.spec.target_port, backends: vec![pod_address(plan, POD1)] };
        let bridge = Act::AddBridge {
            device: "aside".to_owned(),
            address: Ipv4Net::new_assert([172, 20, 0, 1].into(), 24),
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
        };
        let route = Act::PutRoute {
            destination: Ipv4Net::new_assert([192, 0, 2, 0].into(), 24),
            device: "aside".to_owned(),
            gateway: None,
            table: TABLE_MAIN,
        };
        vec![(node(WORKER), added), (node(WORKER), bridge), (node(WORKER), route)]
    }),
];

#[test]
fn what_is_put_back_is_as_it_was() {
    let state = tempfile::tempdir().unwrap();
    lab_base::runtime().unwrap().block_on(async {
        let claimed = StateDir::claim_in(state.path(), "test").unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_lab"));
        let mut bench = Bench::start(program, claimed, Size::ARTICLE, |_spec| {}).await.unwrap();
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::TrafficObserved) {
            bench.step(stage).await.unwrap();
        }
        let before = shown(&bench).await;
        for (what, acts) in CHANGES {
            let acts = acts(bench.plan());
            bench.tamper(acts).await.unwrap_or_else(|why| panic!("{what}: {why}"));
            assert_ne!(shown(&bench).await, before, "{what}: nothing has changed");
            bench.undo().await.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(shown(&bench).await, before, "{what}");
        }
        bench.end().await.unwrap();
    });
}

/// What the kernel shows of all namespaces, line by line: links, addresses, routes, rules, Services.
async fn shown(bench: &Bench) -> Vec<String> {
    let nodes = bench.plan().nodes.iter().map(|node| Place::Node(node.name.clone()));
    let pods = bench.plan().pods.iter().map(|pod| Place::Pod(pod.name.clone()));
    let places: Vec<Place> = std::iter::once(Place::Bridge).chain(nodes).chain(pods).collect();
    let asks = places.iter().flat_map(|place| [(place.clone(), Request::View), (place.clone(), Request::ServiceTable)]);
    let mut lines = Vec::new();
    for answered in bench.netns().ask(asks.collect()).await.unwrap() {
        let place = answered.place;
        match answered.answer {
            Ok(Answer::View(view)) => {
                lines.extend(view.links.iter().map(|link| {
                    format!("{place}: {} mtu {} up {} master {:?}", link.name, link.mtu, link.up, link.master)
                }));
                lines.extend(view.addresses.iter().map(|address| format!("{place}: {address:?}")));
                lines.extend(view.routes.iter().map(|route| format!("{place}: {route:?}")));
                lines.extend(view.rules.iter().map(|rule| format!("{place}: {rule:?}")));
            }
            Ok(Answer::ServiceTable(table)) => lines.push(format!("{place}: {:?}", table.frontends)),
            other => panic!("{place}: {other:?}"),
        }
    }
    lines.sort();
    lines
}
