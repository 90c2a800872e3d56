//! A writer that counts and hashes the bytes that pass through it.

use sha2::{Digest as _, Sha256};
use std::io::{self, Write};

/// Counts and hashes what is written, and passes it on.
#[derive(Debug)]
pub struct Hashed<W> {
    out: W,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    /// Passes what is written on to `out`.
    pub fn new(out: W) -> Self {
        Self { out, bytes: 0, hash: Sha256::new() }
    }

    /// Number of bytes written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The inner writer, the number of bytes that were written, and their SHA-256.
    pub fn end(self) -> (W, u64, [u8; 32]) {
        (self.out, self.bytes, self.hash.finalize().into())
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
