//! A real sysdump, and the same with something altered in it. `data/sysdumps/README.md` says what it is of.

use lab_model::Reason;
use lab_model::report::CaseOutcome;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zip::ZipArchive;

use super::controls::{ROUTES, TABLES, findings, outcome, unobserved};
use super::made::Made;

/// What was made of it: the controller of the health endpoint fails on each node.
const HEALTH: &str = "cilium::components_are_ok";
/// The agent on the control plane, and where its files are.
const AGENT: &str = "cilium-bugtool-cilium-7tzzq-20261130-120909/cmd";

fn real() -> Made {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sysdumps/fleet-20261130-120909.zip");
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut members = BTreeMap::new();
    for at in 0..zip.len() {
        let mut text = String::new();
        let mut member = zip.by_index(at).unwrap();
        let name = member.name().unwrap().into_owned();
        if member.is_file() {
            member.read_to_string(&mut text).unwrap();
            members.insert(name.split_once('/').unwrap().1.to_owned(), text);
        }
    }
    Made { members }
}

#[test]
fn it_is_judged_as_it_is() {
    let (lab, ended) = real().verify(&[]);
    let ended = ended.code(1);
    assert!(
        ended.stderr.contains("`cilium sysdump --cilium-namespace kube-system` collects it; agents' own files"),
        "{ended}"
    );
    let report = lab.report();
    let health: Vec<_> = findings(&report);
    assert_eq!(health.len(), 4, "{health:?}");
    assert!(
        health.iter().all(|(case, reason, _node)| (*case, *reason) == (HEALTH, Reason::AgentInError)),
        "{health:?}"
    );
    let open = unobserved(&report);
    assert_eq!(open.iter().map(|(case, _why)| *case).collect::<Vec<_>>(), ["cilium::routes_natively"]);
    assert!(open[0].1.contains("the sysdump has no cilium-configmap-DATE-TIME.yaml"), "{open:?}");
    for (case, summary) in [
        ("cluster::three_nodes_run", "4 of 4 nodes are Ready, and their agents answer"),
        (ROUTES, "12 of 12 ways to peers' pods on 4 nodes lead to the peer itself"),
        ("routing::no_tunnel_device", "0 of 23 links on 4 of 4 nodes are tunnels for pods' packets"),
        ("routing::own_pods_are_local", "4 of 4 pod CIDRs stay on their own nodes, 4 of 4 nodes looked at"),
        (TABLES, "4 of 4 tables have exactly the ready endpoints of 4 ClusterIP ports, all active"),
    ] {
        let CaseOutcome::Held { proof } = outcome(&report, case) else {
            panic!("{case}: {:?}", outcome(&report, case))
        };
        assert_eq!(proof.summary, summary);
    }
    assert_eq!(*outcome(&report, "cluster::no_kube_proxy"), CaseOutcome::NotOnBackend);
}

#[test]
fn what_is_altered_in_it_is_refuted_for_that() {
    let (routes, table) = (format!("{AGENT}/ip--4-r.md"), format!("{AGENT}/cilium-bpf-lb-list.md"));
    let gone = "10.140.0.0/25 via 172.28.1.5 dev eth0 \n";
    for (path, from, to, case, reasons) in [
        (&routes, gone, "", ROUTES, &[Reason::RouteMissing][..]),
        (&routes, "10.140.0.0/25 via 172.28.1.5 ", "10.140.0.0/25 via 172.28.1.4 ", ROUTES, &[Reason::WrongNextHop]),
        (&table, "10.140.0.173:53 ", "10.140.0.174:53 ", TABLES, &[Reason::BackendMissing, Reason::BackendStale]),
    ] {
        let mut made = real();
        made.change(path, from, to);
        let (lab, ended) = made.verify(&[]);
        drop(ended.code(1));
        let report = lab.report();
        let found: Vec<_> = findings(&report).into_iter().filter(|(case, ..)| *case != HEALTH).collect();
        let expected: Vec<_> =
            reasons.iter().map(|reason| (case, *reason, "harbor-control-plane".to_owned())).collect();
        assert_eq!(found, expected, "{path}: {to:?}");
    }
}
