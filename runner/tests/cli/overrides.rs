//! What the command line puts in place of pins, on netns; and which lab is meant when none is named.

use crate::counts::{elsewhere, here, of_area};
use lab_harness::cases;
use lab_model::deviation::Deviation;
use lab_model::report::CaseOutcome;
use serde_json::{Value, json};
use std::fs;

use super::world::Lab;

const MASQUERADED: &str = "wire::masqueraded_outside_the_native_cidr";
const LEAKS: &str = "wire::nothing_leaks_to_the_uplink";
const POOL: &str = "pod-pool is 10.244.0.0/16, not 10.0.0.0/8 (--pod-pool 10.244.0.0/16)";
const NATIVE: &str = "values.ipv4NativeRoutingCIDR is 10.244.0.0/16, not 10.0.0.0/8 (--pod-pool 10.244.0.0/16)";

#[test]
fn another_pod_pool_holds_and_says_so_everywhere() {
    let lab = Lab::new();
    let ended = lab.run(&["run", "--on", "netns", "--pod-pool", "10.244.0.0/16"]).code(0).quiet();
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines[0].ends_with(&format!(
            " on netns: 3 nodes, 2 replicas, native routing; 2 of {} cases are judged against overridden pins",
            cases::ALL.len()
        )),
        "{ended}"
    );
    assert_eq!(lines[1..3], [format!("  (not as pinned: {POOL})"), format!("  (not as pinned: {NATIVE})")]);
    let counted = format!("\n{} held, 2 of them against overridden pins; {} are about ", here(), elsewhere());
    assert!(ended.stdout.contains(&counted), "{ended}");
    for line in lines.iter().filter(|line| line.starts_with("  held  ")) {
        let about = line.contains(MASQUERADED) || line.contains(LEAKS);
        assert_eq!(line.ends_with(" (against overridden pins)"), about, "{line}");
    }

    let report = lab.report();
    assert_eq!(report.head.deviations, [POOL, NATIVE]);
    for case in &report.cases {
        let expected: &[&str] = if [MASQUERADED, LEAKS].contains(&case.name.as_str()) { &[NATIVE] } else { &[] };
        assert_eq!(case.deviation, expected, "{}", case.name);
        if let CaseOutcome::Held { proof } = &case.outcome
            && case.name == "routing::direct_route_to_every_peer"
        {
            assert!(proof.summary.contains(" 10.244.1.0/24 via "), "{}", proof.summary);
        }
    }
    let run: Value = serde_json::from_slice(&fs::read(lab.only_run().join("run.json")).unwrap()).unwrap();
    assert_eq!(run["inputs"]["overrides"], json!({"pod_pool": "10.244.0.0/16"}));
    assert_eq!(run["expectations"]["native_cidr"], "10.244.0.0/16");
    let deviations: Vec<Deviation> = serde_json::from_value(run["deviations"].clone()).unwrap();
    assert_eq!(deviations.iter().map(ToString::to_string).collect::<Vec<_>>(), [POOL, NATIVE]);
    let junit = fs::read_to_string(lab.only_run().join("junit.xml")).unwrap();
    assert_eq!(junit.matches("name=\"deviation\"").count(), 2 + 2, "{junit}");

    let again = lab.run(&["report", &report.head.id]).code(0).quiet();
    assert!(
        again
            .stdout
            .lines()
            .next()
            .unwrap()
            .ends_with(&format!("native routing; {} held, 2 of them against overridden pins", here())),
        "{again}"
    );
    lab.assert_nothing_left();
}

#[test]
fn a_lab_that_stays_is_checked_as_what_it_was_made_to_be() {
    let lab = Lab::new();
    lab.run(&["up", "--on", "netns", "--pod-pool", "10.244.0.0/16"])
        .code(0)
        .quiet()
        .shows(&format!("  (not as pinned: {POOL})\n"));
    let ended = lab.run(&["verify", "wire::"]).code(0);
    let told: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(
        told[..2],
        [
            format!("2 of {} cases are judged against overridden pins", of_area("wire::")),
            format!("{} held, 2 of them against overridden pins", of_area("wire::"))
        ]
    );
    assert!(told[2].starts_with("Report: "), "{ended}");
    assert_eq!(lab.report().head.deviations, [POOL, NATIVE]);
    // It cannot be another now.
    lab.run(&["verify", "--pod-pool", "10.0.0.0/8"])
        .code(2)
        .prints("")
        .says("--pod-pool: the lab lab is up already, and this option would need another lab; leave it out");
    lab.run(&["down"]).code(0);
    lab.assert_nothing_left();
}

