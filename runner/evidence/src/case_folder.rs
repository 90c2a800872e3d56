//! A case's folder: made before the case gathers observations, completed with the case's verdict.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::record::line;
use super::{EvidenceError, SCHEMA, Seen, Sync, json_bytes, parse_json, replace};
use lab_base::{hex, redact, sha256_of};
use lab_model::report::CaseReport;

/// A case's folder, relative to the run's: `cases/l2__peers_are_adjacent`. Colons are not in it, because some file
/// systems and artifact stores refuse them.
pub fn case_folder(name: &str) -> PathBuf {
    let safe: String = name
        .replace("::", "__")
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' })
        .collect();
    Path::new("cases").join(safe)
}

/// How far a case has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// The case was begun. In the folder of a run that is over, it means that the program died during the case.
    Running,
    /// It has a verdict.
    Ended,
}

/// `case.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseFile {
    /// Version of the format.
    pub schema: u32,
    /// `area::claim_in_words`.
    pub name: String,
    /// Whether the case runs or has ended.
    pub state: CaseState,
    /// When it was begun.
    pub started: DateTime<Utc>,
    /// SHA-256 of the whole `evidence.jsonl`, in hexadecimal; none while it runs.
    pub evidence_sha256: Option<String>,
    /// SHA-256 of each capture, in hexadecimal, by its name relative to the run's folder; none while it runs, and in
    /// version 1 of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captures_sha256: Option<BTreeMap<String, String>>,
    /// The verdict, as in `report.json`; none while it runs.
    pub report: Option<CaseReport>,
}

impl CaseFile {
    /// Reads `case.json` in a case's folder.
    ///
    /// # Errors
    /// [`EvidenceError`], naming the file and the line.
    pub fn read(folder: &Path) -> Result<Self, EvidenceError> {
        let path = folder.join("case.json");
        let text = fs::read_to_string(&path).map_err(EvidenceError::io(&path, "read"))?;
        Self::parse(&text, &path)
    }

    /// Reads the text of a `case.json`; `path` is what errors name.
    ///
    /// # Errors
    /// [`EvidenceError`], naming the line.
    pub fn parse(text: &str, path: &Path) -> Result<Self, EvidenceError> {
        parse_json(text, path)
    }
}

/// A case's folder while the case runs.
#[derive(Debug)]
pub struct CaseFolder {
    /// The run's folder.
    run: PathBuf,
    /// The case's, relative to it.
    relative: PathBuf,
    file: CaseFile,
    evidence: File,
    hash: Sha256,
    captures: BTreeMap<String, String>,
}

impl CaseFolder {
    pub(super) fn create(run: &Path, name: &str, started: DateTime<Utc>) -> Result<Self, EvidenceError> {
        let relative = case_folder(name);
        let folder = run.join(&relative);
        fs::create_dir(&folder).map_err(EvidenceError::io(&folder, "make the case's folder"))?;
        let file = CaseFile {
            schema: SCHEMA,
            name: name.to_owned(),
            state: CaseState::Running,
            started,
            evidence_sha256: None,
            captures_sha256: None,
            report: None,
        };
        let case_json = folder.join("case.json");
        replace(&case_json, &json_bytes(&file, &case_json)?, Sync::ToKernel)?;
        let path = folder.join("evidence.jsonl");
        let evidence = File::create_new(&path).map_err(EvidenceError::io(&path, "begin"))?;
        Ok(Self { run: run.to_owned(), relative, file, evidence, hash: Sha256::new(), captures: BTreeMap::new() })
    }

    /// The folder's path while the run goes on.
    pub fn path(&self) -> PathBuf {
        self.run.join(&self.relative)
    }

    /// Writes an observation to `evidence.jsonl`, without the secrets in it, and returns what was written. It is in the
    /// file when this returns; only then may it be judged, and only as it was written.
    ///
    /// # Errors
    /// [`EvidenceError`] if it could not be written whole: then the case must not be judged.
    pub fn record<T: Serialize>(&mut self, seen: &Seen<'_>, data: &T) -> Result<Value, EvidenceError> {
        let path = self.path().join("evidence.jsonl");
        let (line, written) = line(seen, data, &path)?;
        // One system call for each line, without a buffer: a killed program leaves whole lines.
        self.evidence.write_all(line.as_bytes()).map_err(EvidenceError::io(&path, "add to the evidence"))?;
        self.hash.update(line.as_bytes());
        Ok(written)
    }

    /// Keeps a capture as `<name>.pcap`, with its hash.
    ///
    /// # Errors
    /// [`EvidenceError`] if it could not be copied or read. It is no evidence of the case then.
    pub fn keep_capture(&mut self, name: &str, from: &Path) -> Result<(), EvidenceError> {
        let safe: String = name
            .chars()
            .map(|character| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' })
            .collect();
        let relative = self.relative.join(format!("{safe}.pcap"));
        let path = self.run.join(&relative);
        let copied = fs::hard_link(from, &path).or_else(|_other_filesystem| fs::copy(from, &path).map(drop));
        let hash = copied.and_then(|()| File::open(&path)).and_then(sha256_of);
        let hash = hash.map_err(|error| {
            // What has no hash is no evidence. If it cannot be removed, it is left out all the same.
            let _ = fs::remove_file(&path);
            EvidenceError::io(&path, "keep the capture")(error)
        })?;
        self.captures.insert(relative.display().to_string(), hash);
        Ok(())
    }

    /// The files of evidence, relative to the run's folder: `evidence.jsonl`, and the captures that were kept.
    pub fn files(&self) -> Vec<String> {
        let evidence = self.relative.join("evidence.jsonl").display().to_string();
        std::iter::once(evidence).chain(self.captures.keys().cloned()).collect()
    }

    /// Ends the case with its verdict, which is written without secrets, and returned as it was written.
    ///
    /// # Errors
    /// [`EvidenceError`] if `case.json` could not be written.
    pub fn finish(mut self, report: &CaseReport) -> Result<CaseReport, EvidenceError> {
        let path = self.path().join("case.json");
        let not_json = |source| EvidenceError::NotJson { path: path.clone(), source };
        let report = redact::redacted(report).map_err(not_json)?;
        self.file.state = CaseState::Ended;
        self.file.evidence_sha256 = Some(hex(&self.hash.clone().finalize()));
        self.file.captures_sha256 = Some(self.captures.clone());
        self.file.report = Some(report.clone());
        replace(&path, &json_bytes(&self.file, &path)?, Sync::ToKernel)?;
        Ok(report)
    }

    #[cfg(test)]
    pub(super) fn write_evidence_to(&mut self, file: File) {
        self.evidence = file;
    }
}
