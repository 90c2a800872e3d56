//! `evidence.jsonl`: one observation a line.

use chrono::{DateTime, Utc};
use lab_base::{redact, sha256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::fs;
use std::path::Path;

use super::{CaseFile, EvidenceError, SCHEMA, is_known};
use lab_model::observe::Place;

/// Where something was seen, by what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// What saw it: `probe view`, `docker inspect`.
    pub source: &'a str,
    /// In which network namespace; none for objects that are not in one, such as containers.
    pub place: Option<&'a Place>,
}

/// A line of the file. The data are kept as raw bytes, because the hash is of exactly those bytes.
#[derive(Serialize, Deserialize)]
struct Line {
    schema: u32,
    at: DateTime<Utc>,
    source: String,
    place: Option<Place>,
    sha256: String,
    data: Box<RawValue>,
}

/// An observation that was read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When.
    pub at: DateTime<Utc>,
    /// What saw it.
    pub source: String,
    /// In which network namespace.
    pub place: Option<Place>,
    /// SHA-256 of the data's bytes, in hexadecimal.
    pub sha256: String,
    /// What was seen.
    pub data: Value,
}

/// All observations of a case, read back, with their hashes verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The observations, in the order in which they were made.
    pub records: Vec<Record>,
    /// The content of `case.json`.
    pub case: CaseFile,
}

impl Evidence {
    /// What was judged: the first record. What follows is the article's own commands, or what it was read from.
    pub fn judged(&self) -> Option<&Record> {
        self.records.first()
    }

    /// Reads `evidence.jsonl` and `case.json` in a case's folder. Every record is compared with the hash beside it, and
    /// the file of a case that has ended with the hash in `case.json`.
    ///
    /// # Errors
    /// [`EvidenceError`], naming the file, and the line where one is to blame.
    pub fn read(folder: &Path) -> Result<Self, EvidenceError> {
        let case = CaseFile::read(folder)?;
        let path = folder.join("evidence.jsonl");
        let text = fs::read_to_string(&path).map_err(EvidenceError::io(&path, "read"))?;
        Self::parse(case, &text, &path)
    }

    /// Reads the text of an `evidence.jsonl`; `path` is what errors name.
    ///
    /// # Errors
    /// [`EvidenceError`], naming the line where one is to blame.
    pub fn parse(case: CaseFile, text: &str, path: &Path) -> Result<Self, EvidenceError> {
        let mut records = Vec::new();
        for (index, line) in text.lines().enumerate() {
            records.push(parse(line, path, index + 1)?);
        }
        let found = sha256(text.as_bytes());
        match &case.evidence_sha256 {
            Some(recorded) if *recorded != found => {
                Err(EvidenceError::AlteredFile { path: path.to_owned(), recorded: recorded.clone(), found })
            }
            _ => Ok(Self { records, case }),
        }
    }
}

/// The line for an observation, with its line feed, and the observation in it, which has no secrets any more.
pub(super) fn line<T: Serialize>(seen: &Seen<'_>, data: &T, path: &Path) -> Result<(String, Value), EvidenceError> {
    let not_json = |source| EvidenceError::NotJson { path: path.to_owned(), source };
    // Converted to a `Value` first: its keys are sorted, so equal data have equal bytes.
    let mut written = serde_json::to_value(data).map_err(not_json)?;
    redact::in_json(&mut written);
    let data = to_raw_value(&written).map_err(not_json)?;
    let line = Line {
        schema: SCHEMA,
        at: seen.at,
        source: redact::redact(seen.source),
        place: seen.place.cloned(),
        sha256: sha256(data.get().as_bytes()),
        data,
    };
    let mut text = serde_json::to_string(&line).map_err(not_json)?;
    text.push('\n');
    Ok((text, written))
}

fn parse(text: &str, path: &Path, line: usize) -> Result<Record, EvidenceError> {
    let shape = |source| EvidenceError::Shape { path: path.to_owned(), line, source };
    let read: Line = serde_json::from_str(text).map_err(shape)?;
    if !is_known(read.schema) {
        return Err(EvidenceError::Schema { path: path.to_owned(), line, found: read.schema });
    }
    let found = sha256(read.data.get().as_bytes());
    if found != read.sha256 {
        return Err(EvidenceError::Altered { path: path.to_owned(), line, recorded: read.sha256, found });
    }
    let data = serde_json::from_str(read.data.get()).map_err(shape)?;
    Ok(Record { at: read.at, source: read.source, place: read.place, sha256: read.sha256, data })
}
