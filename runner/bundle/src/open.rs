//! Opens a bundle: every member is compared with the index and with the other members before the result is returned.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::index::{BUNDLE, INDEX_FILE, Index, Member};
use super::limits::{VALUES, is_crowded};
use super::part::{InCase, Part};
use super::{BundleError, whole};
use lab_evidence::{CaseFile, CaseState, Evidence, RunFile, hashes_captures};
use lab_model::report::Report;
use lab_report::from_json;
use lab_sealed::{Header, Members, SealedError, Unfolded};

/// The content of a bundle, except for its evidence, which was passed to the judge while it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Its index.
    pub index: Index,
    /// The run's `run.json`.
    pub run: RunFile,
    /// The run's report; none if the run was not over.
    pub report: Option<Report>,
    /// The cases that were begun, by the names of their folders.
    pub cases: BTreeMap<String, CaseFile>,
}

/// Opens the bundle in a file: [`read`].
///
/// # Errors
/// [`BundleError`], also when the path is not a regular file.
pub fn open(path: &Path, judge: &mut dyn FnMut(&RunFile, &Evidence)) -> Result<Opened, BundleError> {
    let file = File::open(path).map_err(BundleError::io(path, "be opened"))?;
    if !file.metadata().map_err(BundleError::io(path, "be looked at"))?.is_file() {
        return Err(BUNDLE.not_one(path, "it is not a regular file").into());
    }
    read(file, path, judge)
}

/// Reads a bundle once, from its beginning to its end; nothing is written. `judge` is called with the evidence of each case
/// that has a verdict, one at a time. The caller must drop what it made of that if this returns an error. `path` is what
/// errors name.
///
/// # Errors
/// [`BundleError`] for a file that is not a bundle, is cut off, damaged, incomplete or contradicts itself, or has members
/// that a bundle cannot have.
pub fn read(source: impl Read, path: &Path, judge: &mut dyn FnMut(&RunFile, &Evidence)) -> Result<Opened, BundleError> {
    let mut members = Members::begin(Unfolded::begin(source, path, &BUNDLE)?, path, &BUNDLE);
    let index = read_index(&mut members, path)?;
    let parts = index.parts().map_err(|(member, why)| BUNDLE.wrong(path, &member, &why))?;
    if let Some(missing) = index.missing(&parts) {
        return Err(BUNDLE.incomplete(path, &missing).into());
    }
    let mut reading = Reading { path, run: None, report: None, cases: BTreeMap::new(), files: BTreeMap::new() };
    for (member, part) in index.members.iter().zip(&parts) {
        let Some(header) = members.next_header()? else { return Err(BUNDLE.lacks(path, &member.path).into()) };
        expect(&header, &member.path, member.bytes, &index).map_err(|why| BUNDLE.wrong(path, &header.name, &why))?;
        let mut text = Vec::new();
        let found = members.content(&header, &mut |piece| {
            if part.is_read() {
                text.extend_from_slice(piece);
            }
        })?;
        BUNDLE.check(path, &member.path, member.sha256.as_str(), found)?;
        reading.part(part, member, text, judge)?;
    }
    if let Some(more) = members.next_header()? {
        return Err(BUNDLE.wrong(path, &more.name, &format!("is not named in {INDEX_FILE}")).into());
    }
    let Reading { run, report, cases, files, .. } = reading;
    let Some(run) = run else { return Err(BUNDLE.incomplete(path, &Part::Run.to_string()).into()) };
    let opened = Opened { index, run, report, cases };
    match whole::contradiction(&opened, &files) {
        Some(what) => Err(BundleError::Contradiction { path: path.to_owned(), what }),
        None => Ok(opened),
    }
}

fn read_index<R: Read>(members: &mut Members<'_, R>, path: &Path) -> Result<Index, SealedError> {
    let Some(first) = members.next_header()? else { return Err(BUNDLE.not_one(path, "it has no members")) };
    if first.name != INDEX_FILE {
        return Err(BUNDLE.not_one(path, &format!("it begins with {:?}, not with {INDEX_FILE}", first.name)));
    }
    members.index(&first)
}

/// Checks that the next member in the archive is the next one in the index; otherwise says what is wrong with it.
fn expect(header: &Header, path: &str, bytes: u64, index: &Index) -> Result<(), String> {
    if header.name == path && header.bytes == bytes {
        return Ok(());
    }
    if header.name == path {
        return Err(format!("has {} bytes, where {INDEX_FILE} says {bytes}", header.bytes));
    }
    let place = |path: &str| index.members.iter().position(|member| member.path == path);
    Err(match place(&header.name) {
        None => format!("is not named in {INDEX_FILE}"),
        Some(own) if place(path).is_some_and(|now| own < now) => "occurs twice".to_owned(),
        Some(_) => format!("is in the place of {path}"),
    })
}

/// What was read so far.
struct Reading<'a> {
    path: &'a Path,
    run: Option<RunFile>,
    report: Option<Report>,
    cases: BTreeMap<String, CaseFile>,
    files: whole::Files,
}

impl Reading<'_> {
    fn part(
        &mut self,
        part: &Part,
        member: &Member,
        text: Vec<u8>,
        judge: &mut dyn FnMut(&RunFile, &Evidence),
    ) -> Result<(), BundleError> {
        let name = part.to_string();
        let name = Path::new(&name);
        let evidence = |source| BundleError::Evidence { path: self.path.to_owned(), source };
        let text = String::from_utf8(text).map_err(|error| {
            let what = format!("{} is not text: {}", name.display(), error.utf8_error());
            BundleError::Contradiction { path: self.path.to_owned(), what }
        })?;
        if is_crowded(&text) {
            let why = format!("has more than {VALUES} values");
            return Err(BUNDLE.wrong(self.path, &name.display().to_string(), &why).into());
        }
        match part {
            Part::Run => {
                let run = RunFile::parse(&text, name).map_err(evidence)?;
                // Checked before any judge uses it.
                if let Some(what) = whole::too_many_nodes(&run.expectations) {
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
                // The evidence of a case that had not ended when the run was killed may end anywhere; it is not parsed.
                if case.state == CaseState::Ended {
                    let seen = Evidence::parse(case.clone(), &text, name).map_err(evidence)?;
                    if let Some(why) = whole::lacks_evidence(&seen) {
                        let what = format!("{}: {why}", name.display());
                        return Err(BundleError::Contradiction { path: self.path.to_owned(), what });
                    }
                    judge(run, &seen);
                    self.keep(folder, member);
                }
            }
            Part::Case { folder, file: InCase::Capture(_) } => self.keep(folder, member),
            Part::Junit | Part::Page | Part::Markdown | Part::Beside | Part::Artefact(_) => {}
        }
        Ok(())
    }

    /// Notes a file of evidence of a case, with its hash.
    fn keep(&mut self, folder: &str, member: &Member) {
        let files = self.files.entry(folder.to_owned()).or_default();
        files.insert(member.path.clone(), member.sha256.as_str().to_owned());
    }
}

impl Opened {
    /// Whether it has captures that were not hashed when they were written, because an older version made the run. They may
    /// have been altered since.
    pub fn has_captures_without_hash(&self) -> bool {
        let mut cases = self.cases.values();
        cases.any(|case| {
            let files = case.report.iter().flat_map(|report| &report.evidence);
            !hashes_captures(case.schema) && files.into_iter().any(|file| whole::is_capture(file))
        })
    }
}
