//! The whole program, reading and judging a generated cluster by its API server and its agents, and judging a bundle of it
//! again.

use lab_base::clock;
use lab_stand_in::api::server::kubeconfig;
use nix::sys::resource::{UsageWho, getrusage};
use std::time::Duration;

use super::thread::Serving;
use super::world::Lab;
use super::{served, sizes};

/// What a thousand nodes may take: with what serves them beside it, on two processors.
const MOST: (Duration, i64) = (Duration::from_mins(5), 1024);

#[test]
fn reading_grows_with_the_cluster() {
    // 110 nodes have 550 pods: more than one page of them.
    println!(
        "{:>6}  {:>8}  {:>10}  {:>10}  {:>10}  {:>10}  {:>11}",
        "nodes", "commands", "read", "whole run", "bundled", "replayed", "most memory"
    );
    for nodes in sizes(&[10, 110]) {
        row(nodes);
    }
}

fn row(nodes: usize) {
    let (_serving, server) = Serving::start(async move || served::serve(nodes).await);
    let lab = Lab::new();
    let file = lab.work().join("their.yaml");
    std::fs::write(&file, kubeconfig(&server.url())).unwrap();
    let begun = clock::now();
    let file = file.display().to_string();
    let ended = lab
        .run(&["verify", "--on", "cluster", "--kubeconfig", &file, "--context", "kind-kind", "--tier", "read"])
        .code(0);
    let whole = begun.elapsed();
    assert!(ended.stderr.contains(&format!("{nodes} of {nodes} agents of kind-kind answered")), "{ended}");
    let report = lab.report();
    let read = report.stages.iter().find(|stage| stage.name == lab_model::stage::Stage::RoutingInstalled).unwrap();
    let commands = server.requests().iter().filter(|request| request.contains("/exec")).count();
    assert_eq!(commands, 7 * nodes, "each command once on each node");
    let folder = lab.work().join("lab-runs").join(&report.head.id).display().to_string();
    let (bundled, _) = timed(|| lab.run(&["bundle", &folder, "--output", "their.tar.zst"]).code(0));
    let (replayed, again) = timed(|| lab.run(&["replay", "their.tar.zst"]).code(0));
    assert!(again.stdout.contains("9 of 9 verdicts reproduced"), "{again}");
    // The largest of the programs that have ended: each size is larger than those before it.
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1024;
    let [read, run, bundled, replayed] = [read.seconds, whole, bundled, replayed].map(|took| took.as_millis());
    println!(
        "{nodes:>6}  {commands:>8}  {read:>7} ms  {run:>7} ms  {bundled:>7} ms  {replayed:>7} ms  {memory:>7} MiB"
    );
    if cfg!(not(debug_assertions)) && nodes <= 1000 {
        assert!(whole < MOST.0 && memory < MOST.1, "{nodes} nodes took too much");
    }
}

fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let begun = clock::now();
    let made = what();
    (begun.elapsed(), made)
}
