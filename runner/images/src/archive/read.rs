//! Reads an archive once: notes the name, size and digest of each file, and passes its content on as it is read.

use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};

use super::ArchiveError;
use lab_manifest::Digest;
use lab_sealed::{Hashed, TarWriter};

/// The largest document in bytes. Documents are kept in memory (distribution-spec v1.0: registries accept manifests up to
/// 4 MiB).
const DOCUMENT: u64 = 4 << 20;
/// The largest size of all documents together, in bytes.
const DOCUMENTS: u64 = 64 << 20;
/// The most entries of an archive. An image has 127 layers at most, and Docker's layout has four entries for each.
const ENTRIES: usize = 4096;
/// The largest extended header in bytes; in these archives they carry times and owners.
const EXTENSION: u64 = 64 << 10;
/// Documents at the root of the archive. They are not passed on but written anew.
const ROOT: [&str; 4] = ["manifest.json", "index.json", "oci-layout", "repositories"];

/// The files of an archive, and the text of its documents.
#[derive(Debug, Default)]
pub(super) struct Content {
    files: BTreeMap<String, File>,
    /// The targets of symbolic links, as paths from the archive's root.
    links: BTreeMap<String, String>,
    documents: BTreeMap<String, Vec<u8>>,
    /// Bytes that were passed on.
    pub(super) bytes: u64,
}

/// A regular file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// Reads the archive. Regular files are passed on to `out`, except for the documents at the root and files that only very
/// old versions of Docker read.
pub(super) fn read(input: impl Read, out: &mut TarWriter<impl Write>) -> Result<Content, ArchiveError> {
    let mut content = Content::default();
    let mut archive = tar::Archive::new(input);
    let mut at = String::new();
    let broken = |at: &str| {
        let at = at.to_owned();
        move |source| ArchiveError::Read { at, source }
    };
    // Raw, so that the library does not apply headers that give the next entry another name or size; they are refused.
    for entry in archive.entries().map_err(broken(&at))?.raw(true) {
        let mut entry = entry.map_err(broken(&at))?;
        let kind = entry.header().entry_type();
        if kind.is_pax_local_extensions() || kind.is_pax_global_extensions() {
            extension(&mut entry, &at)?;
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |why| ArchiveError::Entry { path: path.clone(), why };
        let path = plain(&path).ok_or_else(|| refuse("whose path leads out of the archive"))?;
        if kind.is_dir() {
            continue;
        }
        if content.has(&path) || content.links.contains_key(&path) {
            return Err(refuse("which occurs twice"));
        }
        if content.files.len() + content.links.len() == ENTRIES {
            return Err(ArchiveError::Entries { most: ENTRIES });
        }
        if kind.is_symlink() {
            let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
            let target = target.and_then(|target| link_target(&path, &target));
            content.links.insert(path, target.ok_or_else(|| refuse("a symbolic link that leads out of the archive"))?);
            continue;
        }
        if !(kind.is_file() || kind.is_contiguous()) {
            return Err(refuse("which is neither a file, a folder nor a symbolic link"));
        }
        at.clone_from(&path);
        content.file(&path, &mut entry, out)?;
    }
    content.bytes = out.bytes();
    Ok(content)
}

impl Content {
    fn file(
        &mut self,
        path: &str,
        entry: &mut tar::Entry<'_, impl Read>,
        out: &mut TarWriter<impl Write>,
    ) -> Result<(), ArchiveError> {
        let size = entry.header().entry_size().map_err(|source| ArchiveError::Read { at: path.to_owned(), source })?;
        let passed_on = !ROOT.contains(&path) && !is_legacy(path);
        if passed_on {
            out.begin(path, size).map_err(ArchiveError::Write)?;
        }
        let kept: u64 = self.documents.values().map(|text| text.len() as u64).sum();
        let mut document = (size <= DOCUMENT && kept + size <= DOCUMENTS).then(Vec::new);
        let mut hash = Hashed::new(std::io::sink());
        let mut chunk = vec![0; 128 << 10];
        loop {
            let length = match entry.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(ArchiveError::Read { at: path.to_owned(), source }),
            };
            let read = &chunk[..length];
            hash.write_all(read).map_err(ArchiveError::Write)?;
            if passed_on {
                out.write_all(read).map_err(ArchiveError::Write)?;
            }
            // Every document of an image is a JSON object, or at the root a JSON list.
            document = document.filter(|text| !text.is_empty() || matches!(read[0], b'{' | b'[' | b' ' | b'\n'));
            if let Some(text) = &mut document {
                text.extend_from_slice(read);
            }
        }
        let (_sink, found, sha256) = hash.end();
        if found != size {
            return Err(ArchiveError::CutOff { path: path.to_owned(), expected: size, found });
        }
        if let Some(text) = document {
            self.documents.insert(path.to_owned(), text);
        }
        let digest = Digest::from_sha256(sha256);
        if let Some(named) = blob_digest(path).filter(|named| *named != digest) {
            return Err(ArchiveError::Damaged { path: path.to_owned(), expected: named, found: digest });
        }
        self.files.insert(path.to_owned(), File { size, digest });
        Ok(())
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Finds a file by its own name or by that of a symbolic link to it. Returns its own name too.
    pub(super) fn get(&self, path: &str, named_in: &str) -> Result<(&str, &File), ArchiveError> {
        let path = plain(path).unwrap_or_else(|| path.to_owned());
        let target = self.links.get(&path).unwrap_or(&path);
        let found = self.files.get_key_value(target).map(|(path, file)| (path.as_str(), file));
        found.ok_or(ArchiveError::Missing { path, named_in: named_in.to_owned() })
    }

    /// The text of a document.
    pub(super) fn text(&self, path: &str, named_in: &str) -> Result<&[u8], ArchiveError> {
        let (path, file) = self.get(path, named_in)?;
        self.documents.get(path).map(Vec::as_slice).ok_or_else(|| ArchiveError::Document {
            path: path.to_owned(),
            problem: format!("its {} bytes are not a JSON document of at most {DOCUMENT} bytes", file.size),
        })
    }

    /// A document, parsed.
    pub(super) fn document<T: DeserializeOwned>(&self, path: &str, named_in: &str) -> Result<T, ArchiveError> {
        let text = self.text(path, named_in)?;
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(text))
            .map_err(|error| ArchiveError::Document { path: path.to_owned(), problem: error.to_string() })
    }

    /// The number of files and the names of some, for an error message.
    pub(super) fn summary(&self) -> String {
        const SHOWN: usize = 3;
        if self.files.is_empty() {
            return "no file at all".to_owned();
        }
        let names: Vec<&str> = self.files.keys().take(SHOWN).map(String::as_str).collect();
        let more = if self.files.len() > SHOWN { ", …" } else { "" };
        format!("{} files: {}{more}", self.files.len(), names.join(", "))
    }
}

