//! What every part of `lab` stands on: the clock, starting processes, files that appear whole or not at all, secrets taken
//! out of texts, and words for errors and amounts. Nothing here knows what a lab is.

pub mod clock;
pub mod exec;
pub mod failure;
mod hex;
pub mod interrupt;
pub mod new_file;
pub mod redact;
pub mod text;

pub use hex::{hex, sha256};

/// A runtime of one thread: what this program waits for, it waits for on its main thread.
///
/// # Errors
/// When the kernel gives no descriptors for it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
