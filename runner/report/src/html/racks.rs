//! Racks as they were seen: whose ToR is whose, sessions, and what routers have learnt over them.

use super::seen::Shown;
use super::table::{Cell, Table};
use lab_model::observe::{NodeName, Place, RouterSeen, UPLINK};
use lab_model::racks::{ROUTER, TOR_UPLINK, router_port, tor};
use lab_model::seen::RoutersSeen;

/// Rows of a table at most: a hundred nodes in as many racks have some ten thousand routes.
const LISTED: usize = 200;

/// A router as the picture has it: its name with its AS, and the address of its nodes' gateway or its own.
pub(super) fn hubs(seen: &RoutersSeen) -> Vec<(String, Option<String>)> {
    seen.routers.iter().map(|router| (label(router), address(router))).collect()
}

/// `tor0, AS 64601`.
fn label(router: &RouterSeen) -> String {
    let own = router.daemon.as_ref().ok().and_then(|daemon| daemon.sessions.first());
    own.map_or_else(|| router.place.to_string(), |session| format!("{}, AS {}", router.place, session.local_as))
}

fn address(router: &RouterSeen) -> Option<String> {
    let view = router.kernel.as_ref().ok()?;
    let own = |device: &str| {
        if is_between(router) { device == "lo" } else { device != "lo" && device != TOR_UPLINK }
    };
    let mut addresses =
        view.addresses.iter().filter(|address| own(&address.device) && !address.address.addr().is_loopback());
    addresses.next().map(|address| address.address.to_string())
}

fn is_between(router: &RouterSeen) -> bool {
    router.place == Place::Router(ROUTER.to_owned())
}

/// The position of the rack that a node is in: that of the ToR that is configured for a session with it.
pub(super) fn rack_of(seen: &RoutersSeen, node: &NodeName) -> Option<usize> {
    let address = seen.nodes.get(node)?.address_of(UPLINK)?.addr();
    seen.routers.iter().position(|router| {
        let mut sessions = router.daemon.iter().flat_map(|daemon| &daemon.sessions);
        !is_between(router) && sessions.any(|session| session.neighbour == address)
    })
}

/// The routers and links that a packet should pass between two racks, each link behind its router: none within a rack. To the
/// outside it is the router's own address, and the last link the ToR's.
pub(super) fn between(from: usize, to: Option<usize>) -> Vec<(Place, String)> {
    match to {
        Some(to) if to == from => Vec::new(),
        Some(to) => vec![(tor(from), TOR_UPLINK.to_owned()), (Place::Router(ROUTER.to_owned()), router_port(to))],
        None => vec![(tor(from), TOR_UPLINK.to_owned())],
    }
}

