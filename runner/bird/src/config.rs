//! The configuration of BIRD in each router.

use std::net::Ipv4Addr;

use lab_model::observe::{NodeName, Place};
use lab_model::racks::{self, Rack, Racks};

/// The name of a ToR's session with the router.
const TO_ROUTER: &str = "to_router";

/// One end of a session.
type End = (Ipv4Addr, u32);

/// The configuration for a router; `device` is a ToR's link to its rack. Timers are as short as BIRD has them, save the hold
/// time, so that a lab is up at once.
pub fn config(racks: &Racks, device: &str, place: &Place) -> String {
    let tor = racks.racks.iter().enumerate().find(|(position, _)| racks::tor(*position) == *place);
    tor.map_or_else(|| of_router(racks), |(_, rack)| of_tor(racks, device, rack))
}

/// A ToR announces the rack's own network too: else nodes and other racks could not answer.
fn of_tor(racks: &Racks, device: &str, rack: &Rack) -> String {
    let own = (rack.gateway.addr(), rack.tor_as);
    let nodes = rack.nodes.iter().filter_map(|node| Some((node, racks.address_of(node)?.addr())));
    let sessions: Vec<String> =
        nodes.map(|(node, address)| session(racks, &session_name(node), own, (address, rack.node_as), true)).collect();
    let up = ((rack.tor_end.addr(), rack.tor_as), (rack.router_end.addr(), racks.router_as));
    // The last line tells the last session from the others.
    format!(
        "{}protocol direct {{ ipv4; interface \"{device}\"; }}\n{}{}# end\n",
        head(own.0),
        sessions.concat(),
        session(racks, TO_ROUTER, up.0, up.1, false)
    )
}

fn of_router(racks: &Racks) -> String {
    let to_tor = |(position, rack): (usize, &Rack)| {
        let (own, other) = ((rack.router_end.addr(), racks.router_as), (rack.tor_end.addr(), rack.tor_as));
        session(racks, &racks::tor(position).to_string(), own, other, true)
    };
    let sessions: Vec<String> = racks.racks.iter().enumerate().map(to_tor).collect();
    format!(
        "{}protocol direct {{ ipv4; interface \"tor*\"; }}\n\
         protocol static own {{ ipv4; route {}/32 via \"lo\"; }}\n{}",
        head(racks.router),
        racks.router,
        sessions.concat()
    )
}

/// The name of a ToR's session with a node. BIRD's names have no `-`, and some words are its own.
fn session_name(node: &NodeName) -> String {
    format!("node_{}", node.0.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

fn head(id: Ipv4Addr) -> String {
    format!(
        "# Written by lab, for this lab alone.\n\
         log stderr {{ error, fatal, bug }};\n\
         router id {id};\n\
         protocol device {{ scan time 1; }}\n\
         protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}\n"
    )
}

/// One eBGP session. Of two ends one is passive, so that there is one connection and it is made at once.
fn session(racks: &Racks, name: &str, own: End, other: End, passive: bool) -> String {
    let who = if passive { "passive on" } else { "connect delay time 1" };
    format!(
        "protocol bgp {name} {{\n  \
           local {} as {};\n  \
           neighbor {} as {};\n  \
           {who};\n  \
           connect retry time 1;\n  \
           error wait time 1, 1;\n  \
           hold time {};\n  \
           ipv4 {{ import all; export all; }};\n\
         }}\n",
        own.0,
        own.1,
        other.0,
        other.1,
        racks.hold.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::Ipv4Net;
    use std::time::Duration;

    fn racks() -> Racks {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        let rack = |at: u32, nodes: &[&str]| Rack {
            tor_as: 64601 + at,
            node_as: 64701 + at,
            gateway: net(&format!("198.19.{at}.1/24")),
            tor_end: net(&format!("198.19.128.{}/29", 8 * at + 2)),
            router_end: net(&format!("198.19.128.{}/29", 8 * at + 1)),
            nodes: nodes.iter().map(|node| NodeName::from(*node)).collect(),
            network: None,
        };
        Racks {
            router_as: 64512,
            router: "198.19.130.1".parse().unwrap(),
            hold: Duration::from_secs(90),
            racks: vec![rack(0, &["kind-control-plane", "kind-worker"]), rack(1, &["kind-worker2"])],
            bgp: true,
            management: None,
        }
    }

    /// Lines of a configuration with one of these words.
    fn with(text: &str, words: &[&str]) -> Vec<String> {
        let lines = text.lines().filter(|line| words.iter().any(|word| line.contains(word)));
        lines.map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn a_tor_waits_for_its_nodes_and_asks_the_router() {
        let text = config(&racks(), "kind", &racks::tor(0));
        assert_eq!(
            with(&text, &["neighbor", "passive", "delay", "direct"]),
            [
                "protocol direct { ipv4; interface \"kind\"; }",
                "neighbor 198.19.0.2 as 64701;",
                "passive on;",
                "neighbor 198.19.0.3 as 64701;",
                "passive on;",
                "neighbor 198.19.128.1 as 64512;",
                "connect delay time 1;",
            ]
        );
        assert_eq!(with(&text, &["protocol bgp"]).len(), 3);
        assert_eq!(with(&text, &["hold"]), ["hold time 90;"; 3]);
    }

    #[test]
    fn the_router_waits_for_the_tors_and_announces_itself() {
        let text = config(&racks(), "kind", &racks::router());
        assert_eq!(
            with(&text, &["neighbor", "static", "router id"]),
            [
                "router id 198.19.130.1;",
                "protocol static own { ipv4; route 198.19.130.1/32 via \"lo\"; }",
                "neighbor 198.19.128.2 as 64601;",
                "neighbor 198.19.128.10 as 64602;",
            ]
        );
    }
}
