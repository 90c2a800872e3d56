//! A lab for one control, apart from the user's, so that no other command finds it.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use lab_backend::state::StateDir;
use lab_base::failure::chain;
use lab_netns::plan::Spec;
use lab_sabotage::{Bench, Size};

/// A lab whose state is in a folder of its own.
pub(crate) struct Apart {
    bench: Bench,
    _state: tempfile::TempDir,
}

impl Apart {
    /// Starts a lab that is the article's, in this size, but for this change, and of which the article's is expected.
    pub(crate) async fn start(size: Size, shape: fn(&mut Spec)) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("making a folder for the lab's state: {error}"))?;
        let state = StateDir::claim_in(folder.path(), "control").map_err(|error| chain(&error))?;
        let bench = Bench::start(Path::new(env!("CARGO_BIN_EXE_lab")), state, size, shape).await;
        Ok(Self { bench: bench.map_err(|error| error.to_string())?, _state: folder })
    }

    pub(crate) async fn end(self) -> Result<(), String> {
        self.bench.end().await
    }
}

impl Deref for Apart {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl DerefMut for Apart {
    fn deref_mut(&mut self) -> &mut Bench {
        &mut self.bench
    }
}
