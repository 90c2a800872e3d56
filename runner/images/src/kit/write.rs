//! Writing a kit: beside the place where it will be, and there only once it is whole.

use sha2::Digest as _;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::{INDEX_FILE, Index, KitError, Member, Stored};
use crate::archive::write::{BLOCK, header, padding};
use lab_base::new_file::NewFile;
use lab_manifest::Sha256;

/// What `zstd` compresses with by itself.
const LEVEL: i32 = 3;
/// A block of nothing: what a header is written over, what fills up a block, and, twice, the end.
const EMPTY: [u8; 512] = [0; 512];

/// A kit that is being written. Dropped before [`finish`](Self::finish), nothing of it is left.
#[derive(Debug)]
pub struct KitWriter {
    out: NewFile,
    /// Bytes written so far: whole blocks.
    at: u64,
}

/// Counts and hashes what goes through.
struct Through<W> {
    out: W,
    bytes: u64,
    hash: sha2::Sha256,
}

impl<W: Write> Write for Through<W> {
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

impl<W> Through<W> {
    fn new(out: W) -> Self {
        Self { out, bytes: 0, hash: sha2::Sha256::new() }
    }
}

/// Counts what goes through.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl KitWriter {
    /// Begins a kit that will be at this path.
    ///
    /// # Errors
    /// [`KitError::Exists`] unless `force`, [`KitError::Io`] when its folder cannot be written to.
    pub fn begin(path: &Path, force: bool) -> Result<Self, KitError> {
        Ok(Self { out: NewFile::begin(path, force)?, at: 0 })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        self.out.path()
    }

    /// Adds a member whose content `write` writes; what that returned comes back too.
    ///
    /// # Errors
    /// What `write` ran into, or [`KitError::Io`] for a full disk.
    pub fn member<T, E: From<KitError>>(
        &mut self,
        name: &str,
        stored: Stored,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<(Member, T), E> {
        let broken = |path: &Path| KitError::io(path, "be written");
        let path = self.path().to_owned();
        let file = self.out.file();
        // Its size, which is in the header, is known afterwards.
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let begin = |out: &mut BufWriter<&File>| {
            out.seek(SeekFrom::Start(self.at))?;
            out.write_all(&EMPTY)
        };
        begin(&mut out).map_err(broken(&path))?;
        let mut through = Through::new(out);
        let (content_bytes, written) = match stored {
            Stored::Plain => {
                let mut counted = Counted { out: &mut through, bytes: 0 };
                let written = write(&mut counted)?;
                (counted.bytes, written)
            }
            Stored::Zstd => {
                let encoder = zstd::Encoder::new(&mut through, LEVEL).map_err(broken(&path))?;
                let mut counted = Counted { out: encoder, bytes: 0 };
                let written = write(&mut counted)?;
                counted.out.finish().map_err(broken(&path))?;
                (counted.bytes, written)
            }
        };
        let Through { mut out, bytes, hash } = through;
        let mut end = || -> io::Result<u64> {
            let padding = padding(bytes);
            out.write_all(&EMPTY[..usize::try_from(padding).map_err(io::Error::other)?])?;
            out.seek(SeekFrom::Start(self.at))?;
            out.write_all(header(name, bytes)?.as_bytes())?;
            out.flush()?;
            Ok(self.at + BLOCK + bytes + padding)
        };
        self.at = end().map_err(broken(&path))?;
        let sha256 = Sha256::from_sha256(hash.finalize().into());
        Ok((Member { path: name.to_owned(), bytes, sha256, stored, content_bytes }, written))
    }

    /// Writes the index and puts the kit where it should be. Its size.
    ///
    /// # Errors
    /// [`KitError::Io`], [`KitError::Exists`] when there is a file by now.
    pub fn finish(mut self, index: &Index) -> Result<u64, KitError> {
        let text = serde_json::to_vec_pretty(index)
            .map_err(|error| KitError::Index { path: self.path().to_owned(), problem: error.to_string() })?;
        let path = self.path().to_owned();
        self.member(INDEX_FILE, Stored::Plain, |out| out.write_all(&text).map_err(KitError::io(&path, "be written")))?;
        let Self { out, at } = self;
        let mut file = out.file();
        file.seek(SeekFrom::Start(at))
            .and_then(|_at| file.write_all(&[EMPTY, EMPTY].concat()))
            .map_err(KitError::io(&path, "be written"))?;
        out.place()?;
        Ok(at + 2 * BLOCK)
    }
}