/// Sessions, and routes that were learnt over them; empty where there are no routers.
pub(super) fn tables(shown: &Shown) -> Vec<Table> {
    let Some(seen) = &shown.routers else { return Vec::new() };
    let (mut sessions, mut routes) = (Vec::new(), Vec::new());
    for router in &seen.routers {
        let name = || Cell::code(router.place.to_string());
        let daemon = match &router.daemon {
            Ok(daemon) => daemon,
            Err(why) => {
                let rest = || Cell::plain("–");
                sessions.push(vec![name(), rest(), rest(), rest(), Cell::of("open", format!("? {why}"))]);
                continue;
            }
        };
        sessions.extend(daemon.sessions.iter().map(|session| {
            let why = session.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            vec![
                name(),
                Cell::code(&session.name),
                Cell::code(session.neighbour.to_string()),
                Cell::plain(format!("{} to {}", session.local_as, session.neighbour_as)),
                Cell::plain(format!("{}{why}", session.state)),
            ]
        }));
        let over_bgp = |name: &String| daemon.sessions.iter().any(|session| session.name == *name);
        let chosen = daemon.routes.iter().filter(|route| route.chosen && over_bgp(&route.session));
        routes.extend(chosen.map(|route| {
            vec![
                name(),
                Cell::code(route.destination.to_string()),
                Cell::or_unseen(route.via.map(|via| via.to_string())),
                Cell::or_unseen(route.device.clone()),
                Cell::code(&route.session),
            ]
        }));
    }
    let table = |caption: &str, head: [&'static str; 5], mut rows: Vec<Vec<Cell>>| {
        let more = rows.len().saturating_sub(LISTED);
        rows.truncate(LISTED);
        let caption = if more > 0 { format!("{caption}; {more} more are left out") } else { caption.to_owned() };
        Table { caption, head: head.into(), rows }
    };
    vec![
        table("BGP sessions, as routers tell them", ["Router", "Session", "Neighbour", "AS", "State"], sessions),
        table("What routers have learnt over BGP", ["Router", "Destination", "Via", "Link", "Session"], routes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::observe::{Address, BgpSession, DaemonSeen, Learnt, NetnsId, NetnsView, PodCidrs};
    use std::collections::BTreeMap;

    fn view(addresses: &[(&str, &str)]) -> NetnsView {
        let address = |(device, address): &(&str, &str)| Address {
            device: (*device).to_owned(),
            address: address.parse().expect("an address"),
        };
        NetnsView {
            netns: NetnsId(1),
            links: Vec::new(),
            addresses: addresses.iter().map(address).collect(),
            routes: Vec::new(),
            rules: Vec::new(),
            neighbours: Vec::new(),
            listeners: Vec::new(),
        }
    }

    fn router(place: Place, neighbour: &str, local_as: u32, addresses: &[(&str, &str)]) -> RouterSeen {
        let session = BgpSession {
            name: "one".to_owned(),
            neighbour: neighbour.parse().expect("an address"),
            neighbour_as: 64701,
            local_as,
            state: "Active".to_owned(),
            hold: None,
            last_error: Some("Socket: Connection <closed>".to_owned()),
        };
        let route = |chosen| Learnt {
            destination: "10.0.1.0/24".parse().expect("a prefix"),
            via: neighbour.parse().ok(),
            device: None,
            session: "one".to_owned(),
            chosen,
        };
        let routes = vec![route(true), route(false)];
        let daemon = DaemonSeen { version: "BIRD 2".to_owned(), sessions: vec![session], routes };
        RouterSeen { place, daemon: Ok(daemon), kernel: Ok(view(addresses)) }
    }

    fn seen() -> RoutersSeen {
        let between = Place::Router(ROUTER.to_owned());
        RoutersSeen {
            routers: vec![
                router(tor(0), "172.18.0.2", 64601, &[("up0", "172.31.255.1/31"), ("kind", "172.18.0.1/24")]),
                router(tor(1), "172.18.1.2", 64602, &[("kind", "172.18.1.1/24")]),
                router(between, "172.31.255.1", 64512, &[("lo", "127.0.0.1/8"), ("lo", "172.31.254.1/32")]),
            ],
            nodes: BTreeMap::from([("kind-worker2".into(), view(&[("eth0", "172.18.1.2/24")]))]),
            pod_cidrs: PodCidrs { source: String::new(), by_node: BTreeMap::new() },
        }
    }

    #[test]
    fn routers_stand_where_bridges_do() {
        let hubs: Vec<String> =
            hubs(&seen()).into_iter().map(|(name, own)| format!("{name} {}", own.unwrap_or_default())).collect();
        let own = ["tor0, AS 64601 172.18.0.1/24", "tor1, AS 64602 172.18.1.1/24", "router, AS 64512 172.31.254.1/32"];
        assert_eq!(hubs, own);
        assert_eq!(rack_of(&seen(), &"kind-worker2".into()), Some(1));
        assert_eq!(rack_of(&seen(), &"kind-stranger".into()), None);
    }

    #[test]
    fn the_way_is_by_each_routers_link_towards_the_receiver() {
        let links = |to| between(0, to).into_iter().map(|(at, link)| format!("{at} {link}")).collect::<Vec<_>>();
        assert_eq!(links(Some(1)), ["tor0 up0", "router tor1"]);
        assert_eq!(links(None), ["tor0 up0"]);
        assert_eq!(links(Some(0)), [""; 0]);
    }

    #[test]
    fn a_daemon_that_said_nothing_has_a_row_that_says_so() {
        let mut seen = seen();
        seen.routers[2].daemon = Err("it is silent".to_owned());
        assert_eq!(hubs(&seen)[2].0, "router");
        let tables = tables(&Shown { routers: Some(seen), ..Shown::default() });
        let rows = |table: &Table| -> Vec<String> {
            table
                .rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(
            rows(&tables[0]),
            [
                "tor0 one 172.18.0.2 64601 to 64701 Active: Socket: Connection <closed>",
                "tor1 one 172.18.1.2 64602 to 64701 Active: Socket: Connection <closed>",
                "router – – – ? it is silent"
            ]
        );
        // Those that were chosen.
        assert_eq!(rows(&tables[1]).len(), 2);
        assert_eq!(super::tables(&Shown::default()).len(), 0);
    }
}
