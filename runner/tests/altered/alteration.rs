//! Every way to alter one element of observations as they are stored.

use serde_json::{Map, Value};
use std::fmt;

/// What is done to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// It is not there.
    Removed,
    /// A list, a map or a text has nothing in it.
    Emptied,
    /// A list or a text ends in its middle.
    Truncated,
    /// It is in its list twice.
    Duplicated,
    /// It and the next one of the same list or map have changed places: whole, or in one member.
    Swapped,
}

impl Change {
    const ALL: [Self; 5] = [Self::Removed, Self::Emptied, Self::Truncated, Self::Duplicated, Self::Swapped];

    /// The change of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.to_string() == name)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Removed => "removed",
            Self::Emptied => "emptied",
            Self::Truncated => "truncated",
            Self::Duplicated => "duplicated",
            Self::Swapped => "swapped",
        })
    }
}

/// From the whole to one of its elements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// One element of observations that is altered.
#[derive(Debug)]
pub(super) struct Alteration {
    pub(super) change: Change,
    /// Where exactly: `nodes.kind-worker.routes[3].table`.
    pub(super) place: String,
    /// The same of all such elements: `nodes.*.routes[].table`.
    pub(super) element: String,
}

/// All lists in a value: as JSON pointers (RFC 6901), and as elements.
pub(super) fn lists(whole: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(whole, &mut Vec::new(), &mut found);
    found
}

fn gather(here: &Value, path: &mut Vec<Step>, found: &mut Vec<(String, String)>) {
    if here.is_array() {
        let pointer = path.iter().fold(String::new(), |pointer, step| match step {
            Step::Index(index) => format!("{pointer}/{index}"),
            Step::Key(key) => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
        });
        found.push((pointer, pattern(path)));
    }
    for (step, value) in inside(here) {
        path.push(step);
        gather(value, path, found);
        path.pop();
    }
}

/// What is directly in a value.
fn inside(here: &Value) -> Vec<(Step, &Value)> {
    match here {
        Value::Object(members) => members.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, value)| (Step::Index(index), value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Calls `each` with these observations for every alteration of every element; after it they are as before.
pub(super) fn every(whole: &mut Value, each: &mut impl FnMut(&Value, &Alteration)) {
    visit(whole, &mut Vec::new(), each);
}

fn visit(whole: &mut Value, path: &mut Vec<Step>, each: &mut impl FnMut(&Value, &Alteration)) {
    let here = find(whole, path).clone();
    for (change, at, altered) in alterations(&here) {
        // What changes nothing is no alteration.
        if altered == here {
            continue;
        }
        let place = [path.as_slice(), &at].concat();
        let alteration = Alteration { change, place: exact(&place), element: pattern(&place) };
        *find(whole, path) = altered;
        each(whole, &alteration);
        *find(whole, path) = here.clone();
    }
    for (step, _value) in inside(&here) {
        path.push(step);
        visit(whole, path, each);
        path.pop();
    }
}

/// What can be done to a value and to what is directly in it: the change, where below it, and what it then is.
fn alterations(here: &Value) -> Vec<(Change, Vec<Step>, Value)> {
    match here {
        Value::Object(members) => of_members(members),
        Value::Array(elements) => of_elements(elements),
        Value::String(text) => {
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            vec![(Change::Emptied, Vec::new(), Value::from("")), (Change::Truncated, Vec::new(), Value::from(half))]
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn of_members(members: &Map<String, Value>) -> Vec<(Change, Vec<Step>, Value)> {
    let mut all = vec![(Change::Emptied, Vec::new(), Value::Object(Map::new()))];
    let keys: Vec<&String> = members.keys().collect();
    for (number, &key) in keys.iter().enumerate() {
        let at = Step::Key(key.clone());
        // What is null is not there.
        if !members[key].is_null() {
            let mut without = members.clone();
            without.remove(key);
            all.push((Change::Removed, vec![at.clone()], Value::Object(without)));
        }
        // The members of a type are of different kinds; those of a map can change places.
        let Some(&next) = keys.get(number + 1).filter(|_next| is_map(members)) else { continue };
        for (member, first, second) in swapped(&members[key], &members[next]) {
            let mut with = members.clone();
            with.insert(key.clone(), first);
            with.insert(next.clone(), second);
            let at = [at.clone()].into_iter().chain(member.map(Step::Key)).collect();
            all.push((Change::Swapped, at, Value::Object(with)));
        }
    }
    all
}

fn of_elements(elements: &[Value]) -> Vec<(Change, Vec<Step>, Value)> {
    let mut all = vec![(Change::Emptied, Vec::new(), Value::Array(Vec::new()))];
    if elements.len() > 1 {
        all.push((Change::Truncated, Vec::new(), Value::from(&elements[..elements.len() / 2])));
    }
    for (index, element) in elements.iter().enumerate() {
        let at = Step::Index(index);
        let mut changed = |change, at: Vec<Step>, change_list: &dyn Fn(&mut Vec<Value>)| {
            let mut list = elements.to_vec();
            change_list(&mut list);
            all.push((change, at, Value::Array(list)));
        };
        changed(Change::Removed, vec![at.clone()], &|list| drop(list.remove(index)));
        changed(Change::Duplicated, vec![at.clone()], &|list| list.insert(index, element.clone()));
        let Some(next) = elements.get(index + 1) else { continue };
        // The order of a list is another property: see `harmless`.
        for (member, first, second) in swapped(element, next).into_iter().filter(|(member, ..)| member.is_some()) {
            let at = [at.clone()].into_iter().chain(member.map(Step::Key)).collect();
            changed(Change::Swapped, at, &|list| {
                list[index] = first.clone();
                list[index + 1] = second.clone();
            });
        }
    }
    all
}

/// Two values that have changed places: whole, and in each member that both have.
fn swapped(first: &Value, second: &Value) -> Vec<(Option<String>, Value, Value)> {
    let mut all = vec![(None, second.clone(), first.clone())];
    if let (Value::Object(one), Value::Object(other)) = (first, second) {
        for key in one.keys().filter(|key| other.contains_key(*key)) {
            let (mut first, mut second) = (first.clone(), second.clone());
            std::mem::swap(&mut first[key], &mut second[key]);
            all.push((Some(key.clone()), first, second));
        }
    }
    all
}

fn find<'a>(whole: &'a mut Value, path: &[Step]) -> &'a mut Value {
    path.iter().fold(whole, |value, step| match step {
        Step::Key(key) => &mut value[key],
        Step::Index(index) => &mut value[*index],
    })
}

/// A key that is data, such as a node's name, not the name of a member of a type.
fn is_data(key: &str) -> bool {
    !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether these are entries of a map, not members of a type.
fn is_map(members: &Map<String, Value>) -> bool {
    members.keys().any(|key| is_data(key))
}

fn exact(path: &[Step]) -> String {
    written(path, |index| format!("[{index}]"), str::to_owned)
}

fn pattern(path: &[Step]) -> String {
    written(path, |_index| "[]".to_owned(), |key| if is_data(key) { "*".to_owned() } else { key.to_owned() })
}

fn written(path: &[Step], index: impl Fn(usize) -> String, key: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(number) => text += &index(*number),
            Step::Key(name) => {
                if !text.is_empty() {
                    text += ".";
                }
                text += &key(name);
            }
        }
    }
    text
}
