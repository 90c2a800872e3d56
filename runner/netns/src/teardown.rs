//! Ending a lab from outside: by its state folder, also after a crash.

use std::time::Duration;

use super::client::Client;
use lab_backend::LabError;
use lab_backend::state::{ProcessId, StateDir};
use lab_base::clock;
use lab_base::clock::Poll;

/// For a killed holder to be gone.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks at a process that starts or ends.
pub(super) const INTERVAL: Duration = Duration::from_millis(1);

/// Ends whatever holds the lab of this folder, and removes the folder. May be repeated.
///
/// # Errors
/// When the process cannot be ended or the folder not removed.
pub async fn take_down(state: &StateDir) -> Result<(), LabError> {
    let holder = if let Ok(Some(known)) = state.read() {
        known.holder
    } else {
        // It is being started, or another version of this program wrote its state: who listens there holds it.
        let client = Client::connect(state.name(), state.path()).await;
        client.ok().and_then(|client| ProcessId::of(client.pid()).ok())
    };
    if let Some(holder) = holder {
        end(state.name(), &holder).await?;
    }
    Ok(state.remove()?)
}

/// Ends exactly this process, if it still runs.
async fn end(name: &str, holder: &ProcessId) -> Result<(), LabError> {
    let gone = clock::until(END_DEADLINE, INTERVAL, "the end of the lab's process", async || {
        if !holder.is_alive() {
            return Poll::Ready(());
        }
        // Process 1 of a PID namespace: the kernel ends everything else in it.
        let killed = nix::sys::signal::kill(nix::unistd::Pid::from_raw(holder.pid), nix::sys::signal::Signal::SIGKILL);
        match killed {
            Ok(()) | Err(nix::Error::ESRCH) => Poll::NotYet("it still runs".to_owned()),
            Err(errno) => Poll::Failed(format!("it cannot be killed: {}", errno.desc())),
        }
    })
    .await;
    gone.map_err(|error| LabError::Refused {
        name: name.to_owned(),
        order: "end".to_owned(),
        why: format!("{error} (pid {})", holder.pid),
    })
}