#[test]
fn a_dry_run_names_what_is_otherwise() {
    let lab = Lab::new();
    let with = |command| [command, "--on", "netns", "--dry-run", "--pod-pool", "10.244.0.0/16"];
    let line = format!("  (not as pinned: {NATIVE})\n");
    lab.run(&with("up")).code(0).quiet().shows(&line);
    lab.run(&with("run"))
        .code(0)
        .quiet()
        .shows(&line)
        .shows(&format!("would run {} cases, 2 of them against overridden pins:\n", here()));
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn options_of_kind_alone_are_refused_and_nothing_is_made() {
    let lab = Lab::new();
    let table = [
        ("--node-image", "kindest/node:v1.20.2"),
        ("--image", "cilium=cilium:dev"),
        ("--chart", "cilium.tgz"),
        ("--set", "tunnel=vxlan"),
        ("--kit", "lab.kit"),
    ];
    let rest = "has no Kubernetes and no Cilium that it could change; leave it out, or give `--on kind`";
    for (option, value) in table {
        for command in ["run", "up", "verify", "doctor"] {
            let message = format!("{option}: a lab on netns {rest}");
            lab.run(&[command, "--on", "netns", option, value]).code(2).prints("").says(&message);
        }
    }
    lab.run(&["run", "--on", "netns", "--pod-pool", "172.18.0.0/16"]).code(2).prints("").says(
        "--pod-pool 172.18.0.0/16: expected a network apart from 172.18.0.0/16, where the nodes are, found 172.18.0.0/24",
    );
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn values_that_cannot_be_are_told_by_option_and_form() {
    let lab = Lab::new();
    let table = [
        ("--node-image", "a@b", "expected an image's name such as quay.io/cilium/cilium:v1.12.4, found \"a@b\""),
        (
            "--image",
            "node=a",
            "expected NAME=REF, where NAME is cilium, operator-generic or hello-app, found \"node=a\"",
        ),
        ("--set", "tunnel", "expected KEY=VALUE such as bpf.masquerade=true, found \"tunnel\""),
        (
            "--pod-pool",
            "10.0.0.0/4",
            "expected an IPv4 network from /8 to /29 such as 10.244.0.0/16, found \"10.0.0.0/4\"",
        ),
    ];
    for (option, value, problem) in table {
        let ended = lab.run(&["run", option, value]).code(2).prints("");
        let first = ended.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("error: invalid value '{value}' for '{option} <")), "{ended}");
        assert!(first.ends_with(problem), "{ended}");
    }
    assert!(!lab.runs().exists());
}

/// The archive of a chart of Cilium, of this version.
fn chart(lab: &Lab, version: &str) -> String {
    let text = format!("apiVersion: v2\nname: cilium\nversion: {version}\n");
    let path = lab.work().join(format!("cilium-{version}.tgz"));
    let file = fs::File::create(&path).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "cilium/Chart.yaml", text.as_bytes()).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    path.display().to_string()
}

#[test]
fn cilium_whose_words_are_not_known_is_refused_and_nothing_is_made() {
    let lab = Lab::new();
    let words = "expected Cilium 1.12 to 1.15, the versions whose settings and agents' output lab can read, found";
    let (old, new, by_mode) = (chart(&lab, "1.11.9"), chart(&lab, "1.19.0"), chart(&lab, "1.15.0"));
    let image = "cilium=quay.io/cilium/cilium:v1.19.0";
    for command in ["run", "up"] {
        for (option, value, message) in [
            ("--chart", old.as_str(), format!("--chart {old}: {words} 1.11.9")),
            ("--chart", new.as_str(), format!("--chart {new}: {words} 1.19.0")),
            ("--image", image, format!("--image {image}: {words} v1.19.0")),
            (
                "--chart",
                by_mode.as_str(),
                format!(
                    "--chart {by_mode}: Cilium 1.15 no longer has the value `tunnel`, and builds an overlay unless `routingMode` is set; \
                     give `--set tunnel=null --set routingMode=native` too"
                ),
            ),
        ] {
            lab.run(&[command, "--on", "kind", option, value]).code(2).prints("").says(&message);
        }
    }
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn the_only_lab_is_meant_when_none_is_named() {
    let lab = Lab::new();
    lab.run(&["down"]).code(0).quiet().prints("no lab is up; nothing to do\n");
    lab.run(&["up", "--on", "netns", "--name", "second"]).code(0);
    lab.run(&["shell", "kind-worker", "--", "true"]).code(0).quiet();
    let before = lab.holders();
    lab.run(&["verify", "l2::"]).code(0);
    assert_eq!(lab.report().head.lab, "second");
    assert_eq!(lab.holders(), before);

    lab.run(&["up", "--on", "netns", "--name", "third"]).code(0);
    let message = "several labs exist: second, third; choose one with `--name NAME`";
    lab.run(&["shell", "kind-worker", "--", "true"]).code(2).prints("").says(message);
    lab.run(&["verify", "l2::"]).code(2).prints("").says(message);
    lab.run(&["down"]).code(2).prints("").says(message);
    assert_eq!(lab.holders().len(), 2);

    // The one of the default name comes before others.
    lab.run(&["up", "--on", "netns"]).code(0);
    lab.run(&["down"]).code(0).quiet().prints("lab lab is down\n");
    lab.run(&["down", "--name", "second"]).code(0);
    lab.run(&["down"]).code(0).quiet().prints("lab third is down\n");
    lab.assert_nothing_left();
}

#[test]
fn a_lab_of_another_backend_is_not_meant() {
    let lab = Lab::new();
    lab.run(&["up", "--on", "netns"]).code(0);
    lab.run(&["verify", "--name", "lab", "--on", "kind"])
        .code(2)
        .prints("")
        .says("--on kind: the lab lab is on netns; leave --on out");
    lab.run(&["down"]).code(0);
    lab.assert_nothing_left();
}
