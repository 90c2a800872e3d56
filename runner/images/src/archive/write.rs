//! Archives of regular files and nothing else, written from beginning to end (POSIX.1-1988 ustar, as GNU tar writes it).

use std::io::{self, Write};

/// Headers and content come in blocks of this many bytes.
pub const BLOCK: u64 = 512;

/// Writes one file after the other.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    /// What is missing to the announced size of the file that is being written.
    left: u64,
    padding: u64,
    bytes: u64,
}

/// The header of a regular file that anybody may read, of no time and nobody's.
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

/// How many bytes are missing to a whole block.
pub const fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

fn zeros(mut out: impl Write, count: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), count), &mut out).map(drop)
}

impl<W: Write> TarWriter<W> {
    /// An archive that is written to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, left: 0, padding: 0, bytes: 0 }
    }

    /// Begins a file; its content follows.
    pub fn begin(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.out.write_all(header(path, size)?.as_bytes())?;
        (self.left, self.padding) = (size, padding(size));
        self.bytes += size;
        self.pad()
    }

    /// Content of the file that was begun.
    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        self.left = self.left.checked_sub(length).ok_or_else(|| io::Error::other("more content than was announced"))?;
        self.out.write_all(bytes)?;
        self.pad()
    }

    fn pad(&mut self) -> io::Result<()> {
        if self.left == 0 {
            zeros(&mut self.out, std::mem::take(&mut self.padding))?;
        }
        Ok(())
    }

    /// A whole file.
    pub fn file(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.begin(path, u64::try_from(content.len()).map_err(io::Error::other)?)?;
        self.content(content)
    }

    /// Bytes of content so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Says that there are no more files.
    pub fn finish(mut self) -> io::Result<W> {
        zeros(&mut self.out, 2 * BLOCK)?;
        self.out.flush()?;
        Ok(self.out)
    }
}
