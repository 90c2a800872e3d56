//! Judges on observations that hold and are then altered.
//!
//! - One element is altered: the case must not hold any longer. Every element of everything that a case looks at is
//!   removed, emptied, truncated, duplicated and exchanged with its neighbour, so that a member that is added to the
//!   observations is tried without new code. What may stay held, and why, is in `exceptions.txt`, and for foreign clusters
//!   in `foreign.txt` and `probed.txt`.
//! - What does not matter is altered: the case must stay held (`harmless`).

mod alteration;
mod exceptions;
mod harmless;
mod least;
mod sources;

use lab_harness::cases;
use lab_judge::foreign::table;
use lab_model::BackendKind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread::{available_parallelism, scope};

use alteration::{Alteration, Change};
use sources::Source;

/// What came of the alterations.
#[derive(Default)]
struct Outcome {
    tried: usize,
    /// Rows of tables that the cases hold without.
    spared: usize,
    /// Pairs of a case and an element that an exception allows to stay held.
    excused: BTreeSet<(&'static str, String)>,
    /// The exceptions that were needed, each with the cases that needed it.
    used: BTreeSet<((usize, &'static str), &'static str)>,
    /// What was altered, and how, of what each case saw.
    altered: BTreeSet<(&'static str, Change, String)>,
    /// What stayed held and must not: the case, the change and the element, and one place where it did.
    held: BTreeMap<String, String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.spared += other.spared;
        self.excused.extend(other.excused);
        self.used.extend(other.used);
        self.altered.extend(other.altered);
        self.held.extend(other.held);
    }
}

fn alter(source: &Source, exceptions: &[exceptions::Exception]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut tried = |altered: &Value, one: &Alteration| {
        outcome.tried += 1;
        outcome.altered.insert((source.case, one.change, one.element.clone()));
        let Ok(proof) = source.judge(altered) else { return };
        let mut fitting =
            exceptions.iter().filter(|exception| exception.fits(source.case, one.change, &one.element)).peekable();
        if fitting.peek().is_none() {
            let place = format!("{} in {}: {}", one.place, source.from, proof.summary);
            outcome.held.entry(format!("{} {} {}", source.case, one.change, one.element)).or_insert(place);
        } else {
            outcome.used.extend(fitting.map(|exception| (exception.at, source.case)));
            outcome.excused.insert((source.case, one.element.clone()));
        }
    };
    // All rows of a table at once are needed, even where none of them is.
    for (pointer, element) in least::tables(&source.seen) {
        let mut seen = source.seen.clone();
        let rows = seen.pointer_mut(&pointer).expect("a list that was found");
        if rows.as_array().is_some_and(|rows| !rows.is_empty()) {
            *rows = Value::Array(Vec::new());
            tried(&seen, &Alteration { change: Change::Emptied, place: pointer, element });
        }
    }
    let (mut seen, spared) = least::least(source);
    alteration::every(&mut seen, &mut tried);
    outcome.spared = spared;
    outcome
}

/// The exceptions that nothing needs, and those that are also for cases that do not need them: such a case is to be left
/// out.
fn not_needed(exceptions: &[exceptions::Exception], all: &Outcome) -> Vec<String> {
    let mut stale = Vec::new();
    for exception in exceptions {
        let (line, element) = exception.at;
        let fit = |(case, change, element): &&(&str, Change, String)| exception.fits(case, *change, element);
        let for_cases: BTreeSet<&'static str> = all.altered.iter().filter(fit).map(|(case, ..)| *case).collect();
        if for_cases.is_empty() {
            stale.push(format!("line {line}: {element}: nothing is altered so"));
        }
        let needless = for_cases.into_iter().filter(|case| !all.used.contains(&(exception.at, case)));
        stale.extend(needless.map(|case| format!("line {line}: {element}: {case}")));
    }
    stale
}

fn that_hold() -> Vec<Source> {
    let runtime = lab_base::runtime().expect("a runtime");
    runtime.block_on(sources::that_hold()).expect("observations")
}

#[test]
fn a_case_does_not_hold_when_one_element_of_what_it_saw_is_altered() {
    let sources = that_hold();
    let held: BTreeSet<&str> = sources.iter().map(|source| source.case).collect();
    let missing: Vec<&str> =
        cases::on(BackendKind::Kind).map(|case| case.name).filter(|name| !held.contains(name)).collect();
    assert_eq!(missing, [""; 0], "cases without observations that hold");
    judged(&sources, exceptions::LABS);
}

#[test]
fn nor_does_one_of_a_foreign_cluster() {
    let sources = sources::foreign().expect("observations");
    let held: Vec<&str> = sources.iter().map(|source| source.case).collect();
    let read: Vec<&str> = table::CASES.iter().filter(|case| !table::PROBED.contains(case)).copied().collect();
    assert_eq!(held, read, "each of them was seen");
    for source in &sources {
        source.judge(&source.seen).unwrap_or_else(|why| panic!("{}: {why:?}", source.case));
    }
    judged(&sources, exceptions::FOREIGN);
}

#[test]
fn nor_does_one_of_what_is_sent_there_or_seen_within_pods() {
    let sources = sources::probed().expect("observations");
    assert_eq!(sources.len(), table::PROBED.len() + 1);
    for source in &sources {
        source.judge(&source.seen).unwrap_or_else(|why| panic!("{}: {why:?}", source.case));
    }
    judged(&sources, exceptions::PROBED);
}

/// Alters all of it, and holds what stays held against the list.
#[track_caller]
fn judged(sources: &[Source], list: exceptions::List) {
    let exceptions = exceptions::read(list).expect("a list");
    let (next, all) = (Mutex::new(sources.iter()), Mutex::new(Outcome::default()));
    scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(source) = { next.lock().expect("the sources").next() } {
                    let outcome = alter(source, &exceptions);
                    all.lock().expect("what came of it").add(outcome);
                }
            });
        }
    });
    let all = all.into_inner().expect("what came of it");
    println!(
        "{} alterations of what {} looks saw, without {} rows that no claim needs; \
         {} pairs of a case and an element may stay held, by {} exceptions",
        all.tried,
        sources.len(),
        all.spared,
        all.excused.len(),
        exceptions.len()
    );
    let held: Vec<String> = all.held.iter().map(|(what, place)| format!("{what}\n    at {place}")).collect();
    assert!(held.is_empty(), "{} still hold and must not:\n{}", held.len(), held.join("\n"));
    let stale = not_needed(&exceptions, &all);
    assert!(stale.is_empty(), "exceptions that a case is in and does not need:\n{}", stale.join("\n"));
    assert!(all.excused.len() <= list.pairs, "more pairs than exceptions.rs says: {}", all.excused.len());
}

