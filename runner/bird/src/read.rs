//! What BIRD 2 prints, read strictly: a line that is not as expected is an error, so that nothing is taken for silence.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use super::reply::Line;
use lab_model::observe::{BgpSession, Learnt};

/// Code of the line about a protocol.
const PROTOCOL: u16 = 1002;
/// Code of the lines with its details.
const DETAILS: u16 = 1006;
/// Code of the lines about routes.
const ROUTE: u16 = 1007;

/// From the greeting: `BIRD 2.0.12 ready.`
pub(crate) fn version(greeting: &[Line]) -> Result<String, String> {
    let text = greeting.first().map_or("", |line| line.text.as_str());
    let version = text.strip_suffix(" ready.").filter(|version| version.starts_with("BIRD "));
    version.map(str::to_owned).ok_or_else(|| format!("BIRD's greeting is {text:?}"))
}

/// From `show protocols all`: the BGP sessions.
pub(crate) fn sessions(lines: &[Line]) -> Result<Vec<BgpSession>, String> {
    let mut sessions = Vec::new();
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        if line.code != PROTOCOL {
            continue;
        }
        let mut words = line.text.split_whitespace();
        let (Some(name), Some(kind)) = (words.next(), words.next()) else {
            return Err(format!("a line about a protocol: {:?}", line.text));
        };
        let mut details = BTreeMap::new();
        while let Some(detail) = lines.next_if(|line| line.code == DETAILS) {
            // The first of a name is the session's; channels repeat some.
            if let Some((key, value)) = detail.text.trim().split_once(':') {
                details.entry(key.trim()).or_insert_with(|| value.trim());
            }
        }
        if kind == "BGP" {
            sessions.push(session(name, &details)?);
        }
    }
    Ok(sessions)
}

fn session(name: &str, details: &BTreeMap<&str, &str>) -> Result<BgpSession, String> {
    let needed = |key: &str| {
        let value = details.get(key).copied().filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("BIRD does not tell {key:?} of the session {name}"))
    };
    Ok(BgpSession {
        name: name.to_owned(),
        neighbour: read(name, needed("Neighbor address")?.split('%').next().unwrap_or_default())?,
        neighbour_as: read(name, needed("Neighbor AS")?)?,
        local_as: read(name, needed("Local AS")?)?,
        state: needed("BGP state")?.to_owned(),
        hold: details.get("Hold timer").map(|timer| hold(name, timer)).transpose()?,
        last_error: details.get("Last error").map(|&error| error.to_owned()),
    })
}

/// `78.403/90`: what is left of it, and the whole, in seconds.
fn hold(name: &str, timer: &str) -> Result<Duration, String> {
    let (_left, whole) = timer.split_once('/').ok_or_else(|| format!("the hold timer of {name}: {timer:?}"))?;
    read(name, whole).map(Duration::from_secs)
}

fn read<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_other| format!("BIRD says {text:?} of the session {name}"))
}

/// From `show route`: all routes of IPv4, each with the protocol that it is from. Those of BGP sessions are for the caller to
/// tell, by their names.
pub(crate) fn routes(lines: &[Line]) -> Result<Vec<Learnt>, String> {
    let mut routes: Vec<Learnt> = Vec::new();
    let mut destination: Option<Ipv4Net> = None;
    let of_routes = lines.iter().filter(|line| line.code == ROUTE && !line.text.starts_with("Table "));
    for Line { text, .. } in of_routes {
        let odd = || format!("a line about a route: {text:?}");
        if let Some(hop) = text.strip_prefix('\t') {
            let route = routes.last_mut().ok_or_else(odd)?;
            next_hop(route, hop).ok_or_else(odd)?;
            continue;
        }
        // A further route to the same destination does not name it again.
        let named = if text.starts_with(' ') { None } else { text.split_whitespace().next() };
        if let Some(net) = named {
            destination = Some(net.parse().map_err(|_other| odd())?);
        }
        let (_before, from) = text.split_once('[').ok_or_else(odd)?;
        let (from, rest) = from.split_once(']').ok_or_else(odd)?;
        routes.push(Learnt {
            destination: destination.ok_or_else(odd)?,
            via: None,
            device: None,
            session: from.split_whitespace().next().ok_or_else(odd)?.to_owned(),
            chosen: rest.trim_start().starts_with('*'),
        });
    }
    Ok(routes)
}

