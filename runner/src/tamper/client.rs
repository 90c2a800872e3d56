//! The runner's end of `lab tamper`.

use std::time::Duration;

use super::{TAMPERED, Tamper};
use crate::backend::LabError;
use crate::exec::{ExecError, Invocation, Running};

/// For all changes to stand.
const DEADLINE: Duration = Duration::from_secs(10);

/// Changes that stand. Servers among them answer until this is dropped; everything else stays as it was made until the
/// lab ends.
#[derive(Debug)]
pub struct Tampered {
    /// Its standard input is what keeps the servers.
    _running: Running,
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
        running.write(&line).await?;
        match running.wait_for_line(TAMPERED, DEADLINE).await {
            Ok(()) => Ok(Self { _running: running }),
            Err(ExecError::NoLine { stderr, .. }) => Err(refused(stderr)),
            Err(other) => Err(other.into()),
        }
    }
}
