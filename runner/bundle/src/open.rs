//! Opening a bundle: all of it is held against its index and against itself before any of it is believed.

use serde::Deserialize;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::archive::{Archive, Header};
use super::index::{INDEX_FILE, Index, SCHEMA};
use super::limits::{INDEX_BYTES, VALUES, is_crowded};
use super::part::{InCase, Part};
use super::{BundleError, whole};
use lab_evidence::{CaseFile, CaseState, Evidence, RunFile};
use lab_manifest::Sha256;
use lab_model::report::Report;
use lab_report::from_json;

/// What a bundle holds; its evidence was handed on as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Its index.
    pub index: Index,
    /// What the run was made from.
    pub run: RunFile,
    /// The run's report; none where the run was not over.
    pub report: Option<Report>,
    /// The cases that were begun, by the names of their folders.
    pub cases: BTreeMap<String, CaseFile>,
}

/// Opens the bundle in a file: [`read`].
///
/// # Errors
/// [`BundleError`], also for what is no file.
pub fn open(path: &Path, judge: &mut dyn FnMut(&RunFile, &Evidence)) -> Result<Opened, BundleError> {
    let file = File::open(path).map_err(BundleError::io(path, "be opened"))?;
    if !file.metadata().map_err(BundleError::io(path, "be looked at"))?.is_file() {
        return Err(BundleError::NotABundle { path: path.to_owned(), why: "it is no file".to_owned() });
    }
    read(file, path, judge)
}

/// Reads a bundle once, from its beginning to its end, and writes nothing anywhere. `judge` is given the evidence of
/// each case that has a verdict, one at a time; what it made of that counts only if this returns without an error.
/// `path` is what errors name.
///
/// # Errors
/// [`BundleError`] for what is no bundle, is cut off, damaged, incomplete or contradicts itself, or holds what no
/// bundle holds.
pub fn read(source: impl Read, path: &Path, judge: &mut dyn FnMut(&RunFile, &Evidence)) -> Result<Opened, BundleError> {
    let mut archive = Archive::begin(source, path)?;
    let index = read_index(&mut archive, path)?;
    let wrong = |(member, why)| BundleError::Member { path: path.to_owned(), member, why };
    let parts = index.parts().map_err(wrong)?;
    if let Some(missing) = index.missing(&parts) {
        return Err(BundleError::Incomplete { path: path.to_owned(), missing });
    }
    let mut reading = Reading { path, run: None, report: None, cases: BTreeMap::new(), captures: BTreeMap::new() };
    for (member, part) in index.members.iter().zip(&parts) {
        let Some(header) = archive.next()? else {
            let missing = format!("{}, which {INDEX_FILE} names,", member.path);
            return Err(BundleError::Incomplete { path: path.to_owned(), missing });
        };
        expect(&header, &member.path, member.bytes, &index).map_err(wrong)?;
        let (mut hash, mut text) = (sha2::Sha256::new(), Vec::new());
        archive.content(member.bytes, &mut |piece| {
            hash.update(piece);
            if part.is_read() {
                text.extend_from_slice(piece);
            }
        })?;
        let found = Sha256::from_sha256(hash.finalize().into());
        if found != member.sha256 {
            let (member, expected) = (member.path.clone(), member.sha256.clone());
            return Err(BundleError::Damaged { path: path.to_owned(), member, expected, found });
        }
        reading.part(part, text, judge)?;
    }
    if let Some(more) = archive.next()? {
        return Err(wrong((more.name, format!("is not named in {INDEX_FILE}"))));
    }
    let Reading { run, report, cases, captures, .. } = reading;
    let Some(run) = run else {
        return Err(BundleError::Incomplete { path: path.to_owned(), missing: Part::Run.to_string() });
    };
    let opened = Opened { index, run, report, cases };
    match whole::contradiction(&opened, &captures) {
        Some(what) => Err(BundleError::Contradiction { path: path.to_owned(), what }),
        None => Ok(opened),
    }
}

