//! Writes a kit, under a temporary name until it is complete.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::{INDEX_FILE, Index, KIT, KitError, Member, Stored};
use lab_base::new_file::NewFile;
use lab_manifest::Sha256;
use lab_sealed::{BLOCK, Hashed, header, padding};

/// The default compression level of `zstd`.
const LEVEL: i32 = 3;

/// A kit that is being written. When it is dropped before [`finish`](Self::finish), the temporary file is removed.
#[derive(Debug)]
pub struct KitWriter {
    out: NewFile,
    /// The offset of the next member: bytes written so far, in whole blocks.
    at: u64,
}

/// A writer that counts the bytes that pass through it.
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
    /// Begins a kit that will have this path.
    ///
    /// # Errors
    /// When a file of that name exists, unless `force`, or when its folder cannot be written to.
    pub fn begin(path: &Path, force: bool) -> Result<Self, KitError> {
        let out = NewFile::begin(path, force).map_err(|error| KIT.not_made(error))?;
        Ok(Self { out, at: 0 })
    }

    /// The path that the kit will have.
    pub fn path(&self) -> &Path {
        self.out.path()
    }

    /// Adds a member whose content is written by `write`. Returns its entry for the index, and the result of `write`.
    ///
    /// # Errors
    /// The error of `write`, or an error of writing to the disk.
    pub fn member<T, E: From<KitError>>(
        &mut self,
        name: &str,
        stored: Stored,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<(Member, T), E> {
        let path = self.path().to_owned();
        let broken = || KitError::io(&path, "be written");
        let mut out = BufWriter::with_capacity(1 << 20, self.out.file());
        // The header comes first but contains the size, so it is written after the content.
        out.seek(SeekFrom::Start(self.at + BLOCK as u64)).map_err(broken())?;
        let mut through = Hashed::new(out);
        let (content_bytes, written) = match stored {
            Stored::Plain => {
                let written = write(&mut through)?;
                (through.bytes(), written)
            }
            Stored::Zstd => {
                let encoder = zstd::Encoder::new(&mut through, LEVEL).map_err(broken())?;
                let mut counted = Counted { out: encoder, bytes: 0 };
                let written = write(&mut counted)?;
                counted.out.finish().map_err(broken())?;
                (counted.bytes, written)
            }
        };
        let (mut out, bytes, sha256) = through.end();
        let mut end = || -> io::Result<u64> {
            out.write_all(&[0; BLOCK][..padding(bytes)])?;
            let end = out.stream_position()?;
            out.seek(SeekFrom::Start(self.at))?;
            out.write_all(header(name, bytes)?.as_bytes())?;
            out.flush()?;
            Ok(end)
        };
        self.at = end().map_err(broken())?;
        let sha256 = Sha256::from_sha256(sha256);
        Ok((Member { path: name.to_owned(), bytes, sha256, stored, content_bytes }, written))
    }

    /// Writes the index and gives the kit its name. Returns its size in bytes.
    ///
    /// # Errors
    /// When writing fails, or when a file of that name has appeared meanwhile.
    pub fn finish(mut self, index: &Index) -> Result<u64, KitError> {
        let path = self.path().to_owned();
        let broken = || KitError::io(&path, "be written");
        let text = serde_json::to_vec_pretty(index).map_err(|error| KIT.unusable(&path, &error))?;
        self.member(INDEX_FILE, Stored::Plain, |out| out.write_all(&text).map_err(broken()))?;
        let mut file = self.out.file();
        file.seek(SeekFrom::Start(self.at)).and_then(|_at| file.write_all(&[0; 2 * BLOCK])).map_err(broken())?;
        self.out.place().map_err(|error| KIT.not_made(error))?;
        Ok(self.at + 2 * BLOCK as u64)
    }
}
