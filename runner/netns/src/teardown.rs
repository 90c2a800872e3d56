//! Ends a lab by its state folder, also after a crash.

use std::time::Duration;

use super::client::Client;
use lab_backend::LabError;
use lab_backend::state::{ProcessId, StateDir};
use lab_base::clock;
use lab_base::clock::Poll;

/// How long a killed holder may take to end.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// The time between two checks of a process that starts or ends.
pub(super) const INTERVAL: Duration = Duration::from_millis(1);

/// Ends the process that holds the lab of this folder, and removes the folder. It may be called again.
///
/// # Errors
/// When the process cannot be ended or the folder not removed.
pub async fn take_down(state: &StateDir) -> Result<(), LabError> {
    let holder = if let Ok(Some(known)) = state.read() {
        known.holder
    } else {
        // The lab is being started, or another version of this program wrote its state: the process that listens on the
        // control socket is the holder.
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
        // The holder is process 1 of its PID namespace, so the kernel ends all other processes in it too.
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
