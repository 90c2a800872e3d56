//! Opening a kit: all of it is checked before any of it is used.

use serde::Deserialize;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::section::{Exactly, Section};
use super::{INDEX_FILE, Index, KitError, Member, SCHEMA, Stored};
use crate::{CILIUM, HELLO_APP, NODE, OPERATOR};
use lab_manifest::Sha256;

/// More than a kit ever has.
const MEMBERS: usize = 64;
/// A thousand times what a `kit.json` has.
const INDEX_BYTES: u64 = 1 << 20;
/// The images that a lab needs.
const IMAGES: [&str; 4] = [NODE, CILIUM, OPERATOR, HELLO_APP];

/// A kit, whole and undamaged.
#[derive(Debug, Clone)]
pub struct Kit {
    path: PathBuf,
    file: Arc<File>,
    index: Index,
    places: BTreeMap<String, Place>,
}

/// Where a member is in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct OnlySchema {
    schema: u64,
}

impl Kit {
    /// Opens a kit and reads all of it once: gigabytes take seconds, in which this blocks.
    ///
    /// # Errors
    /// [`KitError`] for a file that is no kit, is cut off, damaged or incomplete, or holds what no kit holds.
    pub fn open(path: &Path) -> Result<Self, KitError> {
        let file = File::open(path).map_err(KitError::io(path, "be opened"))?;
        let about = file.metadata().map_err(KitError::io(path, "be looked at"))?;
        let not_a_kit = |why: &str| KitError::NotAKit { path: path.to_owned(), why: why.to_owned() };
        if !about.is_file() {
            return Err(not_a_kit("it is no file"));
        }
        let file = Arc::new(file);
        compressed(&file).map_or(Ok(()), |program| {
            Err(not_a_kit(&format!(
                "it is compressed as a whole; `{program}` it first, what is in a kit is compressed"
            )))
        })?;
        let places = places(path, &file, about.len())?;
        let index = index(path, &file, &places)?;
        let kit = Self { path: path.to_owned(), file, index, places };
        kit.check_members()?;
        kit.check_content()?;
        Ok(kit)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// What is named is there, once, and nothing else; and all that a lab needs is named.
    fn check_members(&self) -> Result<(), KitError> {
        let wrong =
            |member: &str, why: String| KitError::Member { path: self.path.clone(), member: member.to_owned(), why };
        let mut named: Vec<&str> = Vec::new();
        for member in self.index.members() {
            let Some(place) = self.places.get(&member.path) else {
                let missing = format!("{}, which {INDEX_FILE} names,", member.path);
                return Err(KitError::Incomplete { path: self.path.clone(), missing });
            };
            if place.bytes != member.bytes {
                let why = format!("has {} bytes, where {INDEX_FILE} says {}", place.bytes, member.bytes);
                return Err(wrong(&member.path, why));
            }
            if member.stored == Stored::Plain && member.content_bytes != member.bytes {
                return Err(wrong(&member.path, format!("has two sizes in {INDEX_FILE}")));
            }
            if named.contains(&member.path.as_str()) {
                return Err(wrong(&member.path, format!("is named twice in {INDEX_FILE}")));
            }
            named.push(&member.path);
        }
        if let Some(extra) = self.places.keys().find(|name| *name != INDEX_FILE && !named.contains(&name.as_str())) {
            return Err(wrong(extra, format!("is not named in {INDEX_FILE}")));
        }
        for name in IMAGES {
            match self.index.images.iter().filter(|image| image.name == name).count() {
                1 => {}
                0 => {
                    let missing = format!("image {name}");
                    return Err(KitError::Incomplete { path: self.path.clone(), missing });
                }
                _ => return Err(wrong(name, "is there more than once".to_owned())),
            }
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), KitError> {
        for member in self.index.members() {
            let mut hash = sha2::Sha256::new();
            io::copy(&mut self.section(member), &mut io::BufWriter::with_capacity(1 << 20, Hasher(&mut hash)))
                .map_err(KitError::io(&self.path, "be read"))?;
            let found = Sha256::from_sha256(hash.finalize().into());
            if found != member.sha256 {
                let (path, name) = (self.path.clone(), member.path.clone());
                return Err(KitError::Damaged { path, member: name, expected: member.sha256.clone(), found });
            }
        }
        Ok(())
    }

    fn section(&self, member: &Member) -> Section {
        let place = self.places.get(&member.path).copied().unwrap_or(Place { at: 0, bytes: 0 });
        Section::new(Arc::clone(&self.file), place.at, place.bytes)
    }

    /// What a member holds, decompressed where it is stored compressed.
    ///
    /// # Errors
    /// When it is not compressed as it should be.
    pub fn content(&self, member: &Member) -> Result<Box<dyn Read + Send>, KitError> {
        let section = self.section(member);
        Ok(match member.stored {
            Stored::Plain => Box::new(section),
            Stored::Zstd => {
                let decoder = zstd::Decoder::new(section).map_err(KitError::io(&self.path, "be decompressed"))?;
                Box::new(Exactly::new(decoder, member.content_bytes))
            }
        })
    }

    /// The chart's archive.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn chart(&self) -> Result<Vec<u8>, KitError> {
        let mut bytes = Vec::new();
        let mut content = self.content(&self.index.chart.file)?;
        content.read_to_end(&mut bytes).map_err(KitError::io(&self.path, "be read"))?;
        Ok(bytes)
    }
}

/// Hashes what is written to it.
struct Hasher<'a>(&'a mut sha2::Sha256);

