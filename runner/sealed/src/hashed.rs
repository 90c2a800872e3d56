//! What counts and hashes the bytes that go through it.

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
    /// Nothing was written yet.
    pub fn new(out: W) -> Self {
        Self { out, bytes: 0, hash: Sha256::new() }
    }

    /// Bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it went, how many bytes, and their SHA-256.
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
