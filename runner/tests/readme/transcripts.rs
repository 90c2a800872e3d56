//! Runs that README.md and docs/ show are what such runs print, but for what differs each time. Runs on netns are made here. The run
//! on kind was made once: what is shown of it is what the program prints of its report.

use clap::Parser;
use lab::cli::{Cli, Command};
use lab_base::exec::{Exit, Finished, Invocation};
use lab_harness::cases;
use lab_manifest::Manifests;
use lab_manifest::overrides::Overrides;
use std::path::Path;
use std::time::Duration;

use crate::markdown::{Document, Shown, commands, documents};

/// For one run: far more than the seconds that a contrast takes, or the minute of sabotage on a busy machine.
const DEADLINE: Duration = Duration::from_mins(5);
/// What was left out, as a line or as the end of one.
const LEFT_OUT: char = '…';
/// The report of the run on kind that docs/kind-lab.md shows.
const ON_KIND: &str = include_str!("../data/kind-run/report.json");
/// Cases that were added since that run was made. With the next one this is empty again.
const SINCE_THE_RUN_ON_KIND: [&str; 1] = ["wire::no_router_between_nodes"];

/// A line without what differs from run to run: the run's id, times, and counts that depend on chance or on timing.
fn steady(line: &str, id: &str) -> String {
    let line = line.replace(&format!("/{id}/"), "/ID/");
    let mut words: Vec<&str> = line.split_whitespace().map(|word| if word == id { "ID" } else { word }).collect();
    let is_number = |word: &str| word.trim_start_matches('<').chars().all(|c| c.is_ascii_digit() || c == '.');
    for at in 1..words.len() {
        if ["ms", "s"].contains(&words[at]) && is_number(words[at - 1]) {
            words[at - 1] = "TIME";
            words[at] = "";
        } else if ["frames", "requests"].contains(&words[at].trim_end_matches([',', ';'])) && is_number(words[at - 1]) {
            words[at - 1] = "COUNT";
            if at >= 3 && words[at - 2] == "of" && is_number(words[at - 3]) {
                words[at - 3] = "COUNT";
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// The lines that say something, steady. Notes about the machine are left out.
fn telling<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let id = lines.clone().next().and_then(|head| head.split_whitespace().nth(1)).unwrap_or_default().to_owned();
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with("  (")).map(|line| steady(line, &id)).collect()
}

fn same(shown: &str, printed: &str) -> bool {
    match shown.strip_suffix(LEFT_OUT) {
        Some(beginning) => printed.starts_with(beginning.trim_end()),
        None => shown == printed,
    }
}

/// The first shown line that was not printed where it should be, if there is one.
fn missing<'a>(shown: &'a [String], printed: &[String]) -> Option<&'a str> {
    let mut rest = printed.iter();
    let mut may_skip = false;
    for line in shown {
        if line.chars().eq([LEFT_OUT]) {
            may_skip = true;
            continue;
        }
        let found = if may_skip {
            rest.any(|printed| same(line, printed))
        } else {
            rest.next().is_some_and(|printed| same(line, printed))
        };
        if !found {
            return Some(line);
        }
        may_skip = false;
    }
    (!may_skip && rest.next().is_some()).then_some("the end")
}

/// Runs `lab` with these words in a folder of its own.
fn run(command: &str, folder: &Path) -> Result<Finished, String> {
    let run = Invocation::new(env!("CARGO_BIN_EXE_lab"))
        .args(command.split_whitespace().skip(1))
        .env("XDG_STATE_HOME", folder)
        .directory(folder);
    let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(run.run(DEADLINE)).map_err(|error| error.to_string())
}

/// Makes the run that is shown, and compares.
fn holds_for(shown: &Shown<'_>, folder: &Path) -> Result<(), String> {
    let finished = run(shown.command, folder)?;
    let text = finished.stdout_text();
    let expected = telling(shown.printed.iter().copied());
    let printed = telling(text.lines());
    if let Some(line) = missing(&expected, &printed) {
        return Err(format!("`{}` does not print where it is shown: {line}\n\n{text}", shown.command));
    }
    let refuted = shown.printed.iter().any(|line| line.contains("REFUTED"));
    let code = Exit::Code(i32::from(refuted));
    if finished.exit == code { Ok(()) } else { Err(format!("`{}` ended with {}", shown.command, finished.exit)) }
}

/// The runs that are shown: those on netns, and those on kind.
fn shown(documents: &[Document]) -> (Vec<Shown<'_>>, Vec<Shown<'_>>) {
    // Both READMEs show the same, which another test holds.
    let english = documents.iter().filter(|document| document.path != "README.zh-CN.md");
    let shown = english.flat_map(|document| commands(&document.text)).filter(|shown| !shown.printed.is_empty());
    shown.partition(|shown| shown.command.contains("--on netns"))
}

