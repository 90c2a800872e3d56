//! What a lab in racks has beside its nodes: networks and routers, by the mark that they carry, and the links of those on both.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lab_engine::{Engine, NewNetwork, NodeProbe, RACKS_LABEL};
use lab_kind::racks::links::{Named, arrange};
use lab_kind::racks::remove;
use lab_model::observe::{Mtu, NodeName, Place};
use lab_model::request::Request;
use lab_stand_in::{Cluster, ImagePlan, NodePlan, Plan, with_engine};

use super::members::{LONG, Pods, answer, view};

/// What links take on a network that was made to take less than Ethernet does.
const NARROW: Mtu = Mtu(1380);

/// Containers with this mark: a node and a router.
async fn marked(engine: &Engine, mark: &str) -> Cluster {
    let image = ImagePlan { programs: vec!["ip".into()], ..ImagePlan::default() };
    let router = NodePlan { suffix: "tor0".to_owned(), role: None, image: None };
    let nodes = Some(vec![NodePlan::new("worker", "worker"), router]);
    let labels = BTreeMap::from([(RACKS_LABEL.to_owned(), mark.to_owned())]);
    Cluster::make(engine, Plan { nodes, labels, image, ..Plan::default() }).await
}

/// A network of its own, of addresses that no other test has at this moment.
async fn network(engine: &Engine, name: &str, mark: &str) -> Ipv4Addr {
    for _attempt in 0..20 {
        let first = Ipv4Addr::new(198, 18, fastrand::u8(..128), 0);
        let new = NewNetwork {
            name: name.to_owned(),
            subnet: ipnet::Ipv4Net::new(first, 24).unwrap(),
            reserved: Ipv4Addr::from_bits(first.to_bits() + 254),
            mtu: NARROW,
            label: (RACKS_LABEL.to_owned(), mark.to_owned()),
        };
        match engine.make_network(&new).await {
            Ok(()) => return first,
            Err(error) if error.to_string().contains("overlaps") => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no network is free");
}

async fn shown(engine: &Engine, node: &NodeName, argv: &[&str]) -> String {
    engine.exec(&node.0, argv.iter().copied(), Vec::new(), LONG).await.unwrap().stdout_text()
}

#[test]
fn a_node_that_stands_in_a_rack_has_its_link_and_its_default_route_there() {
    with_engine("a_node_that_stands_in_a_rack_has_its_link_and_its_default_route_there", async |engine| {
        let mark = format!("/nowhere/{:08x}/mark", fastrand::u32(..));
        let cluster = marked(&engine, &mark).await;
        let (node, rack) = (&cluster.nodes()[0], format!("{}-rack0", cluster.name()));
        let first = network(&engine, &rack, &mark).await;
        let at = |last| Ipv4Addr::from_bits(first.to_bits() + last);
        engine.connect_container(&rack, &node.0, at(2)).await.unwrap();
        let containers = engine.nodes(cluster.name()).await.unwrap();
        let management = containers[0].address_on(cluster.network()).unwrap();
        let named = |address, name: &str| Named { address, name: name.to_owned() };
        let wanted = [named(management, "mgmt0"), named(at(2), "eth0")];
        for _again in 0..2 {
            arrange(&engine, &node.0, &wanted, Some((at(1), "eth0"))).await.unwrap();
            let links = shown(&engine, node, &["ip", "-o", "-4", "address", "show"]).await;
            for (link, address) in [("mgmt0", management), ("eth0", at(2))] {
                assert!(links.contains(&format!(" {link}    inet {address}/")), "{links}");
            }
            let link = shown(&engine, node, &["ip", "-o", "link", "show", "eth0"]).await;
            assert!(link.contains(&format!(" mtu {NARROW} ")), "{link}");
            let routes = shown(&engine, node, &["ip", "-4", "route", "show", "default"]).await;
            assert_eq!(routes.trim(), format!("default via {} dev eth0", at(1)));
        }
        arrange(&engine, &node.0, &wanted, None).await.unwrap();
        assert_eq!(shown(&engine, node, &["ip", "-4", "route", "show", "default"]).await, "");
        // The host answers for no address there.
        let bridge = engine.network(&rack).await.unwrap().unwrap();
        assert_eq!(bridge.options["com.docker.network.bridge.inhibit_ipv4"], "true");
        let error = arrange(&engine, &node.0, &[named(at(9), "eth1")], None).await.unwrap_err();
        assert_eq!(error, format!("no link has the address {}, for eth1", at(9)));
        remove(&engine, &mark).await.unwrap();
    });
}

#[test]
fn what_carries_the_mark_is_looked_into_and_removed_and_nothing_else() {
    with_engine("what_carries_the_mark_is_looked_into_and_removed_and_nothing_else", async |engine| {
        let own = fastrand::u32(..);
        let (mark, other) = (format!("/nowhere/{own:08x}/mark"), format!("/nowhere/{own:08x}-other/mark"));
        let cluster = marked(&engine, &mark).await;
        let (rack, stays) = (format!("{}-rack0", cluster.name()), format!("{}-rack1", cluster.name()));
        network(&engine, &rack, &mark).await;
        network(&engine, &stays, &other).await;

        let tor = || Place::Router("tor0".to_owned());
        let pods = Pods::default();
        let probe = || NodeProbe::new(&engine, cluster.name()).unwrap();
        let refused = answer(&probe(), tor(), Request::View, &pods).await.unwrap_err();
        assert_eq!(refused, "this cluster on kind has no router tor0");
        let refused = answer(&probe().with_routers(&other), tor(), Request::View, &pods).await.unwrap_err();
        assert!(refused.contains("is not a node of the kind cluster"), "{refused}");
        let seen = view(&probe().with_routers(&mark), tor(), &pods).await;
        assert!(seen.link("eth0").is_some(), "{seen:?}");

        let removed = remove(&engine, &mark).await.unwrap();
        let mut names: Vec<String> = cluster.nodes().iter().map(|node| node.0.clone()).collect();
        names.sort();
        assert_eq!((removed.containers, removed.networks), (names, vec![rack.clone()]));
        assert!(engine.network(&rack).await.unwrap().is_none());
        assert!(engine.network(&stays).await.unwrap().is_some());
        assert_eq!(remove(&engine, &other).await.unwrap().networks, [stays]);
        // Nothing is left to remove, and that is no failure.
        assert_eq!(remove(&engine, &mark).await, Ok(lab_kind::racks::Removed::default()));
    });
}
