//! What a lab is doing at the moment, in one line: shown while a user waits, and part of the error when a deadline
//! passes.

use std::sync::{Arc, Mutex, PoisonError};

/// What is being done now, in words; shared between the code that does it and the code that shows it.
#[derive(Debug, Clone, Default)]
pub struct Doing(Arc<Mutex<String>>);

impl Doing {
    /// Sets the line, such as `importing 3 images into 3 nodes: 412 of 930 MB`.
    pub fn now(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    /// The line; empty before the first [`Doing::now`].
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
