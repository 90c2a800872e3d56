//! Writes archives of regular files and nothing else (POSIX.1-1988 ustar, as GNU tar writes it).

use std::io::{self, Write};

/// Headers and content come in blocks of this many bytes.
pub const BLOCK: usize = 512;

/// Writes an archive, one file after the other.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    /// How many bytes of the announced size of the current file are still to be written.
    left: u64,
    padding: usize,
    bytes: u64,
}

/// The header of a regular file of mode 0644. Time and owner are 0, so that equal content gives equal archives.
///
/// # Errors
/// When the name does not fit into a header.
pub fn header(path: &str, size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

/// How many bytes of padding follow content of this size, up to a whole block.
#[expect(clippy::cast_possible_truncation, reason = "less than a block")]
pub const fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

impl<W: Write> TarWriter<W> {
    /// An archive that is written to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, left: 0, padding: 0, bytes: 0 }
    }

    /// Begins a file; its content is what is written next.
    ///
    /// # Errors
    /// When `out` cannot be written to, or the name does not fit into a header.
    pub fn begin(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.out.write_all(header(path, size)?.as_bytes())?;
        (self.left, self.padding) = (size, padding(size));
        self.bytes += size;
        self.pad()
    }

    fn pad(&mut self) -> io::Result<()> {
        if self.left == 0 {
            self.out.write_all(&[0; BLOCK][..std::mem::take(&mut self.padding)])?;
        }
        Ok(())
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn file(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.begin(path, content.len() as u64)?;
        self.write_all(content)
    }

    /// The announced sizes of all files so far, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the archive with two blocks of zeros.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes content of the file that was begun; more than was announced is an error.
impl<W: Write> Write for TarWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| io::Error::other("more content than was announced"))?;
        self.out.write_all(bytes)?;
        self.pad()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
