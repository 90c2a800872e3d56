//! The archive, read once from its beginning to its end: compressed, and of headers that lab itself would write.

use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::BundleError;
use super::limits::{Counted, WINDOW_LOG, is_bomb};
use lab_images::archive::write::{header, padding};

/// RFC 8878, section 3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A header, and what content is filled up to.
const BLOCK: usize = 512;

type Source<R> = BufReader<std::io::Chain<std::io::Cursor<Vec<u8>>, Counted<R>>>;

/// An archive that is being read.
pub(super) struct Archive<'a, R: Read> {
    path: PathBuf,
    unfolded: zstd::Decoder<'a, Source<R>>,
    bytes: u64,
    /// What was begun last, for errors.
    at: String,
}

/// The header of a member.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl<R: Read> Archive<'_, R> {
    /// Begins; nothing but the first bytes are read. `path` is what errors name.
    pub(super) fn begin(source: R, path: &Path) -> Result<Self, BundleError> {
        let not_a_bundle = |why: &str| BundleError::NotABundle { path: path.to_owned(), why: why.to_owned() };
        let mut source = Counted::new(source);
        let mut magic = Vec::new();
        source.by_ref().take(4).read_to_end(&mut magic).map_err(BundleError::io(path, "be read"))?;
        if magic.is_empty() {
            return Err(not_a_bundle("it is empty"));
        }
        if magic != MAGIC {
            return Err(not_a_bundle("it is not compressed with zstd"));
        }
        let source = BufReader::new(std::io::Cursor::new(magic).chain(source));
        let mut unfolded =
            zstd::Decoder::with_buffer(source).map_err(BundleError::io(path, "be decompressed"))?.single_frame();
        unfolded.window_log_max(WINDOW_LOG).map_err(BundleError::io(path, "be decompressed"))?;
        Ok(Self { path: path.to_owned(), unfolded, bytes: 0, at: "at its beginning".to_owned() })
    }

    /// Reads into all of this, unless it ends before.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        let mut filled = 0;
        while filled < into.len() {
            let read = match self.unfolded.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.cut_off()),
                Err(source) => {
                    return Err(BundleError::Compressed { path: self.path.clone(), at: self.at.clone(), source });
                }
            };
            filled += read;
            self.bytes += read as u64;
            let from = self.unfolded.get_ref().get_ref().get_ref().1.bytes;
            if is_bomb(self.bytes, from) {
                return Err(BundleError::Bomb { path: self.path.clone(), unfolded: self.bytes, from });
            }
        }
        Ok(filled)
    }

    fn cut_off(&self) -> BundleError {
        BundleError::CutOff { path: self.path.clone(), at: self.at.clone() }
    }

    fn wrong(&self, member: &str, why: &str) -> BundleError {
        BundleError::Member { path: self.path.clone(), member: member.to_owned(), why: why.to_owned() }
    }

    /// The next member's header; none at the end, after which nothing may follow.
    pub(super) fn next(&mut self) -> Result<Option<Header>, BundleError> {
        let mut block = [0; BLOCK];
        if self.fill(&mut block)? < BLOCK {
            return Err(self.cut_off());
        }
        if block == [0; BLOCK] {
            self.end()?;
            return Ok(None);
        }
        let read = tar::Header::from_byte_slice(&block);
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if read.cksum().ok() != Some(sum) {
            let why = format!("there is no header of a tar archive {}", self.at);
            return Err(BundleError::NotABundle { path: self.path.clone(), why });
        }
        let name = String::from_utf8_lossy(&read.path_bytes()).into_owned();
        let kind = read.entry_type();
        if !kind.is_file() {
            let is = match kind {
                tar::EntryType::Symlink => "is a symbolic link",
                tar::EntryType::Link => "is a hard link",
                tar::EntryType::Char | tar::EntryType::Block | tar::EntryType::Fifo => "is a device",
                tar::EntryType::Directory => "is a folder",
                _ => "is no regular file",
            };
            return Err(self.wrong(&name, is));
        }
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(self.wrong(&name, "leads out of it"));
        }
        let bytes = read.entry_size().map_err(|_not_a_size| self.wrong(&name, "has no size"))?;
        // Whatever else a header can say, such as another name or a time, is nothing that lab writes.
        if !header(&name, bytes).is_ok_and(|own| own.as_bytes() == &block) {
            return Err(self.wrong(&name, "has a header that lab does not write"));
        }
        self.at = format!("in {name}");
        Ok(Some(Header { name, bytes }))
    }

    /// Hands the content of the member that was begun to `take`, a piece at a time.
    pub(super) fn content(&mut self, bytes: u64, take: &mut dyn FnMut(&[u8])) -> Result<(), BundleError> {
        let mut piece = vec![0; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            if self.fill(&mut piece[..most])? < most {
                return Err(self.cut_off());
            }
            take(&piece[..most]);
            left -= most as u64;
        }
        let most = usize::try_from(padding(bytes)).unwrap_or_default();
        let mut rest = [0; BLOCK];
        if self.fill(&mut rest[..most])? < most {
            return Err(self.cut_off());
        }
        if rest != [0; BLOCK] {
            let at = self.at.trim_start_matches("in ").to_owned();
            return Err(self.wrong(&at, "is filled up with something"));
        }
        Ok(())
    }

    /// Half of the end is there. The other half follows, and nothing else.
    fn end(&mut self) -> Result<(), BundleError> {
        "at its end".clone_into(&mut self.at);
        let mut block = [0; BLOCK];
        if self.fill(&mut block)? < BLOCK {
            return Err(self.cut_off());
        }
        let goes_on = || BundleError::GoesOn { path: self.path.clone() };
        if block != [0; BLOCK] {
            return Err(goes_on());
        }
        if self.fill(&mut [0])? > 0 {
            return Err(BundleError::GoesOn { path: self.path.clone() });
        }
        let rest = self.unfolded.get_mut().read(&mut [0]).map_err(BundleError::io(&self.path, "be read"))?;
        if rest > 0 { Err(BundleError::GoesOn { path: self.path.clone() }) } else { Ok(()) }
    }
}
