//! Checks that the members of a bundle agree: they are of one run, and each verdict occurs once and is the same in all
//! members.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Opened;
use lab_evidence::{CaseFile, CaseState, Evidence, RunFile, case_folder, hashes_captures};
use lab_model::expect::Expectations;
use lab_model::report::{CaseOutcome, CaseReport, Report};

/// More nodes or replicas than a lab can have ([`lab_manifest`] allows 100).
const MOST: usize = 1000;

/// An error text if a case is held or refuted but has no observations.
pub(super) fn lacks_evidence(evidence: &Evidence) -> Option<String> {
    let judged = evidence
        .case
        .report
        .as_ref()
        .is_some_and(|report| matches!(report.outcome, CaseOutcome::Held { .. } | CaseOutcome::Refuted { .. }));
    (judged && evidence.records.is_empty()).then(|| "there is no evidence, and case.json has a verdict".to_owned())
}

/// The files of evidence that are there: for each case's folder their names, with the SHA-256 of each.
pub(super) type Files = BTreeMap<String, BTreeMap<String, String>>;

/// The first contradiction between members. `files` are the files of evidence of each case, by its folder.
pub(super) fn contradiction(opened: &Opened, files: &Files) -> Option<String> {
    let Opened { index, run, report, cases } = opened;
    let none = BTreeMap::new();
    head(run, &index.run, &index.version)
        .or_else(|| {
            cases.iter().find_map(|(folder, case)| {
                let there = files.get(folder).unwrap_or(&none);
                of_case(folder, case, run.schema, there).or_else(|| of_captures(folder, case, there))
            })
        })
        .or_else(|| report.as_ref().and_then(|report| of_report(run, report, cases)))
}

fn head(run: &RunFile, id: &str, version: &str) -> Option<String> {
    if run.id != id {
        return Some(format!("bundle.json is of the run {id:?}, run.json of {:?}", run.id));
    }
    (run.version != version).then(|| format!("bundle.json is of lab {version:?}, run.json of {:?}", run.version))
}

/// An error text if `run.json` expects more nodes or replicas than a lab can have: with such numbers a judge would work
/// for ever.
pub(super) fn too_many_nodes(expect: &Expectations) -> Option<String> {
    let counts = [expect.control_planes, expect.workers, expect.replicas];
    counts
        .into_iter()
        .max()
        .filter(|most| *most > MOST)
        .map(|most| format!("run.json expects {most} nodes or replicas"))
}

fn of_case(folder: &str, case: &CaseFile, schema: u32, files: &BTreeMap<String, String>) -> Option<String> {
    let name = &case.name;
    let own = Path::new("cases").join(folder);
    if case_folder(name) != own {
        return Some(format!("{}/case.json is about {name:?}", own.display()));
    }
    if case.schema != schema {
        return Some(format!("{}/case.json has the schema {}, run.json {schema}", own.display(), case.schema));
    }
    match (case.state, &case.report, &case.evidence_sha256) {
        (CaseState::Running, None, None) => None,
        (CaseState::Ended, Some(report), Some(_)) if report.name == *name => {
            let named: BTreeSet<&String> = report.evidence.iter().collect();
            let there: BTreeSet<&String> = files.keys().collect();
            let evidence = own.join("evidence.jsonl").display().to_string();
            if !there.contains(&evidence) {
                return Some(format!("evidence of {name:?}: {evidence:?} is not there, and case.json has a verdict"));
            }
            let differ = named.symmetric_difference(&there).next()?;
            let is = if named.contains(differ) {
                "is not there, and case.json names it"
            } else {
                "is not named in case.json"
            };
            Some(format!("evidence of {name:?}: {differ:?} {is}"))
        }
        (CaseState::Ended, ..) => Some(format!("{}/case.json has ended without its verdict", own.display())),
        (CaseState::Running, ..) => Some(format!("{}/case.json has a verdict and has not ended", own.display())),
    }
}

/// Whether this is the name of a capture, among files of evidence.
pub(super) fn is_capture(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == "pcap")
}

/// What is wrong with the captures of a case that has ended: each has the hash that was recorded when it was written.
fn of_captures(folder: &str, case: &CaseFile, files: &BTreeMap<String, String>) -> Option<String> {
    if case.state == CaseState::Running || !hashes_captures(case.schema) {
        return None;
    }
    let Some(recorded) = &case.captures_sha256 else {
        return Some(format!("cases/{folder}/case.json has no hashes of captures"));
    };
    let captures: BTreeMap<&String, &String> = files.iter().filter(|(file, _)| is_capture(file)).collect();
    if let Some(missing) = recorded.keys().find(|file| !captures.contains_key(file)) {
        return Some(format!("{missing} is not there, and case.json has its hash"));
    }
    captures.into_iter().find_map(|(file, found)| match recorded.get(file) {
        None => Some(format!("case.json has no hash of {file}")),
        Some(recorded) => (recorded != found).then(|| format!("{file} has sha256 {found}, case.json says {recorded}")),
    })
}

fn of_report(run: &RunFile, report: &Report, cases: &BTreeMap<String, CaseFile>) -> Option<String> {
    let head = &report.head;
    if (&head.id, &head.version, head.backend, head.routing) != (&run.id, &run.version, run.backend, run.routing) {
        return Some("run.json and report.json are of two runs".to_owned());
    }
    let mut named = BTreeSet::new();
    for case in &report.cases {
        if !named.insert(case.name.as_str()) {
            return Some(format!("report.json has {:?} twice", case.name));
        }
        if let Some(why) = of_verdict(case, cases) {
            return Some(why);
        }
    }
    let ended = cases.values().filter(|case| case.state == CaseState::Ended);
    ended
        .map(|case| case.name.as_str())
        .find(|name| !named.contains(name))
        .map(|name| format!("case.json of {name:?} has a verdict, report.json has none"))
}

fn of_verdict(case: &CaseReport, cases: &BTreeMap<String, CaseFile>) -> Option<String> {
    let own = cases.values().find(|own| own.name == case.name);
    match (&case.outcome, own.and_then(|own| own.report.as_ref())) {
        // A case that does not exist on the backend is not observed and has no folder.
        (CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology, None) => None,
        (_, None) => Some(format!("there is no evidence of {:?}, and report.json has a verdict", case.name)),
        (_, Some(own)) if own != case => {
            Some(format!("the verdict on {:?} in report.json is not that in case.json", case.name))
        }
        _ => None,
    }
}