#[test]
fn a_case_holds_whatever_does_not_matter() {
    let mut complaints = Vec::new();
    let mut tried = BTreeSet::new();
    let runtime = lab_base::runtime().expect("a runtime");
    let larger = runtime.block_on(sources::with_five_workers()).expect("observations");
    for source in &larger {
        assert_eq!((source.expect.workers, source.expect.replicas), (5, 5), "{}", source.case);
        source.judge(&source.seen).unwrap_or_else(|why| panic!("{} with five workers: {why:?}", source.case));
    }
    assert_eq!(larger.len(), cases::on(BackendKind::Netns).count());
    for source in that_hold().into_iter().chain(larger) {
        for change in harmless::ALL {
            let (seen, expect) = (change.make)(&source.seen, &source.expect);
            if seen == source.seen && expect == source.expect {
                continue;
            }
            tried.insert(change.name);
            let matters = change.matters.iter().any(|(case, _why)| *case == source.case);
            match source.judge_with(&seen, &expect) {
                Ok(_) if !matters => {}
                Ok(_) => complaints.push(format!("{}: {}: held, and should not", source.case, change.name)),
                Err(_) if matters => {}
                Err(why) => complaints.push(format!("{} of {}: {}: {why:?}", source.case, source.from, change.name)),
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(tried.len(), harmless::ALL.len(), "only {tried:?} changed anything");
}
