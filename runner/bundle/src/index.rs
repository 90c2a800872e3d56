//! `bundle.json`: what a bundle holds, by hash.

use serde::{Deserialize, Serialize};

use super::limits::{CAPTURE_BYTES, INDEX_BYTES, MEMBERS, TEXT_BYTES, TOTAL_BYTES};
use super::part::{InCase, Part};
use lab_manifest::Sha256;
use lab_sealed::Kind;

/// Version of the format.
pub const SCHEMA: u32 = 1;
/// The first member of a bundle.
pub const INDEX_FILE: &str = "bundle.json";
/// A bundle as a sealed file.
pub(super) static BUNDLE: Kind = Kind {
    name: "bundle",
    index: INDEX_FILE,
    index_last: false,
    own_headers: true,
    schema: SCHEMA as u64,
    index_bytes: INDEX_BYTES,
    command: "lab bundle",
    again: "bundle it again",
};

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, as in the run's folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Of those bytes.
    pub sha256: Sha256,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What wrote the bundle: `lab 0.1.0`.
    pub packed_by: String,
    /// The run's id.
    pub run: String,
    /// Version of the program that made the run, and judged it first.
    pub version: String,
    /// Whether the run was over. Else it was killed, or went on while it was bundled.
    pub whole: bool,
    /// In the order in which they follow.
    pub members: Vec<Member>,
}

/// What no index says: of which member, and what.
pub(super) type Wrong = (String, String);

impl Index {
    /// The members by what they are.
    ///
    /// # Errors
    /// For members that no bundle has, or not in that order, or not of that size.
    pub(super) fn parts(&self) -> Result<Vec<Part>, Wrong> {
        let wrong = |member: &Member, why: &str| (member.path.clone(), why.to_owned());
        let mut parts: Vec<Part> = Vec::new();
        let mut total = 0_u64;
        for member in &self.members {
            let part = Part::parse(&member.path).ok_or_else(|| wrong(member, "has a name that no bundle has"))?;
            match parts.last() {
                _ if parts.len() == MEMBERS => return Err(wrong(member, "is one too many")),
                Some(last) if *last == part => return Err(wrong(member, "is named twice in bundle.json")),
                Some(last) if *last > part => return Err(wrong(member, "is not in its place in bundle.json")),
                _ => {}
            }
            let most = if part.is_text() { TEXT_BYTES } else { CAPTURE_BYTES };
            if member.bytes > most {
                return Err(wrong(member, &format!("would have {} bytes, {most} at most", member.bytes)));
            }
            total += member.bytes;
            if total > TOTAL_BYTES {
                return Err(wrong(member, &format!("would make it more than {TOTAL_BYTES} bytes in all")));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// What must be there and is not.
    pub(super) fn missing(&self, parts: &[Part]) -> Option<String> {
        let has = |part: &Part| parts.binary_search(part).is_ok();
        if !has(&Part::Run) {
            return Some(Part::Run.to_string());
        }
        if self.whole && !has(&Part::Report) {
            return Some(Part::Report.to_string());
        }
        // Whatever is of a case needs that case's verdict.
        parts.iter().find_map(|part| match part {
            Part::Case { folder, .. } => {
                let verdict = Part::Case { folder: folder.clone(), file: InCase::Verdict };
                (!has(&verdict)).then(|| verdict.to_string())
            }
            _ => None,
        })
    }
}
