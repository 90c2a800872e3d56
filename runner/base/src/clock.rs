//! The one place that reads the clock and that waits.
//!
//! Whatever waits says what for, for how long, and what it saw last: a bare sleep can say none of it.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime};

/// The monotonic clock, for durations.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock: time since 1970-01-01T00:00:00Z. Zero on a host whose clock is set before that.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn unix_now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A time as RFC 3339 writes it, in UTC and to the millisecond: `2026-11-23T10:39:00.250Z`.
///
/// Times beyond chrono's range (the year 262142) are written as seconds since 1970.
pub fn rfc3339(unix: Duration) -> String {
    i64::try_from(unix.as_secs())
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, unix.subsec_nanos()))
        .map_or_else(
            || format!("{} s after 1970", unix.as_secs()),
            |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        )
}

/// The result of one check of a condition that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll<T, S> {
    /// The condition holds.
    Ready(T),
    /// The condition does not hold yet; with what is seen instead.
    NotYet(S),
    /// The condition can no longer come true; with the reason.
    Failed(S),
}

/// A wait that did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The deadline passed.
    #[error("{what} did not happen within {deadline:?}{}", last_seen(last.as_deref()))]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        deadline: Duration,
        /// What the last check saw; none when no check came to an end.
        last: Option<String>,
    },
    /// A check found that the condition can no longer come true.
    #[error("{what} will not happen: {reason} (after {waited:.1?})")]
    Failed {
        /// What was waited for.
        what: String,
        /// How long it had been waited for.
        waited: Duration,
        /// Why.
        reason: String,
    },
}

fn last_seen(last: Option<&str>) -> String {
    last.map(|last| format!(": {last}")).unwrap_or_default()
}

/// Checks a condition until it holds: at once, and then every `interval`.
///
/// A check that hangs is abandoned at the deadline.
///
/// # Errors
/// [`WaitError::Deadline`] with the status of the last check, [`WaitError::Failed`] when a check says that there is no
/// point in waiting.
pub async fn until<T, S: Display>(
    deadline: Duration,
    interval: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Poll<T, S>,
) -> Result<T, WaitError> {
    let begun = now();
    let mut last = None;
    let poll = async {
        loop {
            match check().await {
                Poll::Ready(value) => return Ok(value),
                Poll::NotYet(status) => last = Some(status.to_string()),
                Poll::Failed(reason) => {
                    let (what, waited, reason) = (what.to_owned(), begun.elapsed(), reason.to_string());
                    return Err(WaitError::Failed { what, waited, reason });
                }
            }
            pause(interval).await;
        }
    };
    match tokio::time::timeout(deadline, poll).await {
        Ok(result) => result,
        Err(_elapsed) => Err(WaitError::Deadline { what: what.to_owned(), deadline, last }),
    }
}

/// Waits for a future, but not longer than the deadline.
///
/// # Errors
/// [`WaitError::Deadline`], with nothing seen last.
pub async fn within<T>(deadline: Duration, what: &str, future: impl Future<Output = T>) -> Result<T, WaitError> {
    tokio::time::timeout(deadline, future).await.map_err(|_elapsed| WaitError::Deadline {
        what: what.to_owned(),
        deadline,
        last: None,
    })
}

/// Makes an attempt, and another one after each that ends, with a pause in between. It ends when it is dropped, as a task
/// does that is aborted: for what has to go on for as long as its owner wants it, and has no deadline for that reason.
pub async fn again_and_again(pause_between: Duration, mut attempt: impl AsyncFnMut()) -> Infallible {
    loop {
        attempt().await;
        pause(pause_between).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one pause, between two checks or two attempts")]
async fn pause(interval: Duration) {
    tokio::time::sleep(interval).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn until_returns_what_the_check_found() {
        let mut checks = 0;
        let found = block_on(until(LONG, Duration::ZERO, "a third check", async || {
            checks += 1;
            if checks == 3 { Poll::Ready(checks) } else { Poll::NotYet(format!("{checks} checks")) }
        }));
        assert_eq!(found, Ok(3));
    }

    #[test]
    fn a_passed_deadline_tells_what_was_seen_last() {
        let mut checks = 0;
        let waited = block_on(until(SOON, Duration::from_millis(1), "three nodes Ready", async || -> Poll<(), _> {
            checks += 1;
            Poll::NotYet(if checks == 1 { "nothing" } else { "kind-worker NotReady" })
        }));
        assert_eq!(
            waited.unwrap_err().to_string(),
            "three nodes Ready did not happen within 20ms: kind-worker NotReady"
        );
    }

    #[test]
    fn a_hanging_check_ends_at_the_deadline() {
        let waited: Result<(), _> =
            block_on(until(SOON, SOON, "an answer", async || std::future::pending::<Poll<(), &str>>().await));
        assert_eq!(waited.unwrap_err().to_string(), "an answer did not happen within 20ms");
    }

    #[test]
    fn a_failed_check_ends_the_wait_at_once() {
        let waited = block_on(until(LONG, LONG, "the holder's answer", async || -> Poll<(), _> {
            Poll::Failed("it has exited")
        }));
        let Err(WaitError::Failed { what, waited, reason }) = waited else { panic!("{waited:?}") };
        assert_eq!((what.as_str(), reason.as_str()), ("the holder's answer", "it has exited"));
        assert!(waited < LONG);
    }

    #[test]
    fn within_lets_a_future_end_but_not_hang() {
        assert_eq!(block_on(within(LONG, "nothing", std::future::ready(7))), Ok(7));
        let hung = block_on(within(SOON, "a reply", std::future::pending::<()>()));
        assert_eq!(hung.unwrap_err().to_string(), "a reply did not happen within 20ms");
    }

    #[test]
    fn attempts_go_on_until_nobody_wants_them() {
        let mut attempts = 0;
        let enough = tokio::sync::Notify::new();
        block_on(async {
            let trying = again_and_again(Duration::from_millis(1), async || {
                attempts += 1;
                if attempts == 3 {
                    enough.notify_one();
                }
            });
            tokio::select! {
                never = trying => match never {},
                () = enough.notified() => {}
            }
        });
        assert!(attempts >= 3);
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(Duration::from_millis(1_795_430_340_250)), "2026-11-23T10:39:00.250Z");
        assert!(unix_now() > Duration::from_secs(1_700_000_000), "the clock of this host is not set");
    }
}
