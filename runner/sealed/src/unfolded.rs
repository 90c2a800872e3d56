//! Decompresses a file (zstd, RFC 8878): one frame with nothing after it. A file that would expand to far more than its
//! size, a decompression bomb, is refused.

use std::io::{self, BufReader, Chain, Cursor, Read, Take};
use std::path::Path;

use super::{Kind, SealedError};

/// The magic number of a frame (RFC 8878, section 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest ratio of decompressed to compressed size that is accepted. Runs have about 30, a bomb 30,000.
const RATIO: u64 = 1000;
/// Up to this many decompressed bytes, the ratio is not checked.
const ALWAYS: u64 = 4 << 20;
/// The binary logarithm of the largest window in bytes that decompression may use (RFC 8878, section 3.1.1.1.2). lab's
/// compression level needs this much.
const WINDOW_LOG: u32 = 23;

/// The four bytes of the magic number that were read already, then the rest of the file. The rest is limited to
/// `u64::MAX`, so that what is left of the limit says how much was read.
type Source<R> = BufReader<Chain<Cursor<Vec<u8>>, Take<R>>>;

/// A reader of the decompressed content. Its own errors are a [`SealedError`] within the [`io::Error`].
pub struct Unfolded<'a, R: Read> {
    path: &'a Path,
    kind: &'static Kind,
    inner: zstd::Decoder<'static, Source<R>>,
    bytes: u64,
}

impl<'a, R: Read> Unfolded<'a, R> {
    /// Decompresses `source`, of which only the first bytes are read here. `path` is what errors name.
    ///
    /// # Errors
    /// When it is not compressed with zstd.
    pub fn begin(source: R, path: &'a Path, kind: &'static Kind) -> Result<Self, SealedError> {
        let mut source = source.take(u64::MAX);
        let mut magic = Vec::new();
        source.by_ref().take(4).read_to_end(&mut magic).map_err(kind.io(path, "be read"))?;
        if magic.is_empty() {
            return Err(kind.not_one(path, "it is empty"));
        }
        if magic != MAGIC {
            return Err(kind.not_one(path, "it is not compressed with zstd"));
        }
        let source = BufReader::new(Cursor::new(magic).chain(source));
        let decoder = zstd::Decoder::with_buffer(source).map_err(kind.io(path, "be decompressed"))?;
        let mut inner = decoder.single_frame();
        inner.window_log_max(WINDOW_LOG).map_err(kind.io(path, "be decompressed"))?;
        Ok(Self { path, kind, inner, bytes: 0 })
    }
}

impl<R: Read> Read for Unfolded<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let refused = |why: String| Err(io::Error::other(SealedError::new(self.path, why)));
        let read = self.inner.read(into)?;
        if read == 0 && !into.is_empty() {
            let rest = self.inner.get_mut().read(&mut [0])?;
            return if rest == 0 {
                Ok(0)
            } else {
                refused("the file continues after the end of its compressed content; copy it again".to_owned())
            };
        }
        self.bytes += read as u64;
        let (unfolded, from) = (self.bytes, u64::MAX - self.inner.get_ref().get_ref().get_ref().1.limit());
        if unfolded > ALWAYS.saturating_add(from.saturating_mul(RATIO)) {
            let name = self.kind.name;
            return refused(format!(
                "{unfolded} bytes come out of {from} compressed bytes: lab did not write this {name}; do not use it"
            ));
        }
        Ok(read)
    }
}
