//! Opens a kit: the whole file is checked before any of it is used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::section::{Exactly, Section};
use super::{INDEX_FILE, Index, KIT, KitError, Member, Stored};
use crate::{CILIUM, HELLO_APP, NODE, OPERATOR};
use lab_sealed::{Members, SealedError};

/// The most members that are accepted; a kit has five and its index.
const MEMBERS: usize = 64;
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

/// Where a member's content is in the file, and its hash.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    bytes: u64,
    sha256: [u8; 32],
}

impl Kit {
    /// Opens a kit and reads all of it once: gigabytes take seconds, in which this blocks.
    ///
    /// # Errors
    /// [`KitError`] for a file that is not a kit, is cut off, damaged or incomplete, or has members that a kit cannot have.
    pub fn open(path: &Path) -> Result<Self, KitError> {
        let file = File::open(path).map_err(KIT.io(path, "be opened"))?;
        if !file.metadata().map_err(KIT.io(path, "be looked at"))?.is_file() {
            return Err(KIT.not_one(path, "it is not a regular file").into());
        }
        let file = Arc::new(file);
        if let Some(program) = compressed(&file) {
            let why = format!(
                "it is compressed as a whole; decompress it with `{program}` first: the images in a kit are compressed already"
            );
            return Err(KIT.not_one(path, &why).into());
        }
        let (places, index) = read(path, &file)?;
        check(path, &places, &index)?;
        Ok(Self { path: path.to_owned(), file, index, places })
    }

    /// The path of the kit.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its index.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// The content of a member, decompressed if it is stored compressed.
    ///
    /// # Errors
    /// When decompression cannot be set up.
    pub fn content(&self, member: &Member) -> Result<Box<dyn Read + Send>, KitError> {
        let (at, bytes) = self.places.get(&member.path).map_or((0, 0), |place| (place.at, place.bytes));
        let section = Section::new(Arc::clone(&self.file), at, bytes);
        Ok(match member.stored {
            Stored::Plain => Box::new(section),
            Stored::Zstd => {
                let decoder = zstd::Decoder::new(section).map_err(KIT.io(&self.path, "be decompressed"))?;
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
        content.read_to_end(&mut bytes).map_err(KIT.io(&self.path, "be read"))?;
        Ok(bytes)
    }
}

/// The command that decompresses the file, if the file is compressed as a whole.
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

/// Reads the places of all members, and the index.
fn read(path: &Path, file: &Arc<File>) -> Result<(BTreeMap<String, Place>, Index), SealedError> {
    let mut places = BTreeMap::<String, Place>::new();
    let mut index = None;
    let mut last = None;
    let mut members = Members::begin(BufReader::with_capacity(1 << 20, file.as_ref()), path, &KIT);
    while let Some(header) = members.next_header()? {
        let wrong = |why: &str| Err(KIT.wrong(path, &header.name, why));
        if !fits(&header.name) {
            return wrong("has a name that is not used in kits");
        }
        if places.contains_key(&header.name) {
            return wrong("occurs twice");
        }
        if index.is_some() {
            return wrong("comes after kit.json");
        }
        if places.len() == MEMBERS {
            return wrong("is one member more than a kit can have");
        }
        if header.name == INDEX_FILE {
            index = Some(members.index::<Index>(&header)?);
            continue;
        }
        let at = members.position();
        let sha256 = members.content(&header, &mut |_piece| {})?;
        last = Some(header.name.clone());
        places.insert(header.name, Place { at, bytes: header.bytes, sha256 });
    }
    match (index, last) {
        (Some(index), _) => Ok((places, index)),
        (None, None) => Err(KIT.not_one(path, "it has no members")),
        (None, Some(last)) => {
            let at = format!(": {INDEX_FILE}, which is written last, is missing after {last}");
            Err(KIT.cut_off(path, &at))
        }
    }
}

/// Whether a kit may have a member of this name: `kit.json`, or a file in `images/` or `chart/`.
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

/// Checks that every file that the index names is there, once and undamaged, that there are no others, and that the
/// index names all images that a lab needs.
fn check(path: &Path, places: &BTreeMap<String, Place>, index: &Index) -> Result<(), SealedError> {
    let mut named: Vec<&str> = Vec::new();
    for member in index.members() {
        let wrong = |why: &str| Err(KIT.wrong(path, &member.path, why));
        let Some(place) = places.get(&member.path) else { return Err(KIT.lacks(path, &member.path)) };
        if place.bytes != member.bytes {
            return wrong(&format!("has {} bytes, where {INDEX_FILE} says {}", place.bytes, member.bytes));
        }
        if member.stored == Stored::Plain && member.content_bytes != member.bytes {
            return wrong(&format!("has two sizes in {INDEX_FILE}"));
        }
        if named.contains(&member.path.as_str()) {
            return wrong(&format!("is named twice in {INDEX_FILE}"));
        }
        named.push(&member.path);
        KIT.check(path, &member.path, member.sha256.as_str(), place.sha256)?;
    }
    if let Some(extra) = places.keys().find(|name| !named.contains(&name.as_str())) {
        return Err(KIT.wrong(path, extra, &format!("is not named in {INDEX_FILE}")));
    }
    for name in IMAGES {
        match index.images.iter().filter(|image| image.name == name).count() {
            1 => {}
            0 => return Err(KIT.incomplete(path, &format!("image {name}"))),
            _ => return Err(KIT.wrong(path, name, "occurs more than once")),
        }
    }
    Ok(())
}
