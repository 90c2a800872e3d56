//! What docs/overrides.md states of options and cases is what the program has.

use clap::{Args, Command};
use lab::cli::OverrideArgs;
use lab_harness::cases;
use lab_model::deviation::{Deviation, Pinned};
use std::collections::BTreeSet;

use crate::markdown::table;

const OVERRIDES: &str = include_str!("../../../docs/overrides.md");

#[test]
fn the_table_of_options_is_that_of_the_program() {
    let there: BTreeSet<String> = OverrideArgs::augment_args(Command::new("lab"))
        .get_arguments()
        .map(|option| {
            let value = option.get_value_names().and_then(|names| names.first()).expect("each takes a value");
            let place = if option.get_help().is_some_and(|help| help.to_string().ends_with("kind only")) {
                "kind"
            } else {
                "netns, kind"
            };
            format!("`--{} {value}` {place}", option.get_long().expect("each has a long name"))
        })
        .collect();
    let rows = table(OVERRIDES, "# In place of the pins");
    let shown: BTreeSet<String> = rows.iter().map(|row| format!("{} {}", row[0], row[2])).collect();
    assert_eq!(shown, there);
}

#[test]
fn the_cases_of_each_pin_are_those_of_the_program() {
    let rows = table(OVERRIDES, "## What is judged then");
    assert!(rows.len() > 10, "{rows:?}");
    let shown: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    for row in &rows {
        let what = row[0].trim_matches('`');
        let deviation = Deviation { what: what.to_owned(), pinned: None, used: String::new(), by: String::new() };
        let there: Vec<String> = cases::ALL
            .iter()
            .filter(|case| case.against.iter().any(|pin| pin.is_meant_by(&deviation)))
            .map(|case| format!("`{}`", case.name))
            .collect();
        assert!(!there.is_empty(), "no case is judged against {what}");
        assert_eq!(row[1], there.join(", "), "{what}");
    }
    // Each value that a case names by itself has a row.
    for pin in cases::ALL.iter().flat_map(|case| case.against) {
        if let Pinned::Value(key) = pin {
            assert!(shown.contains(format!("values.{key}").as_str()), "{key}");
        }
    }
}
