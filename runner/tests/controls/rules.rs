//! The rules that the table of all controls must keep.

use std::collections::BTreeSet;

use lab_harness::cases;
use lab_model::BackendKind;
use lab_sabotage::{Expect, Fault, check};

use crate::all;

/// A rule: its name, and what breaks it.
pub(crate) type Rule = (&'static str, fn() -> Result<(), String>);

/// What must be true of the table.
pub(crate) const ALL: &[Rule] = &[
    ("every_case_has_a_control_that_accepts_and_one_that_refutes", both_of_each),
    ("every_fault_keeps_the_rules_of_sabotage", kept),
    ("every_turned_case_is_judged", turned),
];

fn none(wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A case without both shows nothing by holding.
fn both_of_each() -> Result<(), String> {
    let (mut accepted, mut refuted) = (BTreeSet::new(), BTreeSet::new());
    for control in all() {
        for case in control.judges().map(|case| case.name) {
            match control.fault.expects(case) {
                Expect::Held if control.fault.kills.is_empty() => drop(accepted.insert(case)),
                Expect::Refuted(reasons) if !reasons.is_empty() && control.fault.kills.contains(&case) => {
                    refuted.insert(case);
                }
                _ => {}
            }
        }
    }
    let lacks = cases::on(BackendKind::Netns).map(|case| case.name).flat_map(|case| {
        let no = |has: &BTreeSet<&str>, what: &str| (!has.contains(case)).then(|| format!("no control {what} {case}"));
        [no(&accepted, "accepts"), no(&refuted, "refutes")].into_iter().flatten()
    });
    none(&lacks.collect::<Vec<_>>())
}

/// A fault that no case is named for must say in its name that it turns none, or what it leaves unobserved.
fn kept() -> Result<(), String> {
    let (killed, others): (Vec<Fault>, Vec<Fault>) =
        all().into_iter().map(|control| control.fault).partition(|fault| !fault.kills.is_empty());
    let mut wrong = check(&killed);
    for fault in others {
        let refutes = fault.turns.iter().any(|(_, expect)| !matches!(expect, Expect::Unobserved(_)));
        let expected = [format!("{}: no case is named for it", fault.name)];
        if refutes || check(&[fault]) != expected {
            wrong.push(format!("{}: no case is named for it, and it refutes one", fault.name));
        }
    }
    none(&wrong)
}

/// An expectation about a case that is never asked would be none.
fn turned() -> Result<(), String> {
    let mut wrong = Vec::new();
    for control in all() {
        let asked: BTreeSet<&str> = control.judges().map(|case| case.name).collect();
        let turned = control.fault.turns.iter().map(|(case, _)| *case).chain(control.fault.kills.iter().copied());
        wrong.extend(
            turned
                .filter(|case| !asked.contains(case))
                .map(|case| format!("{}: {case} is turned, and not judged", control.fault.name)),
        );
    }
    none(&wrong)
}
