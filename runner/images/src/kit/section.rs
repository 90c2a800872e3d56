//! Readers for a part of a file: several can be used at the same time, and none reads beyond the end of its part.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A reader of a range of a file's bytes.
#[derive(Debug)]
pub(super) struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Section {
    pub(super) const fn new(file: Arc<File>, at: u64, bytes: u64) -> Self {
        Self { file, at, left: bytes }
    }
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read_at(&mut into[..most], self.at)?;
        if read == 0 && most > 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the file has become shorter"));
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// A reader that fails unless it yields exactly the expected number of bytes, since compressed content can expand to any
/// size.
#[derive(Debug)]
pub(super) struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exactly<R> {
    pub(super) const fn new(inner: R, bytes: u64) -> Self {
        Self { inner, left: bytes }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wrong = |why| io::Error::new(ErrorKind::InvalidData, format!("it has {why} bytes than kit.json says"));
        if self.left == 0 {
            return if self.inner.read(&mut [0])? == 0 { Ok(0) } else { Err(wrong("more")) };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.inner.read(&mut into[..most])?;
        if read == 0 && most > 0 {
            return Err(wrong("fewer"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}
