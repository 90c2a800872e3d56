//! What counts and hashes the bytes that go through it.

use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};

/// Counts what is read from it or written to it.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    bytes: u64,
}

impl<T> Counted<T> {
    /// Nothing went through yet.
    pub const fn new(inner: T) -> Self {
        Self { inner, bytes: 0 }
    }

    /// Bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What they went to or came from.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Counts and hashes what is written, and passes it on.
#[derive(Debug)]
pub struct Hashed<W> {
    out: Counted<W>,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    /// Nothing was written yet.
    pub fn new(out: W) -> Self {
        Self { out: Counted::new(out), hash: Sha256::new() }
    }

    /// Bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.out.bytes()
    }

    /// Where it went, how many bytes, and their SHA-256.
    pub fn end(self) -> (W, u64, [u8; 32]) {
        let bytes = self.out.bytes();
        (self.out.into_inner(), bytes, self.hash.finalize().into())
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
