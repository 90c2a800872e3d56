//! What a lab is busy with: one line that whoever waits can show, and that a deadline that passed ends with.

use std::sync::{Arc, Mutex, PoisonError};

/// What is being done now, in words; shared between who does it and who shows it.
#[derive(Debug, Clone, Default)]
pub struct Doing(Arc<Mutex<String>>);

impl Doing {
    /// From now on it is this: `importing 3 images into 3 nodes: 412 of 930 MB`.
    pub fn now(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    /// What it is; empty before anything was done.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
