//! The datapath's own tables.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::{NAMED, of_foreign};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignService, ForeignTablesSeen};
use lab_model::observe::{BackendState, Frontend, NodeName, Place, ServiceTable};
use lab_model::{CiliumVersion, Judgement, Proof, Reason, words};

/// On every node the datapath's own table has each `ClusterIP` and port, with exactly the ready endpoints behind it, all
/// active. Services whose endpoints changed while tables were read, or of which a node may have a part, are counted and
/// not judged.
///
/// # Errors
/// For each node and each of [`Reason::FrontendMissing`], [`Reason::BackendMissing`], [`Reason::BackendStale`] and
/// [`Reason::BackendInactive`] one finding, which names the Services. Unobserved where a node's table was not read, and where
/// no Service can be judged.
pub fn load_balancer_tables_match(seen: &ForeignTablesSeen, expect: &Expectations) -> Judgement {
    let foreign = of_foreign(expect)?;
    let judged: Vec<&ForeignService> = seen.services.iter().filter(|service| service.loose.is_none()).collect();
    if judged.is_empty() {
        let why =
            seen.services.iter().find_map(|service| Some(format!(": {}: {}", service.name, service.loose.as_ref()?)));
        return unobserved(format!("no Service can be judged{}", why.unwrap_or_default()));
    }
    let mut weighing = Weighing::default();
    if seen.tables.len() < expect.nodes() {
        weighing.miss(format!("tables were asked for on {} of {} nodes", seen.tables.len(), expect.nodes()));
    }
    let version = foreign.configuration.versions.first().and_then(|version| CiliumVersion::parse(version));
    let program = version.unwrap_or(CiliumVersion::OLDEST).agent_program();
    for (node, table) in &seen.tables {
        match table {
            Err(why) => weighing.miss(format!("{node}: {why}")),
            Ok(table) => weigh(node, table, &judged, program, &mut weighing),
        }
    }
    let total = seen.tables.len();
    weighing.conclude(|| {
        let spared = seen.services.len() - judged.len();
        let spared_words = if spared == 0 { String::new() } else { format!("; {spared} more were not judged") };
        let lines = seen.services.iter().filter_map(|service| Some(format!("{}: {}", service.name, service.loose.as_ref()?)));
        Proof::new(format!(
            "{total} of {total} tables have exactly the ready endpoints of {} ClusterIP ports, all active{spared_words}",
            judged.len()
        ))
        .with_details(lines)
    })
}

fn weigh(node: &NodeName, table: &ServiceTable, services: &[&ForeignService], program: &str, weighing: &mut Weighing) {
    let frontends: BTreeMap<SocketAddrV4, &Frontend> =
        table.frontends.iter().map(|frontend| (frontend.address, frontend)).collect();
    let mut found: BTreeMap<Reason, Vec<String>> = BTreeMap::new();
    for service in services {
        let (name, address) = (&service.name, service.address);
        let Some(frontend) = frontends.get(&address) else {
            found.entry(Reason::FrontendMissing).or_default().push(format!("{name} ({address}) is not there"));
            continue;
        };
        let wanted: BTreeSet<SocketAddrV4> = service.endpoints.iter().copied().collect();
        let there: BTreeSet<SocketAddrV4> = frontend.backends.iter().map(|backend| backend.address).collect();
        for missing in wanted.difference(&there) {
            found.entry(Reason::BackendMissing).or_default().push(format!("{name} ({address}) has no {missing}"));
        }
        for backend in &frontend.backends {
            if !wanted.contains(&backend.address) {
                let text = format!("{name} ({address}) has {}, which is no ready endpoint", backend.address);
                found.entry(Reason::BackendStale).or_default().push(text);
            } else if let BackendState::Other(state) = &backend.state {
                let text = format!("{name} ({address}): {} is {state}", backend.address);
                found.entry(Reason::BackendInactive).or_default().push(text);
            }
        }
    }
    for (reason, lines) in found {
        weighing.refute(
            reason,
            Place::Node(node.clone()),
            format!("{node}: each ClusterIP with exactly its ready endpoints"),
            format!("{node}: {}", words::few(&lines, NAMED, "; ")),
            Some(words::in_agent(&format!("{program} service list"))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::NotHeld;
    use lab_model::observe::Backend;

    fn socket(text: &str) -> SocketAddrV4 {
        text.parse().expect("an address and port")
    }

    fn judged(change: impl FnOnce(&mut ForeignTablesSeen)) -> Judgement {
        let service = ForeignService {
            name: "kube-system/kube-dns".to_owned(),
            address: socket("10.43.0.10:53"),
            endpoints: vec![socket("10.42.1.7:53"), socket("10.42.2.9:53")],
            loose: None,
        };
        let backends =
            service.endpoints.iter().map(|address| Backend { address: *address, state: BackendState::Active });
        let frontend = Frontend { address: service.address, backends: backends.collect() };
        let table = ServiceTable { source: "cilium bpf lb list".to_owned(), frontends: vec![frontend] };
        let tables = ["cp-1", "worker-1", "worker-2", "worker-3"].map(|name| (name.into(), Ok(table.clone())));
        let mut seen = ForeignTablesSeen { services: vec![service], tables: tables.into() };
        change(&mut seen);
        load_balancer_tables_match(&seen, &expecting(&[]))
    }

    fn on_worker(change: impl FnOnce(&mut ServiceTable)) -> Vec<Reason> {
        let judgement =
            judged(|seen| change(seen.tables.get_mut(&"worker-2".into()).expect("a node").as_mut().expect("read")));
        judgement.expect_err("refuted").reasons()
    }

    #[test]
    fn accepts_tables_with_exactly_the_ready_endpoints() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "4 of 4 tables have exactly the ready endpoints of 1 ClusterIP ports, all active");
        let mut second = None;
        let spared = judged(|seen| {
            let mut service = seen.services[0].clone();
            service.address = socket("10.43.0.11:80");
            service.loose = Some("its endpoints changed meanwhile".to_owned());
            seen.services.push(service.clone());
            second = Some(service);
        });
        let proof = spared.expect("held");
        assert!(proof.summary.ends_with("; 1 more were not judged"), "{}", proof.summary);
    }

    #[test]
    fn refutes_each_way_to_differ_on_its_node() {
        assert_eq!(on_worker(|table| table.frontends.clear()), [Reason::FrontendMissing]);
        assert_eq!(on_worker(|table| drop(table.frontends[0].backends.pop())), [Reason::BackendMissing]);
        let stale = Backend { address: socket("10.42.3.3:53"), state: BackendState::Active };
        assert_eq!(on_worker(|table| table.frontends[0].backends.push(stale)), [Reason::BackendStale]);
        let state = BackendState::Other("quarantined".to_owned());
        assert_eq!(on_worker(|table| table.frontends[0].backends[1].state = state), [Reason::BackendInactive]);
    }

    #[test]
    fn what_was_not_read_proves_nothing() {
        for judgement in [
            judged(|seen| seen.services.clear()),
            judged(|seen| seen.services[0].loose = Some("it changed".to_owned())),
            judged(|seen| drop(seen.tables.remove(&"cp-1".into()))),
            judged(|seen| drop(seen.tables.insert("cp-1".into(), Err("it did not answer".to_owned())))),
        ] {
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
    }
}
