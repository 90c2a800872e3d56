//! The table of all controls, and the rules it must keep.

use std::collections::BTreeSet;

use lab_harness::cases;
use lab_model::BackendKind;
use lab_sabotage::Expect;

use crate::control::Control;
use crate::{cluster, l2, modes, routing, service, wire};

/// All controls, in the order of the cases.
pub(crate) fn all() -> Vec<Control> {
    [cluster::CONTROLS, l2::CONTROLS, routing::CONTROLS, service::CONTROLS, wire::CONTROLS].concat()
}

/// A rule: its name, and what breaks it.
pub(crate) type Rule = (&'static str, fn() -> Result<(), String>);

/// What must be true of the table.
pub(crate) const RULES: &[Rule] = &[
    ("every_case_has_a_control_that_accepts_and_one_that_refutes", both_of_each),
    ("every_control_has_a_name_that_says_what_it_does", names),
    ("every_turned_case_exists_and_is_judged", turned),
];

fn none(wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A case without both shows nothing by holding.
fn both_of_each() -> Result<(), String> {
    let all = all();
    let mut wrong = Vec::new();
    for case in cases::ALL.iter().filter(|case| case.body(BackendKind::Netns).is_some()) {
        let has =
            |kind: fn(Expect) -> bool| all.iter().any(|control| control.case == case.name && kind(control.expects()));
        if !has(|expect| matches!(expect, Expect::Held)) {
            wrong.push(format!("{} has no control that accepts it", case.name));
        }
        if !has(|expect| matches!(expect, Expect::Refuted(reasons) if !reasons.is_empty())) {
            wrong.push(format!("{} has no control that refutes it for a reason", case.name));
        }
    }
    none(&wrong)
}

fn names() -> Result<(), String> {
    let all = all();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for Control { name, case, .. } in &all {
        if !seen.insert(*name) {
            wrong.push(format!("two controls are named {name}"));
        }
        let Some((_area, claim)) = case.split_once("::") else {
            wrong.push(format!("{case} is no case's name"));
            continue;
        };
        let prefix = match all.iter().find(|control| control.name == *name).map(Control::expects) {
            Some(Expect::Held) | None => format!("accepts_{claim}"),
            Some(Expect::Refuted(_) | Expect::RefutedAndPerhaps(..)) => format!("refutes_{claim}_"),
            Some(Expect::Unobserved(_)) => format!("leaves_{claim}_unobserved_"),
        };
        if !name.starts_with(&prefix) {
            wrong.push(format!("{name} should begin with {prefix}"));
        }
    }
    none(&wrong)
}

/// An expectation about a case that is never asked would be none.
fn turned() -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut scenes: Vec<_> =
        all().into_iter().map(|control| (control.name, Some(control.case), control.scene)).collect();
    scenes.extend(modes::ALL.iter().map(|mode| (mode.name, None, mode.scene)));
    for (name, own, scene) in scenes {
        for (turned, expect) in scene.turns {
            let needs =
                cases::find(turned).filter(|case| case.body(BackendKind::Netns).is_some()).map(|case| case.needs);
            let reached = own.and_then(cases::find).map(|case| case.needs);
            match needs {
                None => wrong.push(format!("{name}: there is no case {turned} on netns")),
                Some(needs) if reached.is_some_and(|reached| needs > reached) => {
                    wrong.push(format!("{name}: {turned} needs {needs}, which is not reached"));
                }
                Some(_) if matches!(expect, Expect::Held) => wrong.push(format!("{name}: {turned} is not turned")),
                Some(_) => {}
            }
        }
    }
    none(&wrong)
}
