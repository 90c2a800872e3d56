//! Tables, and which of their rows a case needs.
//!
//! The kernel's and a runtime's tables hold more than any claim is about, so that most of their rows can be altered
//! without harm. A case is tried on the rows that it does not hold without; of those every member matters, or the list
//! of exceptions says why not.

use serde_json::Value;

use super::alteration::lists;
use super::sources::Source;

/// How the paths of lists that are tables end.
const TABLES: [&str; 14] = [
    ".frames",
    ".routes",
    ".rules",
    ".links",
    ".addresses",
    ".neighbours",
    "lookups.*",
    ".frontends",
    ".conditions",
    "on_nodes.*.Ok",
    "control_planes.*.Ok",
    "tables.Ok.filter",
    "tables.Ok.mangle",
    "tables.Ok.nat",
];

/// The paths of the tables in these observations, as JSON pointers, with what they are called in the list of exceptions.
pub(super) fn tables(seen: &Value) -> Vec<(String, String)> {
    let mut lists = lists(seen);
    lists.retain(|(_pointer, element)| TABLES.iter().any(|end| element.ends_with(end)));
    lists
}

/// What the case looked at without the rows that it holds without, and how many those are.
pub(super) fn least(source: &Source) -> (Value, usize) {
    let (mut least, mut spared) = (source.seen.clone(), 0);
    let tables = tables(&source.seen);
    loop {
        let before = spared;
        for (pointer, _element) in &tables {
            spared += spare(source, &mut least, pointer);
        }
        // A row may have been needed only for one that is gone by now.
        if spared == before {
            return (least, spared);
        }
    }
}

/// Takes the rows out of one table that the case holds without; how many they were.
fn spare(source: &Source, least: &mut Value, pointer: &str) -> usize {
    fn rows<'a>(least: &'a mut Value, pointer: &str) -> &'a mut Vec<Value> {
        least.pointer_mut(pointer).and_then(Value::as_array_mut).expect("a list that was found")
    }
    let all = rows(least, pointer).len();
    let mut kept = 0;
    while kept < rows(least, pointer).len() {
        let row = rows(least, pointer).remove(kept);
        if source.judge(least).is_err() {
            rows(least, pointer).insert(kept, row);
            kept += 1;
        }
    }
    all - kept
}
