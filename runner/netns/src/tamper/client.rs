//! The runner's end of `lab tamper`.

use std::time::Duration;

use super::{TAMPERED, Tamper, UNDO};
use lab_backend::LabError;
use lab_base::exec::{ExecError, Exit, Invocation, Running};

/// For all changes to stand.
const DEADLINE: Duration = Duration::from_secs(10);

/// Changes that stand. Servers among them answer until this is dropped; everything else stays as it was made until the
/// lab ends.
#[derive(Debug)]
pub struct Tampered {
    /// Its standard input is what keeps the servers.
    running: Running,
}

impl Tampered {
    /// Starts `lab tamper` with these changes, and waits until all of them stand.
    ///
    /// # Errors
    /// [`LabError::NotTampered`] when one could not be made; the ones before it stand.
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

    /// Takes the changes back, the last one first: what had been there before each is put back, and its servers end.
    ///
    /// # Errors
    /// [`LabError::NotUndone`] when something could not be put back.
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
