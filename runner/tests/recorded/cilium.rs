//! `cilium bpf lb list -o json` and `cilium service list -o json`, as run in a node's agent.

use lab_model::observe::{Backend, BackendState, Frontend, ServiceTable};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Read, Recording};

/// The BPF map's frontends and backends. The map's listing names no states: those are the agent's, from the
/// service list, and a backend that the agent does not know is not active.
pub(super) fn table(recording: Recording, node: &str) -> Read<ServiceTable> {
    let states = states(recording, node)?;
    let file = format!("cilium/{node}.bpf-lb-list.json");
    let raw: BTreeMap<String, Vec<String>> = recording.json(&file)?;
    let frontends = raw.iter().map(|(address, entries)| {
        let address = socket(address)?;
        let slots = entries.iter().map(|entry| slot(entry)).collect::<Read<Vec<_>>>()?;
        if slots.iter().filter(|(_, number)| *number == 0).count() != 1 {
            return Err(format!("{address} has not one entry of its own (slot 0)"));
        }
        let state = |backend| {
            let state = states.get(&address).and_then(|backends| backends.get(&backend));
            state.cloned().unwrap_or_else(|| BackendState::Other("not in the service list".into()))
        };
        let backends = slots.iter().filter(|(_, number)| *number > 0);
        let backends = backends.map(|(backend, _)| Backend { address: *backend, state: state(*backend) }).collect();
        Ok(Frontend { address, backends })
    });
    Ok(ServiceTable {
        source: "cilium bpf lb list, states of cilium service list".into(),
        frontends: frontends.collect::<Read<_>>().map_err(|what| recording.wrong(&file, &what))?,
    })
}

/// `10.0.1.212:8080 (5) (1)`: address, the service's number, the slot; what follows slot 0 are the service's flags.
fn slot(entry: &str) -> Read<(SocketAddrV4, u16)> {
    let wrong = || format!("{entry:?} is not ADDRESS (SERVICE) (SLOT)");
    let mut words = entry.split(' ');
    let mut number = || words.next().and_then(|word| word.strip_prefix('(')?.strip_suffix(')')?.parse().ok());
    let (address, rest) = entry.split_once(' ').ok_or_else(wrong)?;
    let _address = number();
    let (_service, slot): (u16, u16) = (number().ok_or_else(wrong)?, number().ok_or_else(wrong)?);
    if slot > 0 && rest.contains('[') {
        return Err(format!("{entry:?}: a backend with flags is not known"));
    }
    Ok((socket(address)?, slot))
}

fn socket(text: &str) -> Read<SocketAddrV4> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

#[derive(Deserialize)]
struct RawService {
    status: RawStatus,
}

#[derive(Deserialize)]
struct RawStatus {
    realized: RawRealized,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawRealized {
    frontend_address: RawAddress,
    #[serde(default)]
    backend_addresses: Vec<RawAddress>,
}

#[derive(Deserialize)]
struct RawAddress {
    ip: Ipv4Addr,
    port: u16,
    state: Option<String>,
}

type States = BTreeMap<SocketAddrV4, BTreeMap<SocketAddrV4, BackendState>>;

fn states(recording: Recording, node: &str) -> Read<States> {
    let raw: Vec<RawService> = recording.json(&format!("cilium/{node}.service-list.json"))?;
    let socket = |raw: &RawAddress| SocketAddrV4::new(raw.ip, raw.port);
    let state = |raw: &RawAddress| match raw.state.as_deref() {
        Some("active") => BackendState::Active,
        other => BackendState::Other(other.unwrap_or("no state").to_owned()),
    };
    let backends = |raw: &RawRealized| raw.backend_addresses.iter().map(|one| (socket(one), state(one))).collect();
    Ok(raw.iter().map(|one| &one.status.realized).map(|one| (socket(&one.frontend_address), backends(one))).collect())
}

#[test]
fn entries_of_the_map_are_read_or_refused() {
    assert_eq!(slot("10.0.1.212:8080 (5) (1)"), Ok((socket("10.0.1.212:8080").expect("an address"), 1)));
    assert_eq!(slot("0.0.0.0:0 (5) (0) [ClusterIP, non-routable]").map(|(_, slot)| slot), Ok(0));
    for entry in [
        "",
        "10.0.1.212:8080",
        "10.0.1.212:8080 (5)",
        "10.0.1.212:8080 (5) (x)",
        "hello (5) (1)",
        "10.0.1.212:8080 (5) (1) [quarantined]",
    ] {
        assert!(slot(entry).is_err(), "{entry:?}");
    }
}
