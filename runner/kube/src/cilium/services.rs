//! Parses `cilium bpf lb list -o json`, the datapath's table, and `cilium service list -o json`, the agent's view of it.
//!
//! The states of backends are in the agent's view only. A backend in the table that the agent does not list is not active
//! (cilium 1.12: `cilium/cmd/bpf_lb_list.go`, `api/v1/models`, Service).

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use lab_model::observe::{Backend, BackendState, Frontend, ServiceTable};

/// The states of each frontend's backends, as the agent reports them.
pub type BackendStates = BTreeMap<SocketAddrV4, BTreeMap<SocketAddrV4, BackendState>>;

#[derive(Deserialize)]
struct RawService {
    status: Option<RawStatus>,
}

#[derive(Deserialize)]
struct RawStatus {
    realized: Option<RawRealized>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawRealized {
    frontend_address: RawAddress,
    backend_addresses: Option<Vec<RawAddress>>,
}

#[derive(Deserialize)]
struct RawAddress {
    ip: String,
    port: u16,
    state: Option<String>,
}

impl RawAddress {
    /// The address and port; none for an IPv6 address, which an agent may list although a lab uses none.
    fn socket(&self) -> Option<SocketAddrV4> {
        Some(SocketAddrV4::new(self.ip.parse::<Ipv4Addr>().ok()?, self.port))
    }
}

/// Parses `cilium service list -o json`.
///
/// # Errors
/// A text that says why, when the JSON has another form.
pub fn parse_services(text: &str) -> Result<BackendStates, String> {
    let raw: Vec<RawService> =
        serde_json::from_str(text).map_err(|error| format!("`cilium service list -o json`: {error}"))?;
    let realized = raw.into_iter().filter_map(|service| service.status?.realized);
    Ok(realized.filter_map(|service| Some((service.frontend_address.socket()?, states(&service)))).collect())
}

fn states(service: &RawRealized) -> BTreeMap<SocketAddrV4, BackendState> {
    let state = |raw: &RawAddress| match raw.state.as_deref() {
        Some("active") => BackendState::Active,
        other => BackendState::Other(other.unwrap_or("without a state").to_owned()),
    };
    let backends = service.backend_addresses.iter().flatten();
    backends.filter_map(|backend| Some((backend.socket()?, state(backend)))).collect()
}

/// Parses `cilium bpf lb list -o json`, and adds the states that the agent reports for the backends.
///
/// # Errors
/// A text that says why, when the JSON or an entry has another form.
pub fn parse_table(text: &str, states: &BackendStates) -> Result<ServiceTable, String> {
    let wrong = |what: String| format!("`cilium bpf lb list -o json`: {what}");
    let raw: BTreeMap<String, Vec<String>> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut frontends = Vec::new();
    for (address, entries) in &raw {
        // IPv6 frontends are written in brackets.
        if address.starts_with('[') {
            continue;
        }
        frontends.push(frontend(address, entries, states).map_err(wrong)?);
    }
    Ok(ServiceTable { source: "cilium bpf lb list, states of cilium service list".to_owned(), frontends })
}

fn frontend(address: &str, entries: &[String], states: &BackendStates) -> Result<Frontend, String> {
    let address = socket(address)?;
    let slots = entries.iter().map(|entry| slot(entry)).collect::<Result<Vec<_>, _>>()?;
    let masters = slots.iter().filter(|(_, slot)| *slot == 0).count();
    if masters != 1 {
        return Err(format!("{address} has {masters} entries of its own (slot 0), not one"));
    }
    let known = states.get(&address);
    let state = |backend: SocketAddrV4| {
        let state = known.and_then(|backends| backends.get(&backend)).cloned();
        state.unwrap_or_else(|| BackendState::Other("not in the service list".to_owned()))
    };
    let backends = slots.into_iter().filter(|(_, slot)| *slot > 0);
    let backends = backends.map(|(backend, _)| Backend { address: backend, state: state(backend) }).collect();
    Ok(Frontend { address, backends })
}

/// Parses an entry such as `10.0.1.212:8080 (5) (1)`: the address, the number of the service, the slot. Slot 0 is the entry
/// of the frontend itself, and is followed by the service's flags.
fn slot(entry: &str) -> Result<(SocketAddrV4, u16), String> {
    let wrong = || format!("{entry:?} is not ADDRESS (SERVICE) (SLOT)");
    let mut words = entry.split_whitespace();
    let address = words.next().ok_or_else(wrong)?;
    let mut number = || words.next().and_then(|word| word.strip_prefix('(')?.strip_suffix(')')?.parse::<u16>().ok());
    let _service = number().ok_or_else(wrong)?;
    let slot = number().ok_or_else(wrong)?;
    if slot > 0 && words.next().is_some() {
        return Err(format!("{entry:?}: a backend with flags is not expected"));
    }
    Ok((socket(address)?, slot))
}

fn socket(text: &str) -> Result<SocketAddrV4, String> {
    text.parse().map_err(|_| format!("{text:?} is not an IPv4 address and port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    const SERVICES: &str = r#"[{"spec": {}, "status": {"realized": {
        "frontend-address": {"ip": "10.96.0.10", "port": 53, "scope": "external"},
        "backend-addresses": [{"ip": "10.0.1.52", "port": 53, "state": "active"},
                              {"ip": "10.0.2.52", "port": 53, "state": "quarantined"}, {"ip": "10.0.3.52", "port": 53}]}}},
        {"status": {"realized": {"frontend-address": {"ip": "fd00::1", "port": 53}}}}, {"spec": {}}]"#;

    #[test]
    fn states_come_from_the_agent() {
        let states = parse_services(SERVICES).unwrap();
        let table = r#"{"[fd00::1]:53": [], "10.96.0.10:53": ["0.0.0.0:0 (1) (0) [ClusterIP, non-routable]",
            "10.0.1.52:53 (1) (1)", "10.0.2.52:53 (1) (2)", "10.0.3.52:53 (1) (3)", "10.0.4.52:53 (1) (4)"]}"#;
        let table = parse_table(table, &states).unwrap();
        let [frontend] = &table.frontends[..] else { panic!("{table:?}") };
        assert_eq!(frontend.address, address("10.96.0.10:53"));
        let other = |word: &str| BackendState::Other(word.to_owned());
        let expected = [
            ("10.0.1.52:53", BackendState::Active),
            ("10.0.2.52:53", other("quarantined")),
            ("10.0.3.52:53", other("without a state")),
            ("10.0.4.52:53", other("not in the service list")),
        ];
        assert_eq!(frontend.backends, expected.map(|(backend, state)| Backend { address: address(backend), state }));
    }

    #[test]
    fn a_service_without_backends_goes_nowhere() {
        let table = parse_table(r#"{"10.96.0.10:53": ["0.0.0.0:0 (1) (0) [ClusterIP]"]}"#, &BTreeMap::new()).unwrap();
        assert_eq!(table.frontends, [Frontend { address: address("10.96.0.10:53"), backends: Vec::new() }]);
        assert_eq!(parse_services("[]"), Ok(BTreeMap::new()));
    }

    #[test]
    fn entries_of_another_form_are_refused() {
        assert_eq!(slot("10.0.1.212:8080 (5) (1)"), Ok((address("10.0.1.212:8080"), 1)));
        for (entry, words) in [
            ("", "is not ADDRESS"),
            ("10.0.1.212:8080", "is not ADDRESS"),
            ("10.0.1.212:8080 (5)", "is not ADDRESS"),
            ("10.0.1.212:8080 (5) (x)", "is not ADDRESS"),
            ("hello (5) (1)", "is not an IPv4 address and port"),
            ("10.0.1.212:8080 (5) (1) [quarantined]", "a backend with flags is not expected"),
        ] {
            let error = slot(entry).unwrap_err();
            assert!(error.contains(words), "{entry:?}: {error}");
        }
        let refused = |text: &str| parse_table(text, &BTreeMap::new()).unwrap_err();
        assert!(refused(r#"{"10.96.0.10:53": []}"#).ends_with("has 0 entries of its own (slot 0), not one"));
        assert!(refused(r#"{"hello": []}"#).ends_with("\"hello\" is not an IPv4 address and port"));
        assert!(refused("null").contains("invalid type: null"));
        assert!(parse_services("{}").unwrap_err().contains("invalid type: map"));
    }
}
