//! Observations as evidence keeps them (routes, links, answers, captures, objects of Kubernetes and Cilium), through every
//! judge; and the files of a run.

use lab::cases;
use lab::evidence::{CaseFile, Evidence, RunFile};
use lab::expect::Expectations;
use lab::report::{from_json, to_json, to_junit};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use std::path::Path;

use super::change::{apply_to_json, apply_to_text, bytes, json};
use super::driver::{any_outcome, fuzz};
use super::seeds::{entries, files, members};

/// A case, what was seen for it, and what was expected.
type Seen = (&'static str, Value, Expectations);

fn seen() -> Vec<Seen> {
    let mut all = Vec::new();
    for bundle in files("bundles", ".tar.zst") {
        let parts = entries(&bundle);
        let run: RunFile = serde_json::from_slice(&parts[1].1).expect("run.json");
        for (name, text) in parts.iter().filter(|(name, _)| name.ends_with("evidence.jsonl")) {
            let case = cases::ALL.iter().find(|case| name.contains(&case.name.replace("::", "__"))).expect("a case");
            let first = text.split(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
            let Some(first) = first else { continue };
            let mut line: Value = serde_json::from_slice(first).expect("a record");
            all.push((case.name, line["data"].take(), run.expectations.clone()));
        }
    }
    all
}

#[test]
fn changed_observations_are_judged() {
    let all = seen();
    let covered = cases::ALL.iter().filter(|case| all.iter().any(|(name, ..)| *name == case.name)).count();
    assert_eq!(covered, cases::ALL.len(), "observations of each case");
    fuzz("observations", &(0..all.len(), json()), |(seed, changes)| {
        let (name, seen, expect) = &all[seed];
        let case = cases::find(name).expect("a case");
        let body = case.body(lab::backend::BackendKind::Kind).expect("a judge");
        any_outcome((body.judge)(&apply_to_json(seen, &changes), expect))
    });
}

#[test]
fn changed_expectations_are_judged_by() {
    let all = seen();
    fuzz("expectations", &(0..all.len(), json()), |(seed, changes)| {
        let (name, seen, expect) = &all[seed];
        let changed = apply_to_json(&serde_json::to_value(expect).expect("JSON"), &changes);
        let Ok(expect) = serde_json::from_value::<Expectations>(changed) else { return Ok(()) };
        // What a bundle may bring.
        if [expect.control_planes, expect.workers, expect.replicas].into_iter().any(|count| count > 1000) {
            return Ok(());
        }
        let body = cases::find(name).and_then(|case| case.body(lab::backend::BackendKind::Kind)).expect("a judge");
        any_outcome((body.judge)(seen, &expect))
    });
}

#[test]
fn a_report_that_was_read_reads_back() {
    fuzz("reports", &(select(members("report.json")), json()), |(text, changes)| {
        let changed = apply_to_json(&serde_json::from_str(&text).expect("JSON"), &changes).to_string();
        let Ok(report) = from_json(&changed) else { return Ok(()) };
        // Durations are written to the microsecond.
        let once = from_json(&to_json(&report).expect("JSON")).expect("a report");
        prop_assert_eq!(&from_json(&to_json(&once).expect("JSON")).expect("a report"), &once);
        any_outcome(to_junit(&once))
    });
}

#[test]
fn files_of_a_run_read_back() {
    let path = Path::new("run.json");
    fuzz("run.json", &(select(members("run.json")), json()), |(text, changes)| {
        let changed = apply_to_json(&serde_json::from_str(&text).expect("JSON"), &changes).to_string();
        let Ok(run) = RunFile::parse(&changed, path) else { return Ok(()) };
        let written = serde_json::to_string(&run).expect("JSON");
        prop_assert_eq!(RunFile::parse(&written, path).expect("what was written"), run);
        Ok(())
    });
    fuzz("case.json", &(select(members("case.json")), bytes()), |(text, changes)| {
        any_outcome(CaseFile::parse(&apply_to_text(&text, &changes), path))
    });
}

#[test]
fn changed_evidence_is_read() {
    let case = CaseFile::parse(&members("case.json")[0], Path::new("case.json")).expect("a case");
    fuzz("evidence", &(select(members("evidence.jsonl")), bytes()), |(text, changes)| {
        any_outcome(Evidence::parse(case.clone(), &apply_to_text(&text, &changes), Path::new("evidence.jsonl")))
    });
}
