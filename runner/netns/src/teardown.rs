//! Ends a lab by its state folder, also after a crash.

use async_recursion::async_recursion as boxed;
use std::time::Duration;

use super::client::Client;
use lab_backend::LabError;
use lab_backend::state::{Life, ProcessId, StateDir};
use lab_base::clock;
use lab_base::clock::Poll;

/// How long a killed holder may take to end.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// The time between two checks of a process that starts or ends.
pub(super) const INTERVAL: Duration = Duration::from_millis(1);

/// Ends the process that holds the lab of this folder, and removes the folder. It may be called again.
///
/// # Errors
/// When the process cannot be ended, when it cannot be told whether it runs, or when the folder cannot be removed.
#[boxed(?Send)]
pub async fn take_down(state: &StateDir) -> Result<(), LabError> {
    // Who listens on the control socket is the holder, whatever the state says: that may be another version's, and its
    // numbers another namespace's.
    match Client::connect(state.name(), state.path()).await {
        Ok(client) if client.pid() == 0 => obey(client, state).await?,
        Ok(client) => {
            if let Ok(holder) = ProcessId::of(client.pid()) {
                end(state.name(), &holder).await?;
            }
        }
        Err(_nobody_listens) => {
            if let Ok(Some(known)) = state.read()
                && let Some(holder) = &known.holder
            {
                end(state.name(), holder).await.map_err(|error| match holder.life() {
                    Life::Untold(why) => state.untold(&why).into(),
                    Life::Runs | Life::Ended => error,
                })?;
            }
        }
    }
    Ok(state.remove()?)
}

/// Orders a holder that cannot be seen from here to end, and waits until nobody listens any more.
async fn obey(mut client: Client, state: &StateDir) -> Result<(), LabError> {
    client.shut_down().await?;
    drop(client);
    let ended = clock::until(END_DEADLINE, INTERVAL, "the end of the lab's process", async || {
        match Client::connect(state.name(), state.path()).await {
            Ok(_) => Poll::NotYet("it still listens".to_owned()),
            Err(_) => Poll::Ready(()),
        }
    });
    ended.await.map_err(|error| refused(state.name(), error.to_string()))
}

/// Ends exactly this process, if it still runs.
async fn end(name: &str, holder: &ProcessId) -> Result<(), LabError> {
    let gone = clock::until(END_DEADLINE, INTERVAL, "the end of the lab's process", async || {
        match holder.life() {
            Life::Ended => return Poll::Ready(()),
            Life::Untold(why) => return Poll::Failed(why),
            Life::Runs => {}
        }
        // The holder is process 1 of its PID namespace, so the kernel ends all other processes in it too.
        let killed = nix::sys::signal::kill(nix::unistd::Pid::from_raw(holder.pid), nix::sys::signal::Signal::SIGKILL);
        match killed {
            Ok(()) | Err(nix::Error::ESRCH) => Poll::NotYet("it still runs".to_owned()),
            Err(errno) => Poll::Failed(format!("it cannot be killed: {}", errno.desc())),
        }
    })
    .await;
    gone.map_err(|error| refused(name, format!("{error} (pid {})", holder.pid)))
}

fn refused(name: &str, why: String) -> LabError {
    LabError::Refused { name: name.to_owned(), order: "end".to_owned(), why }
}