fn extension(entry: &mut tar::Entry<'_, impl Read>, at: &str) -> Result<(), ArchiveError> {
    let refuse = |why| ArchiveError::Entry { path: format!("(extended header after {at})"), why };
    let broken = |source| ArchiveError::Read { at: at.to_owned(), source };
    if entry.header().entry_size().map_err(broken)? > EXTENSION {
        return Err(refuse("which is larger than 64 KiB"));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(broken)?;
    for record in tar::PaxExtensions::new(&text) {
        let record = record.map_err(broken)?;
        let key = record.key_bytes();
        if matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse") {
            return Err(refuse("which gives the next entry another name or size"));
        }
    }
    Ok(())
}

/// The path without `./` and doubled slashes; none if it leads out of the archive or has characters that names do not
/// have.
fn plain(path: &str) -> Option<String> {
    let relative = !path.starts_with('/') && !path.contains(['\0', '\\', char::REPLACEMENT_CHARACTER]);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (relative && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// The target of a symbolic link as a path from the archive's root; none if it leads out of the archive.
fn link_target(link: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    plain(&parts.join("/"))
}

/// The digest that an OCI layout names a blob by (image-spec v1.0 `image-layout.md`: `blobs/<alg>/<encoded>`).
fn blob_digest(path: &str) -> Option<Digest> {
    let digits = path.strip_prefix("blobs/sha256/")?;
    Digest::try_from(format!("sha256:{digits}")).ok()
}

/// Whether it is one of the files that Docker's image specification v1.1 has beside each layer.
fn is_legacy(path: &str) -> bool {
    matches!(path.split_once('/'), Some((_layer, "json" | "VERSION")))
}
