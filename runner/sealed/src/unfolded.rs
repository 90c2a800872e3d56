//! What a compressed file unfolds to (RFC 8878): one frame and nothing behind it, and no more than a bomb would.

use std::io::{self, BufReader, Chain, Cursor, Read, Take};
use std::path::Path;

use super::{Kind, SealedError};

/// RFC 8878, section 3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How many times its size a file may unfold to: runs come to 30 or so, a bomb to 30,000.
const RATIO: u64 = 1000;
/// What may unfold whatever the ratio.
const ALWAYS: u64 = 4 << 20;
/// The logarithm of the memory that decompression may ask for (RFC 8878, section 3.1.1.1.2): what lab's level needs.
const WINDOW_LOG: u32 = 23;

/// What was looked at first, and then the rest; what is left of `u64::MAX` tells how much that was.
type Source<R> = BufReader<Chain<Cursor<Vec<u8>>, Take<R>>>;

/// Reads what is compressed. An error of its own is a [`SealedError`].
pub struct Unfolded<'a, R: Read> {
    path: &'a Path,
    kind: &'static Kind,
    inner: zstd::Decoder<'static, Source<R>>,
    bytes: u64,
}

impl<'a, R: Read> Unfolded<'a, R> {
    /// Begins; nothing but the first bytes are read. `path` is what errors name.
    ///
    /// # Errors
    /// For what is not compressed with zstd.
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
            return if rest == 0 { Ok(0) } else { refused("something follows its end; copy it again".to_owned()) };
        }
        self.bytes += read as u64;
        let (unfolded, from) = (self.bytes, u64::MAX - self.inner.get_ref().get_ref().get_ref().1.limit());
        if unfolded > ALWAYS.saturating_add(from.saturating_mul(RATIO)) {
            let name = self.kind.name;
            return refused(format!("{unfolded} bytes come out of {from}: no {name} is like that; do not use it"));
        }
        Ok(read)
    }
}