/// `via 172.18.0.2 on kind` or `dev lo`. None for anything else, several hops included: no lab has such a route.
fn next_hop(route: &mut Learnt, text: &str) -> Option<()> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if route.via.is_some() || route.device.is_some() {
        return None;
    }
    match words[..] {
        ["via", address, "on", device] => {
            route.via = Some(address.parse::<Ipv4Addr>().ok()?);
            route.device = Some(device.to_owned());
        }
        ["dev", device] => route.device = Some(device.to_owned()),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `Reply` takes it apart, from a real BIRD 2.0.12.
    fn lines(text: &[(u16, &str)]) -> Vec<Line> {
        text.iter().map(|(code, text)| Line { code: *code, text: (*text).to_owned() }).collect()
    }

    const PROTOCOLS: &[(u16, &str)] = &[
        (2002, "Name       Proto      Table      State  Since         Info"),
        (1002, "device1    Device     ---        up     02:53:17.181  "),
        (1006, ""),
        (1002, "node1      BGP        ---        up     02:53:18.130  Established   "),
        (1006, "  BGP state:          Established"),
        (1006, "    Neighbor address: 172.18.0.2"),
        (1006, "    Neighbor AS:      64701"),
        (1006, "    Local AS:         64601"),
        (1006, "    Hold timer:       78.403/90"),
        (1006, "  Channel ipv4"),
        (1006, "    State:          UP"),
        (1002, "node2      BGP        ---        start  02:53:17.181  Active        Socket: Connection refused"),
        (1006, "  BGP state:          Active"),
        (1006, "    Neighbor address: 172.18.0.3"),
        (1006, "    Neighbor AS:      64702"),
        (1006, "    Local AS:         64601"),
        (1006, "    Last error:       Socket: Connection refused"),
        (0, ""),
    ];

    #[test]
    fn sessions_are_read_and_other_protocols_left_out() {
        let read = sessions(&lines(PROTOCOLS)).unwrap();
        let of = |name: &str| read.iter().find(|session| session.name == name).unwrap();
        assert_eq!(read.len(), 2);
        let up = of("node1");
        assert_eq!((up.state.as_str(), up.neighbour_as, up.local_as), ("Established", 64701, 64601));
        assert_eq!((up.hold, up.last_error.as_deref()), (Some(Duration::from_secs(90)), None));
        let down = of("node2");
        assert_eq!((down.state.as_str(), down.hold), ("Active", None));
        assert_eq!(down.last_error.as_deref(), Some("Socket: Connection refused"));
    }

    #[test]
    fn a_session_of_which_something_is_missing_is_no_session() {
        for left_out in ["BGP state", "Neighbor address", "Neighbor AS", "Local AS"] {
            let without: Vec<_> = PROTOCOLS.iter().filter(|(_, text)| !text.contains(left_out)).copied().collect();
            let error = sessions(&lines(&without)).unwrap_err();
            assert_eq!(error, format!("BIRD does not tell {left_out:?} of the session node1"));
        }
    }

    #[test]
    fn routes_are_read_with_their_next_hops() {
        let text = [
            (1007, "Table master4:"),
            (1007, "172.18.0.0/24        unicast [direct1 02:53:17.182] * (240)"),
            (1007, "\tdev va"),
            (1007, "10.1.0.0/24          unicast [node1 02:53:18.182] * (100) [AS64701i]"),
            (1007, "\tvia 172.18.0.2 on va"),
            (1007, "                     unicast [router 02:53:18.182] (100) [AS64701i]"),
            (1007, "\tvia 172.31.255.0 on up0"),
            (0, ""),
        ];
        let read = routes(&lines(&text)).unwrap();
        let shown: Vec<String> = read
            .iter()
            .map(|route| format!("{} {:?} {} {}", route.destination, route.via, route.session, route.chosen))
            .collect();
        assert_eq!(
            shown,
            [
                "172.18.0.0/24 None direct1 true",
                "10.1.0.0/24 Some(172.18.0.2) node1 true",
                "10.1.0.0/24 Some(172.31.255.0) router false",
            ]
        );
        for odd in ["\tmultipath", "10.1.0.0/24 unicast", "ten [x y] * (1)"] {
            assert!(routes(&lines(&[(1007, odd)])).is_err(), "{odd:?}");
        }
    }
}