impl io::Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The program that decompresses it, where it is compressed as a whole.
fn compressed(file: &Arc<File>) -> Option<&'static str> {
    let mut magic = [0; 4];
    Section::new(Arc::clone(file), 0, 4).read_exact(&mut magic).ok()?;
    match magic {
        // RFC 8878, section 3.1.1; RFC 1952, section 2.3.1.
        [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd -d"),
        [0x1f, 0x8b, ..] => Some("gzip -d"),
        _ => None,
    }
}

/// Where each member is; nothing is read but headers.
fn places(path: &Path, file: &Arc<File>, length: u64) -> Result<BTreeMap<String, Place>, KitError> {
    let mut places = BTreeMap::<String, Place>::new();
    let mut last = String::new();
    let not_a_kit = |error: io::Error| KitError::NotAKit { path: path.to_owned(), why: error.to_string() };
    let mut archive = tar::Archive::new(file.as_ref());
    // Raw: a kit has no headers that give the next member another name or size.
    for entry in archive.entries_with_seek().map_err(not_a_kit)?.raw(true) {
        let entry = entry.map_err(not_a_kit)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let wrong = |why: &str| KitError::Member { path: path.to_owned(), member: name.clone(), why: why.to_owned() };
        if !entry.header().entry_type().is_file() {
            return Err(wrong("is no regular file"));
        }
        if !fits(&name) {
            return Err(wrong("has a name that no kit has"));
        }
        if places.contains_key(&name) {
            return Err(wrong("is there twice"));
        }
        if last == INDEX_FILE {
            return Err(wrong("comes after kit.json"));
        }
        if places.len() == MEMBERS {
            return Err(wrong("is one too many"));
        }
        let (at, bytes) = (entry.raw_file_position(), entry.header().entry_size().map_err(not_a_kit)?);
        let there = length.saturating_sub(at);
        if bytes > there {
            return Err(KitError::CutOff { path: path.to_owned(), member: name, expected: bytes, there });
        }
        last.clone_from(&name);
        places.insert(name, Place { at, bytes });
    }
    if places.is_empty() {
        return Err(KitError::NotAKit { path: path.to_owned(), why: "there is nothing in it".to_owned() });
    }
    if last != INDEX_FILE {
        return Err(KitError::NoIndex { path: path.to_owned(), last });
    }
    Ok(places)
}

/// `kit.json`, or a file in `images/` or `chart/`.
fn fits(name: &str) -> bool {
    let plain = |part: &str| {
        !part.starts_with('.')
            && !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    match name.split_once('/') {
        None => name == INDEX_FILE,
        Some((folder, file)) => matches!(folder, "images" | "chart") && plain(file),
    }
}

fn index(path: &Path, file: &Arc<File>, places: &BTreeMap<String, Place>) -> Result<Index, KitError> {
    let place = places[INDEX_FILE];
    let unusable = |problem: String| KitError::Index { path: path.to_owned(), problem };
    if place.bytes > INDEX_BYTES {
        return Err(unusable(format!("{} bytes, {INDEX_BYTES} at most", place.bytes)));
    }
    let mut text = Vec::new();
    Section::new(Arc::clone(file), place.at, place.bytes)
        .read_to_end(&mut text)
        .map_err(KitError::io(path, "be read"))?;
    // What another version writes need not look like this one's.
    let OnlySchema { schema } = serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    if schema != SCHEMA {
        return Err(KitError::Schema { path: path.to_owned(), found: schema });
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text))
        .map_err(|error| unusable(error.to_string()))
}
