//! Handles output that fails. libtest-mimic unwraps every write, so it panics in the middle of a run if the reader is gone
//! or the disk is full.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lab_base::failure::{Failure, code};

/// Runs libtest-mimic. Returns none if it could not print and stopped; the panic is not shown then.
pub(super) fn printed<T>(run: impl FnOnce() -> T) -> Option<T> {
    let failed = Arc::new(AtomicBool::new(false));
    let usual: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = Arc::from(take_hook());
    let (noticed, show) = (Arc::clone(&failed), Arc::clone(&usual));
    set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|place| place.file().contains("libtest-mimic")) {
            noticed.store(true, Ordering::Relaxed);
        } else {
            show(panic);
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(run));
    set_hook(Box::new(move |panic| usual(panic)));
    match result {
        Ok(value) => Some(value),
        Err(_printing) if failed.load(Ordering::Relaxed) => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// The failure that output cannot be written; none if the reader is gone, which is no failure.
pub(super) fn unprintable(logfile: Option<&Path>) -> Option<Failure> {
    let failure = |place: &str, why: &dyn std::fmt::Display| {
        Some(Failure { code: code::INPUT, message: format!("writing to {place}: {why}") })
    };
    if let Some(logfile) = logfile {
        return failure(&logfile.display().to_string(), &"it could not be written completely");
    }
    let mut out = io::stdout().lock();
    match out.write_all(b"\n").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failure("standard output", &error),
        Ok(()) | Err(_) => None,
    }
}
