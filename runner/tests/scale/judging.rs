//! Judging the routes of all nodes, and the plan of pairs.

use super::{generated, sizes};
use lab_base::clock;
use lab_cluster::pairs;
use lab_harness::cases;
use lab_manifest::Manifests;
use lab_model::BackendKind;
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignExpectations, ForeignRoutingSeen};
use std::collections::BTreeMap;
use std::time::Duration;

const CASES: [&str; 3] =
    ["routing::direct_route_to_every_peer", "routing::no_tunnel_device", "routing::own_pods_are_local"];
/// What a thousand nodes may take, with what two cores do beside.
const MOST: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(1));

#[test]
fn judging_and_planning_grow_with_the_cluster() {
    println!(
        "{:>6}  {:>9}  {:>10}  {:>10}  {:>6}  {:>9}  {:>11}",
        "nodes", "ways", "judged", "in memory", "pairs", "planned", "most memory"
    );
    for nodes in sizes(&[10, 50]) {
        row(nodes);
    }
}

fn row(nodes: usize) {
    let seen = generated::cluster(nodes);
    let expect = expectations(nodes);
    let octets: usize = seen.tables.values().flatten().map(|tables| tables.routes.octets()).sum();
    let begun = clock::now();
    // As a run does it: stored as JSON, read again, judged.
    let stored = serde_json::to_value(&seen).expect("it can be stored");
    for name in CASES {
        let body = cases::find(name).and_then(|case| case.body(BackendKind::Cluster)).expect("a case");
        let proof = (body.judge)(&stored, &expect).unwrap_or_else(|why| panic!("{name} does not hold: {why:?}"));
        assert!(!proof.summary.is_empty());
    }
    let judged = begun.elapsed();
    drop(stored);
    let begun = clock::now();
    let plan = pairs(&seen.nodes, &subnets(&seen));
    let planned = begun.elapsed();
    println!(
        "{nodes:>6}  {:>9}  {:>7} ms  {:>6} KiB  {:>6}  {:>6} µs  {:>7} MiB",
        nodes * (nodes - 1),
        judged.as_millis(),
        octets / 1024,
        plan.pairs.len(),
        planned.as_micros(),
        most_memory() / 1024
    );
    if cfg!(not(debug_assertions)) && nodes <= 1000 {
        assert!(judged < MOST.0 && planned < MOST.1, "{nodes} nodes took too long");
    }
}

fn expectations(nodes: usize) -> Expectations {
    let manifests = Manifests::embedded().expect("they are tested");
    let settings = [
        ("tunnel", "disabled"),
        ("auto-direct-node-routes", "true"),
        ("kube-proxy-replacement", "strict"),
        ("enable-ipv6", "false"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let configuration = lab_judge::foreign::read(&BTreeMap::from(settings), &["cilium:v1.12.4".to_owned()]);
    let foreign = ForeignExpectations {
        context: "generated".to_owned(),
        namespace: "kube-system".to_owned(),
        configuration,
        probed: false,
        inside: false,
    };
    let expect = manifests.expectations(None, None).expect("they are tested");
    Expectations { control_planes: 0, workers: nodes, foreign: Some(foreign), ..expect }
}

/// Four subnets.
fn subnets(seen: &ForeignRoutingSeen) -> BTreeMap<lab_model::observe::NodeName, ipnet::Ipv4Net> {
    let subnet = |at: usize| format!("192.168.{}.0/26", at % 4).parse().expect("a network");
    seen.nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), subnet(at))).collect()
}

/// The most memory that this process has had, in KiB (`VmHWM` in proc(5)).
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
