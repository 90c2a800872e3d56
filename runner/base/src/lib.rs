//! What every part of `lab` uses: the clock, starting processes, files that appear whole or not at all, removing secrets
//! from texts, and texts for errors and amounts. Nothing here knows what a lab is.

pub mod clock;
pub mod exec;
pub mod failure;
mod hex;
pub mod interrupt;
pub mod new_file;
pub mod redact;
pub mod text;

pub use hex::{hex, sha256, sha256_of};

/// An asynchronous runtime that runs on the calling thread alone.
///
/// # Errors
/// When the kernel refuses the file descriptors that it needs.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
