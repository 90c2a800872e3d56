//! How long, how often, and what counts as a finding beside a panic.

use lab_base::clock;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// For one input: what takes longer is a finding. Inputs have kilobytes, and reading one takes milliseconds.
const SLOW: Duration = Duration::from_secs(30);
/// For one input: what takes longer may never end. The process ends then, with that input.
const HANGS: Duration = Duration::from_mins(2);
/// The most memory that this process may ever have had. Inputs have kilobytes.
const MOST_KILOBYTES: u64 = 512 << 10;
/// Inputs between two looks at the clock.
const BATCH: u32 = 16;
/// For each kind of input, where `LAB_FUZZ_SECONDS` is not set.
const SHORT: Duration = Duration::from_millis(200);

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was read.
    Accepted,
    /// It was refused, as it may be.
    Refused,
}

/// What a check says of an input, if it has nothing to complain about.
pub(crate) type Checked = Result<Fate, TestCaseError>;

/// Whether what was read may be believed is not this test's business.
pub(crate) fn fate<T, E>(outcome: &Result<T, E>) -> Fate {
    if outcome.is_ok() { Fate::Accepted } else { Fate::Refused }
}

/// What was made of an input is written as it is kept in evidence, and reads the same.
pub(crate) fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(read: &T) -> Result<(), TestCaseError> {
    let written = serde_json::to_string(read).expect("JSON");
    let again = serde_json::from_str::<T>(&written);
    prop_assert_eq!(again.as_ref().ok(), Some(read), "{}", written);
    Ok(())
}

fn budget() -> Duration {
    let seconds = std::env::var("LAB_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("LAB_FUZZ_SECONDS is a number of seconds"));
    seconds.map_or(SHORT, Duration::from_secs)
}

/// The peak of this process's memory, by `proc_pid_status(5)`.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Checks every seed as it is, and then, until the time is up, seeds with changes. A seed without changes must be
/// accepted: else nothing that is drawn from it may ever get past what refuses it.
#[track_caller]
pub(crate) fn fuzz<S, C>(what: &str, seeds: &[S], changes: &C, check: impl Fn(&S, &C::Value) -> Checked)
where
    C: Strategy,
    C::Value: Clone + Default + Send,
{
    assert!(!seeds.is_empty(), "{what}: there are no seeds");
    let (begun, accepted, refused) = (clock::now(), Cell::new(0_u32), Cell::new(0_u32));
    let current = Mutex::new((0, C::Value::default()));
    let inputs = (0..seeds.len(), changes);
    thread::scope(|scope| {
        // The watch ends with what it hears of, and that ends here, also by a panic.
        let (beat, beats) = channel();
        scope.spawn(|| watch(what, &{ beats }, &current));
        let timed = |(number, changes): (usize, C::Value)| {
            *current.lock().expect("nobody panics with it") = (number, changes.clone());
            beat.send(()).expect("a watch");
            let begun = clock::now();
            let fate = check(&seeds[number], &changes)?;
            prop_assert!(begun.elapsed() < SLOW, "it took {:?}", begun.elapsed());
            Ok(fate)
        };
        for number in 0..seeds.len() {
            match timed((number, C::Value::default())) {
                Ok(Fate::Accepted) => {}
                Ok(Fate::Refused) => panic!("{what}: seed {number} is refused as it is"),
                Err(why) => panic!("{what}: seed {number} as it is: {why}"),
            }
        }
        loop {
            let config =
                Config { cases: BATCH, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
            let counted = |input| {
                let count = if timed(input)? == Fate::Accepted { &accepted } else { &refused };
                count.set(count.get() + 1);
                Ok(())
            };
            match TestRunner::new(config).run(&inputs, counted) {
                Ok(()) => {}
                Err(TestError::Fail(why, input)) => panic!("{what}: {why}\nof seed {input:#?}"),
                Err(TestError::Abort(why)) => panic!("{what}: {why}"),
            }
            let peak = peak_kilobytes();
            assert!(peak < MOST_KILOBYTES, "{what}: {peak} kB of memory were taken");
            if begun.elapsed() >= budget() {
                break;
            }
        }
    });
    let (accepted, refused) = (accepted.get(), refused.get());
    let (seeds, inputs, seconds) = (seeds.len(), accepted + refused, begun.elapsed().as_secs());
    let peak = peak_kilobytes();
    println!(
        "{what}: {inputs} inputs of {seeds} seeds in {seconds} s, {accepted} accepted, {refused} refused; {peak} kB of memory at most"
    );
}

/// Ends the process, with the input, when one goes on for too long: a test that hangs tells nobody what on.
fn watch<C: Debug>(what: &str, beats: &Receiver<()>, current: &Mutex<(usize, C)>) {
    loop {
        match beats.recv_timeout(HANGS) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("{what}: after {HANGS:?} there is no end to seed {:#?}", current.lock());
                std::process::exit(101);
            }
        }
    }
}

/// A check that must notice something does, and makes it small.
#[test]
fn a_panic_is_a_finding() {
    let bytes = proptest::collection::vec(any::<u8>(), 0..64);
    let outcome = std::panic::catch_unwind(|| {
        fuzz("numbers", &[()], &bytes, |(), bytes| {
            assert!(bytes.iter().all(|byte| *byte < 200), "a large one");
            Ok(Fate::Accepted)
        });
    });
    let said = *outcome.expect_err("should be found").downcast::<String>().expect("a text");
    assert!(said.contains("a large one") && said.contains("200,\n"), "{said}");
}

/// Inputs that nothing is ever made of prove nothing.
#[test]
fn a_kind_whose_seeds_are_refused_is_a_finding() {
    let bytes = proptest::collection::vec(any::<u8>(), 0..4);
    let outcome = std::panic::catch_unwind(|| {
        fuzz("seeds", &[b"good", b"evil"], &bytes, |seed, _changes| {
            Ok(if *seed == b"good" { Fate::Accepted } else { Fate::Refused })
        });
    });
    let said = *outcome.expect_err("should be found").downcast::<String>().expect("a text");
    assert_eq!(said, "seeds: seed 1 is refused as it is");
}
