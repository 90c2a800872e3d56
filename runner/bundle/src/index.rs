//! `bundle.json`: the index of a bundle, with the hash of each file in it.

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
    /// The SHA-256 of its content.
    pub sha256: Sha256,
}

/// The whole index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program that wrote the bundle: `lab 0.1.0`.
    pub packed_by: String,
    /// The run's id.
    pub run: String,
    /// Version of the program that made and judged the run.
    pub version: String,
    /// Whether the run was over. If not, it was killed, or still went on while it was bundled.
    pub whole: bool,
    /// The members, in the order of the archive.
    pub members: Vec<Member>,
}

/// An error in an index: the member, and what is wrong with it.
pub(super) type Wrong = (String, String);

impl Index {
    /// Parses the names of all members.
    ///
    /// # Errors
    /// For the first member whose name, position or size a bundle cannot have.
    pub(super) fn parts(&self) -> Result<Vec<Part>, Wrong> {
        let wrong = |member: &Member, why: &str| (member.path.clone(), why.to_owned());
        let mut parts: Vec<Part> = Vec::new();
        let mut total = 0_u64;
        for member in &self.members {
            let part =
                Part::parse(&member.path).ok_or_else(|| wrong(member, "has a name that is not used in bundles"))?;
            match parts.last() {
                _ if parts.len() == MEMBERS => return Err(wrong(member, "is one member more than a bundle can have")),
                Some(last) if *last == part => return Err(wrong(member, "is named twice in bundle.json")),
                Some(last) if *last > part => return Err(wrong(member, "is in the wrong place in bundle.json")),
                _ => {}
            }
            let most = if part.is_text() { TEXT_BYTES } else { CAPTURE_BYTES };
            if member.bytes > most {
                return Err(wrong(
                    member,
                    &format!("is announced with {} bytes, and at most {most} are accepted", member.bytes),
                ));
            }
            total += member.bytes;
            if total > TOTAL_BYTES {
                return Err(wrong(member, &format!("would bring all members to more than {TOTAL_BYTES} bytes")));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// The first required member that is missing.
    pub(super) fn missing(&self, parts: &[Part]) -> Option<String> {
        let has = |part: &Part| parts.binary_search(part).is_ok();
        if !has(&Part::Run) {
            return Some(Part::Run.to_string());
        }
        if self.whole && !has(&Part::Report) {
            return Some(Part::Report.to_string());
        }
        // Every file of a case requires the case's case.json.
        parts.iter().find_map(|part| match part {
            Part::Case { folder, .. } => {
                let verdict = Part::Case { folder: folder.clone(), file: InCase::Verdict };
                (!has(&verdict)).then(|| verdict.to_string())
            }
            _ => None,
        })
    }
}
