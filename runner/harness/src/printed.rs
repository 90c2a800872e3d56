//! Output that fails. libtest-mimic unwraps every write: a reader that is gone, or a full disk, makes it panic in the
//! middle of a run.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lab_base::failure::{Failure, code};

/// Runs libtest-mimic. None when it could not print; it has stopped there then, without a word.
pub(super) fn printed<T>(run: impl FnOnce() -> T) -> Option<T> {
    let failed = Arc::new(AtomicBool::new(false));
    let usual: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = Arc::from(take_hook());
    let (noticed, told) = (Arc::clone(&failed), Arc::clone(&usual));
    set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|place| place.file().contains("libtest-mimic")) {
            noticed.store(true, Ordering::Relaxed);
        } else {
            told(panic);
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

/// Why nothing can be printed; none when nobody reads any more, which is no failure.
pub(super) fn unprintable(logfile: Option<&Path>) -> Option<Failure> {
    let failure = |place: &str, why: &dyn std::fmt::Display| {
        Some(Failure { code: code::INPUT, message: format!("writing to {place}: {why}") })
    };
    if let Some(logfile) = logfile {
        return failure(&logfile.display().to_string(), &"it could not all be written");
    }
    let mut out = io::stdout().lock();
    match out.write_all(b"\n").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failure("standard output", &error),
        Ok(()) | Err(_) => None,
    }
}
