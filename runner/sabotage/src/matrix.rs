//! The whole matrix of faults and cases in words, as it is kept in `runner/sabotage/matrix`.

use std::fmt::Write;

use super::faults::{judging, table};
use lab_model::BackendKind;

/// What every fault of a backend turns, and what each turned case must say: a paragraph for each fault, a line for each
/// case that does not hold with it. `K` is a case that is named for the fault, `t` one that is turned besides.
fn matrix(backend: BackendKind) -> String {
    let mut text = String::new();
    for fault in table(backend) {
        let _infallible = writeln!(text, "{}", fault.name);
        for case in judging(backend) {
            let expect = fault.expects(case.name);
            if !matches!(expect, super::Expect::Held) {
                let mark = if fault.kills.contains(&case.name) { 'K' } else { 't' };
                let _infallible = writeln!(text, "  {mark} {}  {}", case.name, expect.words());
            }
        }
    }
    text
}

/// Turns are written from what a fault breaks. What comes of that is here a second time, cell by cell: a cell that
/// changes is changed in both places or nowhere.
#[test]
fn the_matrix_is_the_one_that_is_kept() {
    for (backend, kept) in [
        (BackendKind::Netns, include_str!("../matrix/netns.txt")),
        (BackendKind::Kind, include_str!("../matrix/kind.txt")),
    ] {
        let there = matrix(backend);
        assert!(there == kept, "runner/sabotage/matrix/{backend}.txt should be:\n{there}");
    }
}
