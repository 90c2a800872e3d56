//! The whole matrix of faults and cases as text, which is kept in `runner/sabotage/matrix`.

use std::fmt::Write;

use super::faults::{judging, table};
use lab_model::{BackendKind, Ground};

/// A paragraph for each fault, with a line for each case that must not hold under it. `K` marks a case that is
/// named for the fault, `t` another case that it turns.
fn matrix(ground: Ground) -> String {
    let mut text = String::new();
    for fault in table(ground) {
        let _infallible = writeln!(text, "{}", fault.name);
        for case in judging(ground) {
            let expect = fault.expects(case.name);
            if !matches!(expect, super::Expect::Held) {
                let mark = if fault.kills.contains(&case.name) { 'K' } else { 't' };
                let _infallible = writeln!(text, "  {mark} {}  {}", case.name, expect.describe());
            }
        }
    }
    text
}

/// What a case must say under a fault is computed from the fault's effects. The file has the result, cell by cell, so that
/// a change of an effect shows which cells it changes.
#[test]
fn the_matrix_is_the_one_that_is_kept() {
    let in_racks = Ground { backend: BackendKind::Netns, bgp: true };
    for (ground, name, kept) in [
        (BackendKind::Netns.into(), "netns", include_str!("../matrix/netns.txt")),
        (in_racks, "racks", include_str!("../matrix/racks.txt")),
        (BackendKind::Kind.into(), "kind", include_str!("../matrix/kind.txt")),
    ] {
        let there = matrix(ground);
        assert!(there == kept, "runner/sabotage/matrix/{name}.txt should be:\n{there}");
    }
}
