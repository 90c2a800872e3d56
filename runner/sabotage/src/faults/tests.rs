//! The table keeps its rules, and the rules notice tables that do not.

use super::*;
use crate::fault::Apply;
use lab_harness::turned::BLIND;
use lab_model::Reason;

const SOUND: Fault = Fault {
    name: "nothing-done",
    what: "Nothing is done.",
    apply: Apply::Acts(|_plan| Vec::new()),
    kills: &["l2::peers_are_adjacent"],
    breaks: &[],
    turns: &[REFUTED],
    undo: Undo::PutBack,
};

const REFUTED: (&str, Expect) = ("l2::peers_are_adjacent", Expect::Refuted(&[(Reason::NoArpAnswer, "kind-worker")]));
/// One whose turns all follow from what it breaks.
const SILENT: Fault =
    Fault { kills: &["cluster::three_nodes_run"], breaks: &[Effect::NodeSilent], turns: &[], ..SOUND };
const BLIND_ANYWAY: &[(&str, Expect)] = &[("l2::peers_are_adjacent", BLIND)];
const OF_NO_CASE: &[(&str, Expect)] = &[("l2::none", Expect::Unobserved("")), REFUTED];
const NOT_TURNED: &[(&str, Expect)] = &[("l2::nodes_share_one_bridge", Expect::Held), REFUTED];

#[test]
fn the_table_keeps_its_rules() {
    assert_eq!(check(ALL), [""; 0]);
    assert_eq!(check(ON_KIND), [""; 0]);
    assert_eq!(check(IN_RACKS), [""; 0]);
    assert!(IN_RACKS.iter().all(|fault| fault.ground().bgp));
    for backend in [BackendKind::Netns, BackendKind::Kind] {
        let others: Vec<&str> =
            table(backend).iter().filter(|fault| fault.on() != backend).map(|fault| fault.name).collect();
        assert_eq!(others, [""; 0], "made on another backend than {backend}");
    }
}

/// Those that exist on one L2 network too are shown there to be able to fail.
#[test]
fn every_case_of_racks_alone_kills_at_least_one_fault() {
    let in_racks = Ground { backend: BackendKind::Netns, bgp: true };
    let never = never_kill(in_racks, IN_RACKS);
    let alone: Vec<&str> = cases::SECOND.iter().map(|case| case.name).filter(|name| never.contains(name)).collect();
    assert_eq!(alone, [""; 0]);
}

#[test]
fn every_case_kills_at_least_one_fault() {
    assert_eq!(
        never_kill(BackendKind::Netns, ALL),
        [""; 0],
        "no fault is named for these cases: add one to runner/sabotage/src/faults"
    );
}

/// Cases that exist on kind and that no fault there is named for. They kill faults on netns.
const NEVER_KILL_ON_KIND: [&str; 3] =
    ["l2::nodes_share_one_bridge", "wire::source_address_is_kept", "wire::masqueraded_outside_the_native_cidr"];

#[test]
fn cases_that_no_fault_on_kind_is_named_for_are_these() {
    let never: BTreeSet<&str> = never_kill(BackendKind::Kind, ON_KIND).into_iter().collect();
    assert_eq!(never, NEVER_KILL_ON_KIND.into());
    let on_netns = never.iter().filter(|name| judging(BackendKind::Netns).any(|case| case.name == **name));
    assert_eq!(on_netns.count(), NEVER_KILL_ON_KIND.len());
}

#[test]
fn a_case_without_a_fault_is_noticed() {
    let without: Vec<Fault> = ALL.iter().filter(|fault| fault.name != "stale-backend").copied().collect();
    assert_eq!(never_kill(BackendKind::Netns, &without), ["service::load_balancer_table_matches"]);
    assert_eq!(never_kill(BackendKind::Netns, &[]).len(), judging(BackendKind::Netns).count());
}

#[test]
fn the_first_effect_counts_and_what_a_fault_says_itself_before_all() {
    let says = |fault: &Fault| fault.expects("wire::frames_are_not_encapsulated").describe();
    let leak = "refuted: wrong_frame_addresses at kind-worker";
    let detour = "refuted: wrong_frame_addresses at kind-worker, wrong_frame_addresses at kind-worker2";
    assert_eq!(says(&SOUND), "held");
    assert_eq!(says(&Fault { breaks: &[Effect::Leak, Effect::Detour], ..SOUND }), leak);
    assert_eq!(says(&Fault { breaks: &[Effect::Detour, Effect::Leak], ..SOUND }), detour);
    let turns: &[(&str, Expect)] = &[("wire::frames_are_not_encapsulated", Expect::Held)];
    let nevertheless = Fault { breaks: &[Effect::Detour], turns, ..SOUND };
    assert_eq!(says(&nevertheless), "held");
}

#[test]
fn tables_that_do_not_keep_the_rules_are_noticed() {
    assert_eq!(check(&[SOUND]), [""; 0]);
    for (fault, why) in [
        (Fault { name: "Nothing done", ..SOUND }, "Nothing done is not in kebab-case"),
        (Fault { kills: &[], ..SOUND }, "nothing-done: no case is named for it"),
        (
            Fault { kills: &["l2::nodes_share_one_bridge"], ..SOUND },
            "nothing-done: l2::nodes_share_one_bridge is in kills, but is not expected to be refuted",
        ),
        (
            Fault { undo: Undo::BuiltAgain, ..SOUND },
            "nothing-done: undo must be BuiltAgain exactly if the fault needs a lab of its own",
        ),
        (Fault { turns: OF_NO_CASE, ..SOUND }, "nothing-done: there is no case l2::none on netns"),
        (
            Fault { breaks: &[Effect::ServiceHostStale], ..SOUND },
            "nothing-done: its effect ServiceHostStale turns no case",
        ),
        (
            Fault { turns: BLIND_ANYWAY, ..SILENT },
            "nothing-done: l2::peers_are_adjacent is listed in turns, although the same follows from breaks",
        ),
        (
            Fault { turns: NOT_TURNED, ..SOUND },
            "nothing-done: l2::nodes_share_one_bridge is listed as held in turns, which it would be anyway",
        ),
    ] {
        assert_eq!(check(&[fault]), [why]);
    }
    assert_eq!(check(&[SOUND, SOUND]), ["two faults are named nothing-done"]);
}
