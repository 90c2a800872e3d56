//! How long, how often, and what counts as a finding beside a panic.

use lab::clock;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use std::time::Duration;

/// For one input: what takes longer, hangs. Inputs have kilobytes, and reading one takes milliseconds.
const HANGS: Duration = Duration::from_mins(1);
/// The most memory that this process may ever have had. Inputs have kilobytes.
const MOST_KILOBYTES: u64 = 1 << 20;
/// Inputs between two looks at the clock.
const BATCH: u32 = 32;

/// What a check says of an input.
pub(crate) type Checked = Result<(), TestCaseError>;

fn budget() -> Duration {
    let seconds = std::env::var("LAB_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("LAB_FUZZ_SECONDS is a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(1))
}

/// The peak of this process's memory, by `proc_pid_status(5)`.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Draws inputs until the time is up, and checks each.
#[track_caller]
pub(crate) fn fuzz<S: Strategy>(what: &str, inputs: &S, check: impl Fn(S::Value) -> Checked) {
    let begun = clock::now();
    let mut tried = 0;
    loop {
        let config = Config { cases: BATCH, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
        let timed = |input| {
            let begun = clock::now();
            check(input)?;
            prop_assert!(begun.elapsed() < HANGS, "it took {:?}", begun.elapsed());
            Ok(())
        };
        match TestRunner::new(config).run(inputs, timed) {
            Ok(()) => tried += BATCH,
            Err(TestError::Fail(why, input)) => panic!("{what}: {why}\n{input:#?}"),
            Err(TestError::Abort(why)) => panic!("{what}: {why}"),
        }
        let peak = peak_kilobytes();
        assert!(peak < MOST_KILOBYTES, "{what}: {peak} kB of memory were taken");
        if begun.elapsed() >= budget() {
            break;
        }
    }
    println!("{what}: {tried} inputs in {} s, {} kB of memory at most", begun.elapsed().as_secs(), peak_kilobytes());
}

/// What a random input is refused or judged as is not this test's business.
#[expect(clippy::unnecessary_wraps, reason = "it is what a check ends with")]
pub(crate) fn any_outcome<T>(_outcome: T) -> Checked {
    Ok(())
}

/// A check that must notice something does, and makes it small.
#[test]
fn a_panic_is_a_finding() {
    let outcome = std::panic::catch_unwind(|| {
        fuzz("numbers", &proptest::collection::vec(any::<u8>(), 0..64), |bytes| {
            assert!(bytes.iter().all(|byte| *byte < 200), "a large one");
            Ok(())
        });
    });
    let said = *outcome.expect_err("should be found").downcast::<String>().expect("a text");
    assert!(said.contains("a large one") && said.contains("200,\n]"), "{said}");
}
