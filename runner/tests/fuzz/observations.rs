//! Observations as evidence keeps them (routes, links, answers, captures, objects of Kubernetes and Cilium), through every
//! judge; and the files of a run.

use lab_evidence::{CaseFile, Evidence, RunFile};
use lab_harness::cases;
use lab_model::NotHeld;
use lab_model::expect::Expectations;
use lab_report::{from_json, to_json, to_junit};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::documents::{Text, apply_to_json, json, text};
use super::driver::{Fate, fate, fuzz, reads_back};
use super::parts::Parts;
use super::seeds::{entries, files, members};

/// A case, what was seen for it, and what was expected.
type Seen = (&'static str, Value, Expectations);

/// For each case and verdict the shortest.
fn seen() -> Vec<Seen> {
    let mut all: BTreeMap<_, (usize, Seen)> = BTreeMap::new();
    for bundle in files("bundles", ".tar.zst") {
        let parts = entries(&bundle);
        let run: RunFile = serde_json::from_slice(&parts[1].1).expect("run.json");
        for (name, text) in parts.iter().filter(|(name, _)| name.ends_with("evidence.jsonl")) {
            let case = cases::ALL.iter().find(|case| name.contains(&case.name.replace("::", "__"))).expect("a case");
            let first = text.split(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
            let Some(first) = first else { continue };
            let mut line: Value = serde_json::from_slice(first).expect("a record");
            // The recordings leave this out.
            if let Some(engine) = line.pointer_mut("/data/engine/Ok") {
                engine["storage_driver"] = "overlay2".into();
                engine["cgroup_version"] = "2".into();
                engine["rootless"] = false.into();
            }
            let data = line["data"].take();
            // The bundles' runs know no case about the TTL, which looks at the same frames as this one.
            let same = (case.name == "wire::frames_are_not_encapsulated").then_some("wire::no_router_between_nodes");
            for name in [case.name].into_iter().chain(same) {
                let seen = (name, data.clone(), run.expectations.clone());
                let holds = match judge(&seen.1, name, &seen.2) {
                    Fate::Accepted => (name, holds(&seen)),
                    // It is what a lab left that could not be looked at.
                    Fate::Refused => continue,
                };
                if all.get(&holds).is_none_or(|(length, _)| *length > first.len()) {
                    all.insert(holds, (first.len(), seen));
                }
            }
        }
    }
    all.into_values().map(|(_, seen)| seen).collect()
}

fn holds((name, seen, expect): &Seen) -> bool {
    (body(name).judge)(seen, expect).is_ok()
}

fn body(name: &str) -> lab_harness::case::Body {
    cases::find(name).and_then(|case| case.body(lab_model::BackendKind::Kind)).expect("a judge")
}

/// A claim that nothing can be said of was not judged.
fn judge(seen: &Value, name: &str, expect: &Expectations) -> Fate {
    match (body(name).judge)(seen, expect) {
        Err(NotHeld::Unobserved(_)) => Fate::Refused,
        Ok(_) | Err(NotHeld::Refuted(_)) => Fate::Accepted,
    }
}

#[test]
fn changed_observations_are_judged() {
    let all = seen();
    let covered: BTreeSet<_> = all.iter().map(|(name, ..)| *name).collect();
    assert_eq!(covered.len(), cases::ALL.len(), "observations of each case");
    fuzz("observations", &all, &json(), |(name, seen, expect), changes| {
        Ok(judge(&apply_to_json(seen, changes), name, expect))
    });
}

#[test]
fn changed_expectations_are_judged_by() {
    fuzz("expectations", &seen(), &json(), |(name, seen, expect), changes| {
        let changed = apply_to_json(&serde_json::to_value(expect).expect("JSON"), changes);
        let Ok(expect) = serde_json::from_value::<Expectations>(changed) else { return Ok(Fate::Refused) };
        reads_back(&expect)?;
        // What a bundle may bring.
        if [expect.control_planes, expect.workers, expect.replicas].into_iter().any(|count| count > 1000) {
            return Ok(Fate::Refused);
        }
        Ok(judge(seen, name, &expect))
    });
}

#[test]
fn a_report_that_was_read_reads_back() {
    let small = Parts::small();
    let reports = small.iter().flat_map(|parts| parts.texts("report.json"));
    fuzz("reports", &Text::all(reports), &text(), |text, changes| {
        let Ok(report) = from_json(&text.changed(changes)) else { return Ok(Fate::Refused) };
        // Durations are written to the microsecond.
        let once = from_json(&to_json(&report).expect("JSON")).expect("a report");
        prop_assert_eq!(&from_json(&to_json(&once).expect("JSON")).expect("a report"), &once);
        let junit = to_junit(&once).expect("JUnit");
        prop_assert!(quick_junit::Report::deserialize_from_str(&junit).is_ok(), "{}", junit);
        Ok(Fate::Accepted)
    });
}

#[test]
fn files_of_a_run_read_back() {
    let path = Path::new("run.json");
    fuzz("run.json", &Text::all(members("run.json")), &text(), |text, changes| {
        let run = RunFile::parse(&text.changed(changes), path);
        if let Ok(run) = &run {
            reads_back(run)?;
        }
        Ok(fate(&run))
    });
    fuzz("case.json", &Text::all(members("case.json")), &text(), |text, changes| {
        let case = CaseFile::parse(&text.changed(changes), path);
        if let Ok(case) = &case {
            let once: CaseFile = serde_json::from_str(&serde_json::to_string(case).expect("JSON")).expect("a case");
            reads_back(&once)?;
        }
        Ok(fate(&case))
    });
}

/// Of a case that goes on, whose file has no hash yet; that of a record is right.
#[test]
fn changed_evidence_is_read() {
    let mut case = CaseFile::parse(&members("case.json")[0], Path::new("case.json")).expect("a case");
    case.evidence_sha256 = None;
    let small = Parts::small();
    let lines: Vec<String> = small.iter().flat_map(|parts| parts.texts("evidence.jsonl")).collect();
    let seeds = Text::all(lines.iter().map(|text| text.lines().next().expect("a line").to_owned()));
    fuzz("evidence", &seeds, &text(), |text, changes| {
        let mut changed = text.changed(changes);
        if let Ok(mut line) = serde_json::from_str::<Value>(&changed)
            && line.get("sha256").is_some_and(Value::is_string)
        {
            line["sha256"] = lab_manifest::Digest::of(line["data"].to_string().as_bytes()).hex().into();
            changed = line.to_string();
        }
        let read = Evidence::parse(case.clone(), &format!("{changed}\n"), Path::new("evidence.jsonl"));
        if let Ok(read) = &read {
            let line: Value = serde_json::from_str(&changed).expect("one line");
            prop_assert_eq!(read.records.iter().map(|record| &record.data).collect::<Vec<_>>(), [&line["data"]]);
        }
        Ok(fate(&read))
    });
}
