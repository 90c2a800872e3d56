use super::super::samples;
use std::path::Path;

use super::*;
use lab_model::verdict::Tally;

const HOLDS: &str = include_str!("../../../tests/data/report/holds.txt");
const HOLDS_NARROW: &str = include_str!("../../../tests/data/report/holds-60-columns.txt");
const EVERY_OUTCOME: &str = include_str!("../../../tests/data/report/every-outcome.txt");

/// The whole text of a run, printed as a run prints it.
fn printed(report: &Report, style: Style, lab: LabAfter) -> String {
    let names =
        report.cases.iter().filter(|case| case.outcome != CaseOutcome::NotOnBackend).map(|case| case.name.as_str());
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, style, "lab-runs/k3f2", names).explaining(|_case| true);
    terminal.head(report).unwrap();
    for stage in &report.stages {
        terminal.stage(stage).unwrap();
    }
    for case in &report.cases {
        terminal.case(case).unwrap();
    }
    terminal.close(report, &Closing { report: Some(Path::new("lab-runs/k3f2/report.html")), lab }).unwrap();
    String::from_utf8(out).unwrap()
}

/// A text without `ESC [ … m`.
fn without_colour(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').expect("an escape that colours").1);
    }
    plain
}

#[test]
fn a_run_that_holds() {
    assert_eq!(printed(&samples::run_that_holds(), Style::new(false, Some(100)), LabAfter::TakenDown), HOLDS);
}

#[test]
fn a_run_with_every_outcome() {
    let report = samples::run_with_every_outcome();
    assert_eq!(printed(&report, Style::new(false, Some(100)), LabAfter::TakenDown), EVERY_OUTCOME);
}

#[test]
fn colour_only_adds() {
    for report in [samples::run_that_holds(), samples::run_with_every_outcome()] {
        let coloured = printed(&report, Style::new(true, Some(100)), LabAfter::TakenDown);
        let plain = printed(&report, Style::new(false, Some(100)), LabAfter::TakenDown);
        assert_ne!(coloured, plain);
        assert_eq!(without_colour(&coloured), plain);
    }
}

#[test]
fn a_narrow_terminal_cuts_what_holds_and_nothing_else() {
    let narrow = Style::new(false, Some(60));
    let text = printed(&samples::run_that_holds(), narrow, LabAfter::TakenDown);
    assert_eq!(text, HOLDS_NARROW);
    let failing = printed(&samples::run_with_every_outcome(), narrow, LabAfter::TakenDown);
    for whole in ["10.0.2.7 would leave through default via 172.18.0.1", "eth0 in 5 s: nothing is proved"] {
        assert!(failing.contains(whole), "{failing}");
    }
}

#[test]
fn a_pipe_gets_every_line_whole() {
    let text = printed(&samples::run_that_holds(), Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("kind-worker2: 10.0.0.0/24 via 172.18.0.2\n"), "{text}");
    assert!(!text.contains('…'), "{text}");
}

#[test]
fn the_first_and_the_last_line_count_what_is_against_overridden_pins() {
    let mut report = samples::report_with(vec![samples::held(), samples::held(), samples::refuted(1)]);
    samples::overridden(&mut report, &[1, 2]);
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    let first = "lab k3f2 on netns: 3 nodes, 2 replicas, native routing; 2 held, 1 of them against overridden pins\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("\n  (not as pinned: images.hello-app is the local image hello:dev, not "), "{text}");
    assert!(text.contains("\n1 REFUTED, 2 held, 1 of them against overridden pins "), "{text}");
    let marked: Vec<&str> = text.lines().filter(|line| line.ends_with("(against overridden pins)")).collect();
    assert!(
        matches!(marked[..], [held, refuted] if held.starts_with("  held  ") && refuted.starts_with("  REFUTED  ")),
        "{text}"
    );
    // Of those that held none needs to be among them.
    samples::overridden(&mut report, &[2]);
    report.cases[1].deviation.clear();
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("\n1 REFUTED, 2 held, by the article's own pins "), "{text}");
}

