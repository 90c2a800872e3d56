//! A run that is handed over with other names and addresses: the same verdicts, and nothing that tells whose cluster it is.

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;

use super::theirs::{Theirs, without_a_route};

/// Names in the recorded cluster that are its own: nodes, the context, agents' pods.
const NAMES: [&str; 7] =
    ["kind-worker", "kind-worker2", "kind-control-plane", "kind-kind", "cilium-9f6rr", "cilium-hpzx6", "cilium-k2vg2"];

/// The texts in a bundle, each with its name.
fn texts(bundle: &Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(bundle).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).unwrap());
    let member = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name, text)
    };
    archive.entries().unwrap().map(member).collect()
}

/// What is an address of a machine's in these texts, of IPv4 and of the link layer, without what stays.
fn addresses(texts: &[(String, String)]) -> BTreeSet<String> {
    let stays = |address: &Ipv4Addr| matches!(address.octets(), [0 | 127 | 224.., ..] | [169, 254, ..]);
    let mut found = BTreeSet::new();
    for (_name, text) in texts {
        let numbers = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
        found.extend(numbers.filter(|word| word.parse().is_ok_and(|address| !stays(&address))).map(str::to_owned));
        let pairs = text.split(|c: char| !(c.is_ascii_hexdigit() || c == ':')).filter(|word| word.len() == 17);
        found.extend(
            pairs.filter(|word| word.matches(':').count() == 5 && !word.starts_with("00:00:00")).map(str::to_owned),
        );
    }
    found
}

/// The names among [`NAMES`] that are in these texts.
fn named(texts: &[(String, String)]) -> BTreeSet<&'static str> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words: BTreeSet<&str> = texts.iter().flat_map(|(_name, text)| text.split(|c| !of_name(c))).collect();
    NAMES.into_iter().filter(|name| words.contains(name)).collect()
}

