//! Labs in racks: a run of one as whoever runs the tests and as an ordinary user, its limits, and what is said without BIRD.
//! Without BIRD 2 (Debian's package bird2) these fail.

use lab_model::report::CaseOutcome;
use lab_model::{BackendKind, Ground};
use nix::unistd::chown;

use super::process::Running;
use super::world::{Lab, PROGRAM, report_in};
use lab_harness::cases;

/// The user `nobody` of most systems.
const NOBODY: u32 = 65_534;

fn there() -> usize {
    cases::on(Ground { backend: BackendKind::Netns, bgp: true }).count()
}

#[test]
fn a_run_in_racks_holds_and_leaves_no_process() {
    let lab = Lab::new();
    let ended = lab.run(&["run", "--topology", "racks", "--nodes", "4", "--racks", "3"]).code(0).quiet();
    assert_eq!(ended.stdout.matches("\n  held  ").count(), there(), "{ended}");
    assert!(ended.stdout.contains("4 nodes in 3 racks on 172.18.0.0/24, 172.18.1.0/24, 172.18.2.0/24"), "{ended}");
    let report = report_in(&lab.only_run());
    let elsewhere = report.cases.iter().filter(|case| case.outcome == CaseOutcome::NotInTopology);
    assert_eq!((elsewhere.count(), report.tally().not_in_topology, report.head.racks), (5, 5, 3));
}

#[test]
fn a_run_in_racks_holds_as_an_ordinary_user() {
    let lab = Lab::new();
    let mut command = if nix::unistd::geteuid().is_root() {
        lab.open_to_all();
        for folder in [lab.home(), lab.state(), lab.temporary(), lab.work()] {
            chown(&folder, Some(NOBODY.into()), Some(NOBODY.into())).unwrap();
        }
        let mut command = lab.program("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "--", PROGRAM]);
        command
    } else {
        lab.program(PROGRAM)
    };
    command.args(["run", "--on", "netns", "--topology", "racks"]);
    let ended = Running::start(command).finish().code(0).quiet();
    assert_eq!(ended.stdout.matches("\n  held  ").count(), there(), "{ended}");
}

/// The refusal first: the article's values among racks.
#[test]
fn direct_routes_between_racks_are_refused_and_the_remedy_is_named() {
    let lab = Lab::new();
    let refused = ["routing::direct_route_to_every_peer", "l2::nodes_share_one_bridge"];
    let ended = lab.run(&["run", "--topology", "racks", "--routing", "native", refused[0], refused[1]]).code(1);
    for text in [
        "2 direct routes; 4 refused, since the next hop is behind a router and must be directly reachable",
        "that is the article's second case, `--routing bgp`",
        "observed  kind-worker2: on another bridge kind, of another rack",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {ended}");
    }
    for case in refused {
        assert!(ended.stdout.contains(&format!("REFUTED  {case}")), "{ended}");
    }
}

#[test]
fn topologies_that_no_lab_can_have_are_wrong_usage() {
    let lab = Lab::new();
    lab.run(&["run", "--routing", "bgp"]).code(2).prints("").says(
        "--routing bgp: nodes on one L2 network have no ToR that they could announce anything to; give `--topology racks`",
    );
    lab.run(&["run", "--racks", "2"])
        .code(2)
        .prints("")
        .says("--racks: without racks there are none; give `--topology racks`");
    for on in ["kind", "netns"] {
        lab.run(&["run", "--on", on, "--topology", "racks", "--racks", "4"])
            .code(2)
            .prints("")
            .says("--racks: expected 1 to 3, at least one node in each, found 4");
    }
    lab.run(&["sabotage", "--on", "kind", "--topology", "racks"])
        .code(2)
        .prints("")
        .says("--topology racks: its faults are made on netns; give `--on netns`, or leave `--topology racks` out");
    lab.run(&["run", "bgp::"])
        .code(2)
        .prints("")
        .says("bgp::sessions_are_established exists in racks alone: give `--topology racks`");
}