#[test]
fn what_held_is_told_in_a_sentence() {
    for (held, overridden, words) in [
        (0, 0, "none held"),
        (1, 0, "1 held, by the article's own pins"),
        (1, 1, "1 held, against overridden pins"),
        (3, 0, "3 held, by the article's own pins"),
        (3, 1, "3 held, 1 of them against overridden pins"),
        (3, 3, "3 held, all of them against overridden pins"),
    ] {
        assert_eq!(Tally { held, held_overridden: overridden, ..Tally::default() }.held_in_words(), words);
    }
}

#[test]
fn the_failure_of_a_stage_is_told_once() {
    let cause =
        "kind create cluster: exit code 1: ERROR: failed to create cluster\n[signal SIGSEGV]\nin cmd.x at x.go:1";
    let blocked = |stage| samples::case("wire::full_mtu_fits", CaseOutcome::Blocked { stage, cause: cause.to_owned() });
    let mut report = samples::report_with(vec![blocked(Stage::ClusterCreated)]);
    // Without the stage, as in a replay, the cause stands with what it blocked.
    report.stages.clear();
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("  BLOCKED  1 case: stage ") && text.matches("in cmd.x at x.go:1").count() == 1, "{text}");
    report.stages.push(StageReport {
        outcome: StageOutcome::Failed,
        summary: cause.to_owned(),
        ..samples::stage(Stage::ClusterCreated, 5, "")
    });
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    for line in ["[signal SIGSEGV]", "in cmd.x at x.go:1"] {
        assert_eq!(text.matches(line).count(), 1, "{text}");
    }
    let first = " failed: kind create cluster: exit code 1: ERROR: failed to create cluster (the rest is above)\n";
    assert!(text.contains(first), "{text}");
}

#[test]
fn before_there_are_verdicts_the_first_line_counts_the_cases() {
    for (overridden, line) in [
        (0, "native routing\n"),
        (1, "native routing; 1 of 18 cases is judged against overridden pins\n"),
        (6, "native routing; 6 of 18 cases are judged against overridden pins\n"),
    ] {
        let mut report = samples::report_with(vec![]);
        (report.head.selected, report.head.overridden) = (18, overridden);
        let mut out = Vec::new();
        Terminal::new(&mut out, Style::PLAIN, "lab-runs/k3f2", []).head(&report).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().next().map(|first| format!("{first}\n").ends_with(line)), Some(true), "{text}");
    }
}

#[test]
fn a_run_of_the_pins_alone_says_nothing_of_others() {
    let text = printed(&samples::run_that_holds(), Style::PLAIN, LabAfter::TakenDown);
    assert!(!text.contains("pins") && !text.contains("pinned"), "{text}");
}

#[test]
fn one_and_many_read_as_such() {
    let mut report = samples::report_with(vec![samples::held(), samples::not_on_backend()]);
    report.head.replicas = 1;
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("3 nodes, 1 replica, native routing\n"), "{text}");
    assert!(text.contains("1 held; 1 is about Kubernetes and Cilium and does not exist on netns"), "{text}");
}

#[test]
fn a_run_of_nothing_says_so() {
    let text = printed(&samples::report_with(vec![samples::not_on_backend()]), Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("\nno case was run; 1 is about Kubernetes and Cilium"), "{text}");
}

#[test]
fn an_interrupted_run_counts_what_it_did_not_reach() {
    let mut report = samples::report_with(vec![samples::held()]);
    report.head.selected = 18;
    report.interrupted = true;
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("\ninterrupted: 1 held, 17 not reached "), "{text}");
    assert!(!text.contains("keep-on-failure"), "{text}");
}