/// What `lab replay` says of each case: whether it is reproduced, its outcome, and the reasons of the findings.
fn replayed(theirs: &Theirs, file: &str) -> Vec<(String, String, String)> {
    let ended = theirs.lab.run(&["replay", file, "--format", "json"]).code(0);
    let read: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(read["differ"], 0, "{ended}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = read["cases"].as_array().unwrap().iter();
    let mut cases: Vec<_> = all
        .map(|case| {
            let outcome = case["recorded"]["outcome"].as_str().unwrap_or_default();
            let reasons = text(&case["recorded"]["why"]);
            let reasons = reasons.lines().map(|line| line.split(" at ").next().unwrap_or_default());
            let reasons = if outcome == "refuted" { reasons.collect::<Vec<_>>().join(",") } else { String::new() };
            (text(&case["name"]), text(&case["again"]), format!("{outcome} {reasons}"))
        })
        .collect();
    cases.sort();
    cases
}

#[track_caller]
pub(super) fn handed_over(theirs: &Theirs) {
    let id = theirs.lab.run_names().remove(0);
    theirs.lab.run(&["bundle", &id, "-o", "plain.tar.zst"]).code(0);
    let ended = theirs.lab.run(&["bundle", &id, "--anonymise"]).code(0).shows("not the cluster's own");
    let name = format!("lab-{id}.anonymised.tar.zst");
    assert!(ended.stdout.starts_with(&name), "{ended}");
    assert_eq!(replayed(theirs, "plain.tar.zst"), replayed(theirs, &name));
    // The control: as it is, the bundle has them.
    let (plain, other) = (texts(&theirs.lab.work().join("plain.tar.zst")), texts(&theirs.lab.work().join(&name)));
    assert!(
        named(&plain).contains("kind-worker2") && addresses(&plain).contains("10.0.2.0"),
        "{:?}",
        addresses(&plain)
    );
    assert_eq!(named(&other), BTreeSet::new());
    // What the article's steps have is in both, and is not the cluster's.
    let seen: Vec<_> = plain.iter().filter(|(name, _)| name.ends_with("evidence.jsonl")).cloned().collect();
    let (before, after) = (addresses(&seen), addresses(&other));
    assert_eq!(before.intersection(&after).collect::<Vec<_>>(), Vec::<&String>::new());
    // As many others are in their place, and the same files.
    assert!(after.len() > 10, "{after:?}");
    let names = |texts: &[(String, String)]| texts.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let but_the_article: Vec<String> = names(&plain).into_iter().filter(|name| name != "beside.json").collect();
    let members = |names: Vec<String>| names.into_iter().skip(1).collect::<Vec<_>>();
    assert_eq!(members(but_the_article), members(names(&other)));
    theirs.lab.assert_nothing_left();
}

#[test]
fn a_run_that_held_is_given_away_without_its_names() {
    let theirs = Theirs::serve();
    theirs.verify(&[]).code(0);
    handed_over(&theirs);
}

#[test]
fn a_run_that_was_refuted_is_given_away_with_its_reasons() {
    let theirs = Theirs::serve();
    theirs.change(|node, command, mut printed| {
        without_a_route(node, command, &mut printed);
        if node == "kind-control-plane" && command.contains("bpf lb list") {
            printed.stdout = printed.stdout.replace("10.0.1.212:8080", "10.0.1.213:8080");
        }
        if node == "kind-worker2" && command.contains("status") {
            printed.code = 1;
            printed.stderr =
                "Get \"http:///var/run/cilium/cilium.sock/v1/healthz\": dial kind-worker2 10.0.2.7".to_owned();
        }
        Some(printed)
    });
    // A ClusterIP among the pods of a node stays among those of that node.
    theirs.server.with(|objects| {
        objects
            .change("services", "hello-app", |service| service["spec"]["clusterIP"] = serde_json::json!("10.0.2.77"));
    });
    theirs.verify(&[]).code(1);
    let refuted = theirs.lab.report().cases.iter().filter(|case| !case.findings().is_empty()).count();
    assert!(refuted >= 3, "{refuted} cases are refuted");
    handed_over(&theirs);
}

#[test]
fn what_cannot_be_anonymised_is_refused_and_nothing_is_written() {
    let theirs = Theirs::serve();
    theirs.verify(&["routing::"]).code(0);
    let id = theirs.lab.run_names().remove(0);
    let dry = theirs.lab.run(&["bundle", &id, "--anonymise", "--dry-run"]).code(0);
    assert!(dry.stdout.starts_with(&format!("would write lab-{id}.anonymised.tar.zst\n")), "{dry}");
    // Evidence that was altered, and a verdict that does not follow from it.
    let folder = theirs.lab.only_run().join("cases/routing__no_tunnel_device");
    let change = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
    };
    change("evidence.jsonl", "kind-worker2", "kind-worker3");
    theirs.lab.run(&["bundle", &id, "--anonymise"]).code(3).mentions(&["evidence.jsonl:1: altered"]);
    change("evidence.jsonl", "kind-worker3", "kind-worker2");
    let report = theirs.lab.only_run().join("report.json");
    let mut read: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    let cases = read["cases"].as_array_mut().unwrap();
    let case = cases.iter_mut().find(|case| case["name"] == "routing::no_tunnel_device").unwrap();
    case["outcome"] = serde_json::json!("refuted");
    case["findings"] = serde_json::json!([]);
    std::fs::write(&report, serde_json::to_string(&read).unwrap()).unwrap();
    let ended = theirs.lab.run(&["bundle", &id, "--anonymise"]).code(3);
    ended.mentions(&[
        "not anonymised, and nothing was written: the verdict on routing::no_tunnel_device does not follow",
    ]);
    // And a run that was killed.
    let folder = theirs.lab.only_run();
    std::fs::rename(&folder, folder.with_extension("partial")).unwrap();
    theirs.lab.run(&["bundle", &id, "--anonymise"]).code(3).mentions(&["the run was not over"]);
    std::fs::rename(folder.with_extension("partial"), &folder).unwrap();
    let left = std::fs::read_dir(theirs.lab.work())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".zst"));
    assert_eq!(left.count(), 0);
    theirs.lab.assert_nothing_left();
}
