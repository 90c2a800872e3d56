//! The runner's end of `lab tamper`.

use async_recursion::async_recursion as boxed;
use std::time::Duration;

use super::{TAMPERED, Tamper, UNDO};
use lab_backend::LabError;
use lab_base::exec::{ExecError, Exit, Invocation, Running};

/// The deadline for making all changes, and again for undoing them.
const DEADLINE: Duration = Duration::from_secs(10);

/// Changes that were made. When this is dropped, servers among them end; the other changes stay until the lab ends.
#[derive(Debug)]
pub struct Tampered {
    /// The process with the servers. It ends when its standard input closes.
    running: Running,
}

impl Tampered {
    /// Starts `lab tamper` with these changes, and waits until all of them are made.
    ///
    /// # Errors
    /// [`LabError::NotTampered`] when one could not be made; those before it remain.
    #[boxed(?Send)]
    pub async fn make(tamper: Invocation, changes: &[Tamper]) -> Result<Self, LabError> {
        let refused = |why: String| LabError::NotTampered { why };
        let mut line = serde_json::to_vec(changes).map_err(|error| refused(error.to_string()))?;
        line.push(b'\n');
        let mut running = tamper.open()?;
        match running.call(&line, TAMPERED, DEADLINE).await {
            Ok(()) => Ok(Self { running }),
            Err(ExecError::NoLine { stderr, .. }) => Err(refused(stderr)),
            Err(other) => Err(other.into()),
        }
    }

    /// Undoes the changes in reverse order: the state before each is restored, and servers end.
    ///
    /// # Errors
    /// [`LabError::NotUndone`] when something could not be restored.
    #[boxed(?Send)]
    pub async fn undo(self) -> Result<(), LabError> {
        let Self { mut running } = self;
        running.write(format!("{UNDO}\n").as_bytes()).await?;
        let finished = running.finish(DEADLINE).await?;
        match finished.exit {
            Exit::Code(0) => Ok(()),
            _failed => {
                Err(LabError::NotUndone { why: finished.stderr_text().lines().last().unwrap_or_default().to_owned() })
            }
        }
    }
}