fn read_index<R: Read>(archive: &mut Archive<'_, R>, path: &Path) -> Result<Index, BundleError> {
    #[derive(Deserialize)]
    struct OnlySchema {
        schema: u64,
    }
    let unusable = |problem: String| BundleError::Index { path: path.to_owned(), problem };
    let not_a_bundle = |why: String| BundleError::NotABundle { path: path.to_owned(), why };
    let Some(first) = archive.next()? else { return Err(not_a_bundle("there is nothing in it".to_owned())) };
    if first.name != INDEX_FILE {
        return Err(not_a_bundle(format!("it begins with {:?}, not with {INDEX_FILE}", first.name)));
    }
    if first.bytes > INDEX_BYTES {
        return Err(unusable(format!("{} bytes, {INDEX_BYTES} at most", first.bytes)));
    }
    let mut text = Vec::new();
    archive.content(first.bytes, &mut |piece| text.extend_from_slice(piece))?;
    // What another version writes need not look like this one's.
    let OnlySchema { schema } = serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    if schema != u64::from(SCHEMA) {
        return Err(BundleError::Schema { path: path.to_owned(), found: schema });
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text))
        .map_err(|error| unusable(error.to_string()))
}

/// The member that the index has next is the one that is there.
fn expect(header: &Header, path: &str, bytes: u64, index: &Index) -> Result<(), (String, String)> {
    let wrong = |why: String| Err((header.name.clone(), why));
    if header.name != path {
        return match index.members.iter().position(|member| member.path == header.name) {
            None => wrong(format!("is not named in {INDEX_FILE}")),
            Some(own) if index.members.iter().position(|member| member.path == path).is_some_and(|now| own < now) => {
                wrong("is there twice".to_owned())
            }
            Some(_) => wrong(format!("is there where {path} should be")),
        };
    }
    if header.bytes != bytes {
        return wrong(format!("has {} bytes, where {INDEX_FILE} says {bytes}", header.bytes));
    }
    Ok(())
}

/// What was read so far.
struct Reading<'a> {
    path: &'a Path,
    run: Option<RunFile>,
    report: Option<Report>,
    cases: BTreeMap<String, CaseFile>,
    captures: BTreeMap<String, Vec<String>>,
}

impl Reading<'_> {
    fn part(
        &mut self,
        part: &Part,
        text: Vec<u8>,
        judge: &mut dyn FnMut(&RunFile, &Evidence),
    ) -> Result<(), BundleError> {
        let name = part.to_string();
        let name = Path::new(&name);
        let evidence = |source| BundleError::Evidence { path: self.path.to_owned(), source };
        let text = String::from_utf8(text).map_err(|error| {
            let what = format!("{} is no text: {}", name.display(), error.utf8_error());
            BundleError::Contradiction { path: self.path.to_owned(), what }
        })?;
        if is_crowded(&text) {
            let why = format!("has more than {VALUES} values");
            return Err(BundleError::Member { path: self.path.to_owned(), member: name.display().to_string(), why });
        }
        match part {
            Part::Run => {
                let run = RunFile::parse(&text, name).map_err(evidence)?;
                // Before any judge works with it.
                if let Some(what) = whole::numbers(&run.expectations) {
                    return Err(BundleError::Contradiction { path: self.path.to_owned(), what });
                }
                self.run = Some(run);
            }
            Part::Report => {
                let report =
                    from_json(&text).map_err(|source| BundleError::Report { path: self.path.to_owned(), source })?;
                self.report = Some(report);
            }
            Part::Case { folder, file: InCase::Verdict } => {
                let case = CaseFile::parse(&text, name).map_err(evidence)?;
                self.cases.insert(folder.clone(), case);
            }
            Part::Case { folder, file: InCase::Evidence } => {
                let (Some(run), Some(case)) = (&self.run, self.cases.get(folder)) else { return Ok(()) };
                // What was being written when the run was killed may end anywhere.
                if case.state == CaseState::Ended {
                    let seen = Evidence::parse(case.clone(), &text, name).map_err(evidence)?;
                    self.captures.entry(folder.clone()).or_default().push(name.display().to_string());
                    if let Some(why) = whole::lacks_evidence(&seen) {
                        let what = format!("{}: {why}", name.display());
                        return Err(BundleError::Contradiction { path: self.path.to_owned(), what });
                    }
                    judge(run, &seen);
                }
            }
            Part::Case { folder, file: InCase::Capture(_) } => {
                self.captures.entry(folder.clone()).or_default().push(name.display().to_string());
            }
            Part::Junit | Part::Page | Part::Markdown | Part::Beside | Part::Artefact(_) => {}
        }
        Ok(())
    }
}