#[test]
fn shown_runs_print_what_is_shown() {
    let documents = documents();
    let (shown, _on_kind) = shown(&documents);
    let shows = |command: &str| shown.iter().any(|shown| shown.command == command);
    assert!(
        shows("lab run --on netns") && shows("lab run --on netns --routing vxlan") && shows("lab sabotage --on netns"),
        "no run that holds is shown, or no contrast, or no table of faults"
    );
    for shown in shown {
        let folder = tempfile::tempdir().unwrap();
        if let Err(why) = holds_for(&shown, folder.path()) {
            panic!("{why}");
        }
    }
}

#[test]
fn the_shown_run_on_kind_is_what_the_program_prints_of_its_report() {
    let documents = documents();
    let (_on_netns, on_kind) = shown(&documents);
    let [shown] = &on_kind[..] else { panic!("{} runs on kind are shown", on_kind.len()) };
    let report: serde_json::Value = serde_json::from_str(ON_KIND).unwrap();
    let id = report["id"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("lab-runs").join(id);
    std::fs::create_dir_all(&runs).unwrap();
    std::fs::write(runs.join("report.json"), ON_KIND).unwrap();
    let page = run(&format!("lab report {id} --format html"), folder.path()).unwrap();
    std::fs::write(runs.join("report.html"), page.stdout_text().as_bytes()).unwrap();
    let finished = run(&format!("lab report {id}"), folder.path()).unwrap();
    assert_eq!(finished.exit, Exit::Code(0), "{}", finished.stderr_text());
    let text = finished.stdout_text();
    let lines = |lines: Vec<&str>| {
        let rest = lines.into_iter().skip(1).filter(|line| !line.trim().is_empty() && !line.starts_with("  ("));
        rest.map(|line| steady(line, id)).collect::<Vec<_>>()
    };
    let wrong = missing(&lines(shown.printed.clone()), &lines(text.lines().collect())).map(str::to_owned);
    assert_eq!(wrong, None, "is not printed where docs/kind-lab.md shows it:\n{text}");

    // What a run says first is not what its report says first, once it is over.
    let first = format!(
        "lab {} on kind: {} nodes, {} replicas, native routing; {} of {} cases are judged against overridden pins",
        report["lab"].as_str().unwrap(),
        report["nodes"],
        report["replicas"],
        report["overridden"],
        report["selected"],
    );
    assert_eq!(shown.printed.first().copied(), Some(first.as_str()));
    let names = cases::ALL.iter().map(|case| case.name).filter(|name| !SINCE_THE_RUN_ON_KIND.contains(name));
    let names: Vec<&str> = names.collect();
    let held: Vec<&str> = report["cases"].as_array().unwrap().iter().filter_map(|case| case["name"].as_str()).collect();
    assert_eq!(held, names, "the run has other cases than the program");
}

#[test]
fn the_shown_run_on_kind_has_the_deviations_of_its_command() {
    let documents = documents();
    let (_on_netns, on_kind) = shown(&documents);
    let shown = on_kind.first().expect("a run on kind is shown");
    let Command::Run(args) = Cli::try_parse_from(shown.command.split_whitespace()).unwrap().command else {
        panic!("{}: not a run", shown.command);
    };
    let pinned = Manifests::embedded().unwrap();
    let declared: Vec<String> = Overrides::read(&args.lab.overrides.given(), &pinned)
        .unwrap()
        .deviations(&pinned)
        .iter()
        .map(ToString::to_string)
        .collect();
    let report: serde_json::Value = serde_json::from_str(ON_KIND).unwrap();
    assert_eq!(report["deviations"], serde_json::json!(declared));
}

#[test]
fn a_transcript_that_is_not_true_is_noticed() {
    let lines = |text: &str| telling(text.lines());
    let printed = lines("lab k3f2 on netns\n\n  held  a  5 frames seen    12 ms\n  held  b\n  held  c");
    for (shown, wrong) in [
        ("lab abcd on netns\n  held  a  7 frames seen  <1 ms\n  held  b\n  held  c", None),
        ("lab abcd on netns\n  held  a …\n…", None),
        ("lab abcd on netns\n…\n  held  c", None),
        ("lab abcd on netns\n…\n  held  c\n  held  b", Some("held b")),
        ("lab abcd on netns\n  held  b\n…", Some("held b")),
        ("lab abcd on netns\n  REFUTED  a …\n…", Some("REFUTED a …")),
        ("lab abcd on netns\n  held  a …\n  held  b", Some("the end")),
    ] {
        assert_eq!(missing(&lines(shown), &printed), wrong, "{shown}");
    }
}
