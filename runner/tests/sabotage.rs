//! Sabotage is not content with anything: faults that nobody notices, cases that notice what they were not told of, labs
//! that stay broken. And faults of the table are killed by the cases that are named for them.

use chrono::DateTime;
use ipnet::Ipv4Net;
use lab_model::BackendKind;
use lab_model::Reason::{MtuDoesNotFit, NotMasqueraded, RouteMissing};
use lab_netns::tamper::Act;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::mtu;
use lab_sabotage::members::{POD1, POD2, WORKER, WORKER2, node};
use lab_sabotage::{
    ALL, Apply, Cell, Fault, Head, IN_RACKS, Labs, Report, Run, SCHEMA, Undo, Wrong, check, from_json, judging,
    never_kill, printed,
};
use std::path::Path;

#[path = "sabotage/forgotten.rs"]
mod forgotten;
#[path = "sabotage/put_back.rs"]
mod put_back;

const MASQUERADED: &str = "wire::masqueraded_outside_the_native_cidr";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const FULL_MTU: &str = "wire::full_mtu_fits";

/// What becomes of these faults.
fn sabotage(faults: &[Fault]) -> Report {
    let state = tempfile::tempdir().unwrap();
    let runtime = lab_base::runtime().unwrap();
    let tell = |_event: lab_sabotage::Event<'_>| {};
    let run = Run::new(Path::new(env!("CARGO_BIN_EXE_lab")), faults, Labs::Netns(state.path()), "test", &tell);
    runtime.block_on(async {
        run.run_all().await;
        run.clean_up().await.unwrap();
    });
    let left: Vec<_> = std::fs::read_dir(state.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let mut report = Report::new(Head {
        id: "test".to_owned(),
        backend: BackendKind::Netns,
        version: String::new(),
        host: lab_evidence::host_facts(),
        started: DateTime::UNIX_EPOCH,
        selected: faults.iter().map(|fault| fault.name.to_owned()).collect(),
        whole_table: false,
        cases: judging(BackendKind::Netns).map(|case| case.name.to_owned()).collect(),
        deviations: Vec::new(),
    });
    let outcome = run.outcome();
    (report.before, report.faults) = (outcome.before, outcome.faults);
    report
}

fn of_the_table(names: &[&str]) -> Vec<Fault> {
    let faults: Vec<Fault> = ALL.iter().filter(|fault| names.contains(&fault.name)).copied().collect();
    assert_eq!(faults.len(), names.len());
    faults
}

/// One that is killed.
const SHARP: Fault = Fault {
    name: "sharp",
    what: "On kind-worker nothing is masqueraded.",
    apply: Apply::Acts(|_plan| vec![(node(WORKER), Act::StopMasquerading)]),
    kills: &[MASQUERADED],
    breaks: &[],
    turns: &[(MASQUERADED, Refuted(&[(NotMasqueraded, WORKER)]))],
    undo: Undo::PutBack,
};

#[test]
fn the_table_keeps_its_rules_and_every_case_kills_at_least_one_fault() {
    assert_eq!(check(ALL), [""; 0]);
    assert_eq!(
        never_kill(BackendKind::Netns, ALL),
        [""; 0],
        "no fault is named for these cases: add one to runner/sabotage/src/faults"
    );
}

#[test]
fn faults_of_the_table_are_killed_and_their_labs_hold_again() {
    let names = ["node-stopped", "proxy-arp-router", "route-before-routing", "mtu-lowered", "not-masqueraded-outside"];
    let report = sabotage(&of_the_table(&names));
    assert!(report.wrong().next().is_none(), "{}", printed(&report));
    assert_eq!((report.faults.len(), report.killed(), report.exit_code()), (5, 5, 0));
    for fault in &report.faults {
        assert_eq!(fault.cases.len(), judging(BackendKind::Netns).count(), "{}", fault.name);
        let killers: Vec<&str> =
            fault.cases.iter().filter(|case| case.cell == Cell::Killed).map(|case| case.name.as_str()).collect();
        assert_eq!(killers, fault.named, "{}", fault.name);
    }
    let again = from_json(&report.to_json().unwrap()).unwrap();
    assert_eq!(printed(&again), printed(&report));
}

/// The controls of what is claimed of racks alone, on a real kernel and with a real BIRD, without which this fails: each of these
/// cases holds in a sound lab, is refuted by a fault as that says, and holds again.
#[test]
fn faults_of_racks_are_killed_and_their_labs_hold_again() {
    let report = sabotage(IN_RACKS);
    assert!(report.before.is_empty() && report.wrong().next().is_none(), "{}", printed(&report));
    assert_eq!((report.faults.len(), report.killed(), report.exit_code()), (IN_RACKS.len(), IN_RACKS.len(), 0));
    for case in lab_harness::cases::SECOND {
        let is_killer = |one: &lab_sabotage::CellReport| one.name == case.name && one.cell == Cell::Killed;
        assert!(report.faults.iter().any(|fault| fault.cases.iter().any(is_killer)), "{}", case.name);
    }
}

#[test]
fn a_fault_that_nobody_notices_has_survived() {
    let report = sabotage(&[Fault { apply: Apply::Acts(|_plan| Vec::new()), ..SHARP }]);
    let [Wrong::Survived { case, why }] = &report.faults[0].wrong[..] else { panic!("{}", printed(&report)) };
    assert_eq!(case, MASQUERADED);
    assert!(why.starts_with("must be refuted: not_masqueraded at kind-worker\n  and is  held: "), "{why}");
    assert_eq!((report.killed(), report.exit_code()), (0, 1));
    assert!(printed(&report).contains("\nSURVIVED  sharp: wire::masqueraded_outside_the_native_cidr\n"));
}

#[test]
fn a_fault_that_is_noticed_for_another_reason_or_at_another_place_has_survived() {
    for turns in
        [&[(MASQUERADED, Refuted(&[(RouteMissing, WORKER)]))], &[(MASQUERADED, Refuted(&[(NotMasqueraded, WORKER2)]))]]
    {
        let report = sabotage(&[Fault { turns, ..SHARP }]);
        let [Wrong::Survived { case, why }] = &report.faults[0].wrong[..] else { panic!("{}", printed(&report)) };
        assert_eq!(case, MASQUERADED);
        assert!(why.contains("and is  refuted: not_masqueraded at kind-worker\n"), "{why}");
        assert_eq!((report.killed(), report.exit_code()), (0, 1));
    }
}

#[test]
fn a_case_that_is_turned_without_being_declared_is_named() {
    let both = |_plan: &_| vec![(node(WORKER), Act::StopMasquerading), (node(WORKER2), mtu("eth0", 1400))];
    let report = sabotage(&[Fault { apply: Apply::Acts(both), ..SHARP }]);
    let undeclared: Vec<&str> = report.faults[0]
        .wrong
        .iter()
        .filter_map(|wrong| match wrong {
            Wrong::NotDeclared { case, .. } => Some(case.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(undeclared, [FULL_MTU], "{}", printed(&report));
    // It was killed all the same; and nobody told the lab to forget what it had learned of the path.
    assert_eq!((report.killed(), report.exit_code()), (1, 1));
}

#[test]
fn an_undo_that_does_nothing_is_noticed_and_the_next_fault_has_a_sound_lab() {
    let dull = Fault { name: "dull", undo: Undo::Acts(|_plan| Vec::new()), ..SHARP };
    let report = sabotage(&[dull]);
    let [Wrong::Broken { case, why }] = &report.faults[0].wrong[..] else { panic!("{}", printed(&report)) };
    assert_eq!(case, MASQUERADED);
    assert!(why.starts_with("must be held\n  and is  refuted: not_masqueraded at kind-worker"), "{why}");
    assert_eq!((report.killed(), report.exit_code()), (1, 1));
    assert!(printed(&report).contains("\nSTAYS BROKEN  dull: wire::masqueraded_outside_the_native_cidr\n"));
    // Five faults for four labs: one of the labs is used again.
    let report = sabotage(&[dull, dull, dull, dull, SHARP]);
    assert_eq!(report.faults[4].wrong, [], "{}", printed(&report));
    assert_eq!((report.killed(), report.exit_code()), (5, 1));
}

#[test]
fn a_fault_that_cannot_be_made_is_no_verdict() {
    let missing = |_plan: &_| vec![(node(WORKER), Act::DeleteRoute(Ipv4Net::new_assert([192, 0, 2, 0].into(), 24)))];
    let fault = Fault {
        apply: Apply::Acts(missing),
        kills: &[DIRECT],
        turns: &[(DIRECT, Refuted(&[(RouteMissing, WORKER)]))],
        ..SHARP
    };
    let report = sabotage(&[fault]);
    let [Wrong::NotMade { why }] = &report.faults[0].wrong[..] else { panic!("{}", printed(&report)) };
    assert!(why.starts_with("the deliberate fault could not be made: "), "{why}");
    assert_eq!((report.killed(), report.exit_code()), (0, 5));
}

#[test]
fn what_a_fault_says_of_several_places_must_be_all_of_it() {
    let table = of_the_table(&["mtu-lowered"]);
    let half = Fault { breaks: &[], turns: &[(FULL_MTU, Refuted(&[(MtuDoesNotFit, POD1)]))], ..table[0] };
    let report = sabotage(&[half]);
    let [Wrong::Survived { why, .. }] = &report.faults[0].wrong[..] else { panic!("{}", printed(&report)) };
    assert!(why.contains(&format!("mtu_does_not_fit at {POD1}, mtu_does_not_fit at {POD2}")), "{why}");
}

#[test]
fn nothing_is_green_for_want_of_faults_or_of_their_ends() {
    let mut report = sabotage(&[]);
    assert_eq!(report.exit_code(), 2);
    report.head.selected = vec!["sharp".to_owned()];
    assert_eq!(report.exit_code(), 1);
    report.interrupted = true;
    assert_eq!(report.exit_code(), 130);
    report.interrupted = false;
    report.before = vec![Wrong::Deadline { why: "a lab did not happen".to_owned() }];
    assert_eq!(report.exit_code(), 6);
    report.before = vec![Wrong::Broken { case: DIRECT.to_owned(), why: "must be held".to_owned() }];
    assert_eq!(report.exit_code(), 1);
    assert!(printed(&report).contains("\nNOT SOUND  before any fault: routing::direct_route_to_every_peer\n"));
}

#[test]
fn a_report_of_another_version_is_refused() {
    let mut report = sabotage(&[]);
    report.schema = SCHEMA + 1;
    let why = from_json(&report.to_json().unwrap()).unwrap_err();
    assert_eq!(why, "schema: expected 1, found 2: this report was written by another version of lab");
}
