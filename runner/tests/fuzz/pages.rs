//! What is shown of a run's folder: the article beside it, and the page.

use lab_evidence::{RUN_FILE, case_folder};
use lab_model::observe::{NodeName, Place};
use lab_model::said::Said;
use lab_report::beside::{Beside, Outcome, StepBeside, of_run, text as beside_text};
use lab_report::{Style, from_json, to_html};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::Path;

use super::change::{apply_to_text, bytes};
use super::documents::{Text, apply_to_json, json as changes_of_json, text};
use super::driver::{Fate, fuzz, reads_back};
use super::parts::Parts;
use super::seeds::members;

/// Of a run on kind.
fn run_json() -> String {
    members(RUN_FILE).into_iter().find(|run| run.contains("\"kind\"")).expect("a run on kind")
}

/// The folder of a run in which a case was begun, whose second look was by hand.
fn write_said(folder: &Path, step: &StepBeside, stdout: String) {
    let place = Place::Node(NodeName("kind-control-plane".to_owned()));
    let command = step.command.rsplit("-- ").next().expect("a command").to_owned();
    let said = Said { place: place.clone(), command: command.clone(), code: Some(0), stdout, stderr: String::new() };
    let said = serde_json::to_value(said).expect("JSON");
    let line = |source: &str, data: &serde_json::Value| {
        let sha256 = lab_manifest::Digest::of(data.to_string().as_bytes()).hex().to_owned();
        let line = json!({"schema": 1, "at": "2026-11-23T05:46:17Z", "source": source, "place": place, "sha256": sha256, "data": data});
        line.to_string() + "\n"
    };
    let case = json!({"schema": 1, "name": step.case, "state": "running", "started": "2026-11-23T05:46:17Z",
        "evidence_sha256": null, "report": null});
    let path = folder.join(case_folder(&step.case));
    fs::create_dir_all(&path).expect("a folder");
    fs::write(path.join("case.json"), case.to_string()).expect("a file");
    fs::write(path.join("evidence.jsonl"), line("x", &json!(null)) + &line(&command, &said)).expect("a file");
}

fn of<'a>(beside: &'a Beside, step: &StepBeside) -> &'a StepBeside {
    beside.steps.iter().find(|own| own.step == step.step).expect("a step")
}

/// Whatever a program printed is compared, and what the article has is not lost by it.
#[test]
fn whatever_was_printed_is_beside_the_article() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(RUN_FILE), run_json()).expect("a file");
    let steps = of_run(folder.path()).expect("steps").steps;
    fuzz("outputs beside the article", &steps, &bytes(), |step, changes| {
        let printed = apply_to_text(&step.article, changes);
        write_said(folder.path(), step, printed.clone());
        let beside = of_run(folder.path()).expect("a run");
        fs::remove_dir_all(folder.path().join(case_folder(&step.case))).expect("a folder");
        reads_back(&beside)?;
        let compared = of(&beside, step);
        prop_assert_eq!(compared.lab.as_ref().map(|shown| shown.text.as_str()), Some(printed.as_str()));
        let same = [Outcome::Same, Outcome::Declared].contains(&compared.outcome);
        prop_assert!(same || !changes.is_empty(), "{:?}", compared);
        let text = beside_text(&beside, Style::PLAIN);
        let steers = text.chars().find(|character| character.is_control() && *character != '\n');
        prop_assert_eq!(steers, None, "{:?}", text);
        Ok(if compared.outcome == Outcome::NotSeen { Fate::Refused } else { Fate::Accepted })
    });
}

#[test]
fn a_comparison_that_is_read_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(RUN_FILE), run_json()).expect("a file");
    let steps = of_run(folder.path()).expect("steps").steps;
    for step in &steps {
        write_said(folder.path(), step, step.article.clone());
    }
    let whole = of_run(folder.path()).expect("a run");
    let parts = whole.steps.chunks(3).map(|steps| Beside { steps: steps.to_vec(), ..whole.clone() });
    let seeds = Text::all(parts.map(|part| serde_json::to_string(&part).expect("JSON")));
    fuzz("beside.json", &seeds, &text(), |text, changes| {
        let Ok(beside) = serde_json::from_str::<Beside>(&text.changed(changes)) else { return Ok(Fate::Refused) };
        reads_back(&beside)?;
        Ok(Fate::Accepted)
    });
}

/// A page has the same scripts whatever was seen.
#[test]
fn whatever_was_seen_is_no_script_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    fuzz("pages", &Parts::small(), &(any::<u8>(), changes_of_json()), |parts, (which, changes)| {
        let names = parts.named("evidence.jsonl");
        let name = &names[usize::from(*which) % names.len()];
        let seen = apply_to_json(&parts.seen(name), changes);
        let page = |parts: &Parts| {
            for (name, content) in &parts.0 {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, content).expect("a file");
            }
            let report = from_json(&parts.texts("report.json")[0]).expect("a report");
            to_html(folder.path(), &report).expect("a page")
        };
        let before = page(parts);
        let after = page(&parts.clone().with_seen(name, &seen));
        for (name, _) in &parts.0 {
            fs::remove_file(folder.path().join(name)).expect("a file");
        }
        let scripts = |page: &str| page.matches("<script").count();
        prop_assert_eq!(scripts(&after), scripts(&before));
        Ok(if before == after && !changes.is_empty() { Fate::Refused } else { Fate::Accepted })
    });
}
