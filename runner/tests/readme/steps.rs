//! docs/testing.md has the steps of `ci/test`.

use std::collections::BTreeSet;
use std::time::Duration;

use lab_base::exec::Invocation;

use crate::markdown::{inline_code, root, table};

const TESTING: &str = include_str!("../../../docs/testing.md");
/// It prints a list and ends.
const DEADLINE: Duration = Duration::from_mins(1);

#[test]
fn the_table_of_steps_is_that_of_ci_test() {
    let asked = Invocation::new("bash").args(["ci/test", "--list"]).directory(root()).run(DEADLINE);
    let answer = lab_base::runtime().unwrap().block_on(asked).unwrap_or_else(|error| panic!("{error}"));
    assert!(answer.success(), "{}", answer.stderr_text());
    let listed = answer.stdout_text();
    let there: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(there.len() > 10, "{there:?}");
    let shown: Vec<String> = ["## Its steps", "## Its further steps, with --full"]
        .iter()
        .flat_map(|heading| table(TESTING, heading))
        .flat_map(|row| inline_code(row[0]))
        .collect();
    assert_eq!(shown.iter().map(String::as_str).collect::<BTreeSet<_>>(), there);
    assert_eq!(shown.len(), there.len(), "a step has two rows: {shown:?}");
}
