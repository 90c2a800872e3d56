//! How much a bundle may have. Whoever opens one did not make it.

use std::io::{self, Read};

/// Members, the index not counted: a lab of 100 nodes has some 700, most of them captures.
pub(super) const MEMBERS: usize = 4096;
/// Bytes of the index: [`MEMBERS`] entries have less.
pub(super) const INDEX_BYTES: u64 = 2 << 20;
/// Bytes of a text. They are held in memory one at a time; the evidence of a case in a lab of 100 nodes has a tenth.
pub(super) const TEXT_BYTES: u64 = 64 << 20;
/// Values in the JSON of a text. What `{"":0},` becomes, which has two, takes 632 bytes of memory. The evidence of a case in
/// a lab of 100 nodes has a quarter of that many.
pub(super) const VALUES: usize = 2 << 20;
/// Bytes of a capture. It is hashed as it passes.
pub(super) const CAPTURE_BYTES: u64 = 256 << 20;
/// Bytes of all members.
pub(super) const TOTAL_BYTES: u64 = 1 << 30;
/// How many times its size a bundle may unfold to: runs come to 30 or so, a bomb to 30,000.
pub(super) const RATIO: u64 = 1000;
/// What may unfold whatever the ratio.
const ALWAYS: u64 = 4 << 20;
/// The logarithm of the memory that decompression may ask for (RFC 8878, section 3.1.1.1.2): what lab's level needs.
pub(super) const WINDOW_LOG: u32 = 23;

/// Counts what is read.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    pub(super) bytes: u64,
}

impl<R> Counted<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, bytes: 0 }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Whether it may have more than [`VALUES`]: what values begin after is counted, in strings too.
pub(super) fn is_crowded(json: &str) -> bool {
    json.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > VALUES
}

/// Whether so much may come of so little.
pub(super) const fn is_bomb(unfolded: u64, from: u64) -> bool {
    unfolded > ALWAYS.saturating_add(from.saturating_mul(RATIO))
}