#[test]
fn the_hint_fits_what_became_of_the_lab() {
    let failing = samples::report_with(vec![samples::refuted(1)]);
    let holding = samples::report_with(vec![samples::held()]);
    let mut on_kind = samples::report_with(vec![samples::refuted(1)]);
    on_kind.head.backend = BackendKind::Kind;
    let mut otherwise = on_kind.clone();
    otherwise.head.deviations = vec!["chart".to_owned()];
    let table = [
        (
            &on_kind,
            LabAfter::TakenDown,
            "\nLook around in such a lab: `lab run --on kind --keep-on-failure`, then `lab shell kind-worker`\n",
        ),
        (
            &otherwise,
            LabAfter::TakenDown,
            "\nLook around in such a lab: `lab run --on kind --keep-on-failure`, with the same overrides, then `lab shell \
             kind-worker`\n",
        ),
        (
            &failing,
            LabAfter::TakenDown,
            "\nLook around in such a lab: `lab run --keep-on-failure --name lab`, then `lab shell kind-worker`\n",
        ),
        (&failing, LabAfter::Found, "\nLook around in this lab: `lab shell --name k3f2 kind-worker`\n"),
        (
            &failing,
            LabAfter::Kept,
            "\nThe lab is still up: `lab shell --name k3f2 kind-worker` looks around, `lab down --name k3f2` ends it\n",
        ),
        (
            &holding,
            LabAfter::Kept,
            "\nThe lab is still up: `lab shell --name k3f2 NODE` looks around, `lab down --name k3f2` ends it\n",
        ),
        (&holding, LabAfter::TakenDown, "\nReport: lab-runs/k3f2/report.html\n"),
        (&holding, LabAfter::Found, "\nReport: lab-runs/k3f2/report.html\n"),
    ];
    for (report, lab, end) in table {
        let text = printed(report, Style::PLAIN, lab);
        assert!(text.ends_with(end), "{lab:?}: {text}");
    }
}

#[test]
fn what_was_observed_cannot_move_the_cursor() {
    let missing = "the reply was \u{1b}[2J\nand more".to_owned();
    let report = samples::report_with(vec![samples::case("wire::full_mtu_fits", CaseOutcome::Unobserved { missing })]);
    let text = printed(&report, Style::PLAIN, LabAfter::TakenDown);
    assert!(text.contains("the reply was \\u{1b}[2J\n              and more: nothing is proved\n"), "{text}");
}

#[test]
fn a_stage_between_cases_opens_the_heading_again() {
    let mut out = Vec::new();
    let mut terminal =
        Terminal::new(&mut out, Style::PLAIN, "lab-runs/k3f2", ["l2::peers_are_adjacent"]).explaining(|_case| true);
    terminal.case(&samples::held()).unwrap();
    terminal.stage(&samples::stage(Stage::NodesReady, 5, "3 of 3")).unwrap();
    terminal.case(&samples::held()).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> =
        text.lines().map(|line| line.split("  ").find(|part| !part.is_empty()).unwrap_or("")).collect();
    let area = " The nodes share one L2 network";
    assert_eq!(lines, [area, "held", "", "nodes", "", area, "held"], "{text}");
}

#[test]
fn an_output_that_fails_is_an_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut terminal = Terminal::new(Closed, Style::PLAIN, "lab-runs/k3f2", []);
    let error = terminal.case(&samples::held()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn what_is_wrong_in_a_foreign_cluster_is_told_by_node() {
    let report = samples::foreign_cluster();
    let mut printed = Vec::new();
    let mut terminal = Terminal::new(&mut printed, Style::PLAIN, "runs/k3f2", ["x"]);
    terminal.close(&report, &Closing { report: None, lab: LabAfter::TakenDown }).unwrap();
    let text = String::from_utf8(printed).unwrap();
    let order = [
        " Nodes, the worst first\n  worker-7   6 findings\n",
        "no route to worker-0's 10.0.0.0/24: 10.0.0.1 would leave through default via 192.168.0.1; the nodes are in two subnets\n",
        "likewise to 1 more peer: worker-3\n",
        "default/web (10.96.0.9:80) has no 10.0.1.7:8080\n",
        "by hand   lab shell worker-7 -- ip route\n",
        "  cp-1   1 finding\n",
        "  worker-1   1 finding\n",
        "  worker-0   unobserved\n",
        "its agent did not answer within 15s\n",
        "3 REFUTED",
    ];
    let places: Vec<usize> =
        order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("no {part:?} in:\n{text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    // No lab of this program's could show it.
    assert!(!text.contains("lab run"), "{text}");
}
