//! The members of a sealed file, read once from its beginning to its end: regular files and nothing else, each hashed as it
//! passes.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use super::{BLOCK, Hashed, Kind, SealedError, header, padding};

/// How many bytes are read at once.
const PIECE: usize = 64 << 10;

/// A sealed file that is being read.
pub struct Members<'a, R> {
    path: &'a Path,
    kind: &'static Kind,
    source: R,
    position: u64,
    /// The place in the archive that is being read, as it reads in errors after "cut off".
    at: String,
}

/// The header of a member.
#[derive(Debug)]
pub struct Header {
    /// The member's name; it is relative and has no `..`.
    pub name: String,
    /// The size of its content.
    pub bytes: u64,
}

#[derive(Deserialize)]
struct OnlySchema {
    schema: u64,
}

impl<'a, R: Read> Members<'a, R> {
    /// Reads the archive in `source` from its beginning; nothing is read yet. `path` is what errors name.
    pub fn begin(source: R, path: &'a Path, kind: &'static Kind) -> Self {
        Self { path, kind, source, position: 0, at: " at its beginning".to_owned() }
    }

    /// How many bytes were read so far: the offset in the archive of what is read next.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Fills `into`, unless the archive ends before. Returns how many bytes were read.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, SealedError> {
        let mut filled = 0;
        while filled < into.len() {
            match self.source.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }

    fn broken(&self, source: io::Error) -> SealedError {
        match source.downcast() {
            Ok(refused) => refused,
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => self.cut_off(),
            Err(source) => SealedError::new(self.path, format!("damaged{}: {source}; copy it again", self.at)),
        }
    }

    fn cut_off(&self) -> SealedError {
        self.kind.cut_off(self.path, &self.at)
    }

    /// The next member's header; none at the end.
    ///
    /// # Errors
    /// [`SealedError`], when the file is cut off, is not an archive, continues after its end, or has a member that is
    /// not a regular file.
    pub fn next_header(&mut self) -> Result<Option<Header>, SealedError> {
        let first = self.position == 0;
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            BLOCK => {}
            0 if self.kind.index_last => return Ok(None),
            // This kind of file is not compressed, so a file that is shorter than a header may be of any kind.
            _ if self.kind.index_last && first => return Err(self.no_header()),
            _ => return Err(self.cut_off()),
        }
        if block == [0; BLOCK] {
            return self.end().map(|()| None);
        }
        let read = tar::Header::from_byte_slice(&block);
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if read.cksum().ok() != Some(sum) {
            return Err(self.no_header());
        }
        let name = String::from_utf8_lossy(&read.path_bytes()).into_owned();
        let wrong = |why: &str| self.kind.wrong(self.path, &name, why);
        let kind = read.entry_type();
        if !kind.is_file() {
            return Err(wrong(match kind {
                tar::EntryType::Symlink => "is a symbolic link",
                tar::EntryType::Link => "is a hard link",
                tar::EntryType::Char | tar::EntryType::Block | tar::EntryType::Fifo => "is a device",
                tar::EntryType::Directory => "is a folder",
                _ => "is not a regular file",
            }));
        }
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(wrong("has a path that leads out of the archive"));
        }
        let bytes = read.entry_size().map_err(|_not_a_size| wrong("has no size"))?;
        // A header can have more, such as a time or an owner; lab writes none of that.
        if self.kind.own_headers && !header(&name, bytes).is_ok_and(|own| own.as_bytes() == &block) {
            return Err(wrong("has a header that lab does not write"));
        }
        self.at = format!(" in {name}");
        Ok(Some(Header { name, bytes }))
    }

    fn no_header(&self) -> SealedError {
        self.kind.not_one(self.path, &format!("there is no header of a tar archive{}", self.at))
    }

    /// Checks the end of the archive, which is two blocks of zeros: the first was read, the second must be the last thing
    /// in the file.
    fn end(&mut self) -> Result<(), SealedError> {
        if self.kind.index_last {
            return Ok(());
        }
        " at its end".clone_into(&mut self.at);
        let mut block = [0; BLOCK];
        if self.fill(&mut block)? < BLOCK {
            return Err(self.cut_off());
        }
        if block != [0; BLOCK] || self.fill(&mut [0])? > 0 {
            return Err(SealedError::new(self.path, "the file continues after the end of the archive; copy it again"));
        }
        Ok(())
    }

    /// Passes the content of the member whose header was read last to `take`, piece by piece. Returns its SHA-256.
    ///
    /// # Errors
    /// [`SealedError`], when the content is cut off, or is not padded to a whole block with zeros.
    pub fn content(&mut self, header: &Header, take: &mut dyn FnMut(&[u8])) -> Result<[u8; 32], SealedError> {
        let mut hash = Hashed::new(io::sink());
        let mut piece = vec![0; PIECE];
        while hash.bytes() < header.bytes {
            let left = usize::try_from(header.bytes - hash.bytes()).unwrap_or(usize::MAX);
            let most = left.min(PIECE);
            let filled = self.fill(&mut piece[..most])?;
            hash.write_all(&piece[..filled]).map_err(|error| self.broken(error))?;
            take(&piece[..filled]);
            if filled < most {
                self.at = format!("{}: it has {} of {} bytes", self.at, hash.bytes(), header.bytes);
                return Err(self.cut_off());
            }
        }
        let rest = &mut [0; BLOCK][..padding(header.bytes)];
        // Padding may be missing after an index that is the last member: nothing follows it.
        let last = self.kind.index_last && header.name == self.kind.index;
        if self.fill(rest)? < rest.len() && !last {
            return Err(self.cut_off());
        }
        if self.kind.own_headers && rest.iter().any(|byte| *byte != 0) {
            return Err(self.kind.wrong(self.path, &header.name, "is padded with something other than zeros"));
        }
        Ok(hash.end().2)
    }

    /// Reads the member whose header was read last as the index.
    ///
    /// # Errors
    /// When it is larger than [`Kind::index_bytes`], of another schema, or not of its form, and those of
    /// [`content`](Self::content).
    pub fn index<T: DeserializeOwned>(&mut self, header: &Header) -> Result<T, SealedError> {
        let (kind, path) = (self.kind, self.path);
        if header.bytes > kind.index_bytes {
            return Err(kind.unusable(
                path,
                &format!("it has {} bytes, and at most {} are accepted", header.bytes, kind.index_bytes),
            ));
        }
        let mut text = Vec::new();
        self.content(header, &mut |piece| text.extend_from_slice(piece))?;
        // The schema is read alone first: an index of another version may have another form.
        let OnlySchema { schema } = serde_json::from_slice(&text).map_err(|error| kind.unusable(path, &error))?;
        if schema != kind.schema {
            let Kind { index, schema: own, .. } = kind;
            let why = format!("{index}: schema: expected {own}, found {schema}: written by another version of lab");
            return Err(SealedError::new(path, why));
        }
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text))
            .map_err(|error| kind.unusable(path, &error))
    }
}
