//! A run's folder: what was observed, written down before it is judged.
//!
//! It is called `lab-runs/<id>.partial/` while the run goes on and `lab-runs/<id>/` once the run is over, so a folder
//! with the plain name is complete. It contains `run.json`, the reports, and for each case a folder `cases/<name>/`
//! with `evidence.jsonl`, `case.json` and captures.

mod caller;
mod case_folder;
mod error;
mod host;
mod record;

use caller::Caller;

pub use case_folder::{CaseFile, CaseFolder, CaseState, case_folder};
pub use error::EvidenceError;
pub use host::host_facts;
pub use record::{Evidence, Record, Seen};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lab_base::new_file::{NewFile, NewFileError};
use lab_base::redact;
use lab_model::deviation::Deviation;
use lab_model::expect::Expectations;
use lab_model::host::HostFacts;
use lab_model::{BackendKind, Routing};

/// Version of the formats of `run.json`, `case.json` and `evidence.jsonl`. Since 2, `case.json` has the hashes of the
/// captures.
pub const SCHEMA: u32 = 2;
/// The oldest version that is read.
pub const OLDEST_SCHEMA: u32 = 1;
/// Name of the file in a run's folder that says what the run was made from: options, pins, expectations.
pub const RUN_FILE: &str = "run.json";
/// The end of the name of a run's folder while the run goes on; it stays when the run is killed.
pub const PARTIAL: &str = ".partial";

/// `run.json`: what a run was made from, as far as it is needed to judge it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// [`SCHEMA`], or an older version.
    pub schema: u32,
    /// Id of the run.
    pub id: String,
    /// Name of the lab.
    pub lab: String,
    /// Version of this program.
    pub version: String,
    /// When it began.
    pub started: DateTime<Utc>,
    /// What the lab is made of.
    pub backend: BackendKind,
    /// How pod traffic gets from node to node.
    pub routing: Routing,
    /// What was asked for: the options with their defaults filled in, and where the manifests came from.
    pub inputs: Value,
    /// The expectations that the judges compared the observations with.
    pub expectations: Expectations,
    /// The pins that the command line replaced; the expectations have them applied.
    #[serde(default)]
    pub deviations: Vec<Deviation>,
    /// The content of `pins.json`.
    pub pins: Value,
    /// The machine.
    pub host: HostFacts,
}

impl RunFile {
    /// Reads the text of a `run.json`; `path` is what errors name.
    ///
    /// # Errors
    /// [`EvidenceError`], naming the line.
    pub fn parse(text: &str, path: &Path) -> Result<Self, EvidenceError> {
        parse_json(text, path)
    }
}

/// A run's folder while the run goes on.
#[derive(Debug)]
pub struct RunFolder {
    runs: PathBuf,
    /// How many folders of the path to it were made for it.
    new: usize,
    partial: PathBuf,
    complete: PathBuf,
}

impl RunFolder {
    /// Makes `<runs>/<id>.partial` and writes `run.json` there. `runs` is made if it does not exist.
    ///
    /// # Errors
    /// [`EvidenceError`] if the id is no plain file name, if a run of this id is there already, finished or not, or
    /// if nothing can be written there.
    pub fn create(runs: &Path, run: &RunFile) -> Result<Self, EvidenceError> {
        if !is_id(&run.id) {
            return Err(EvidenceError::Id { path: runs.to_owned(), id: run.id.clone() });
        }
        let new = caller::missing(runs);
        let (partial, complete) = (runs.join(format!("{}{PARTIAL}", run.id)), runs.join(&run.id));
        let folder = Self { runs: runs.to_owned(), new, partial, complete };
        fs::create_dir_all(runs).map_err(EvidenceError::io(runs, "make the folder of runs"))?;
        folder.refuse_complete()?;
        fs::create_dir(&folder.partial).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                EvidenceError::Exists { path: folder.partial.clone() }
            } else if error.kind() == io::ErrorKind::PermissionDenied
                && let Some(owner) = other_owner(runs)
            {
                EvidenceError::NotYours { path: runs.to_owned(), owner }
            } else {
                EvidenceError::io(&folder.partial, "make the run's folder")(error)
            }
        })?;
        match folder.begin(run) {
            Ok(()) => Ok(folder),
            Err(error) => {
                // The empty folder is removed. If that fails, the error that led here is still the one to report.
                let _ = fs::remove_dir_all(&folder.partial);
                Err(error)
            }
        }
    }

    fn begin(&self, run: &RunFile) -> Result<(), EvidenceError> {
        let cases = self.partial.join("cases");
        fs::create_dir(&cases).map_err(EvidenceError::io(&cases, "make the folder"))?;
        let path = self.partial.join(RUN_FILE);
        let mut run =
            serde_json::to_value(run).map_err(|source| EvidenceError::NotJson { path: path.clone(), source })?;
        // Options may have been given secrets.
        redact::in_json(&mut run);
        self.write(RUN_FILE, &json_bytes(&run, &path)?)
    }

    /// The folder's path while the run goes on.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// The folder's path after the run is over.
    pub fn final_path(&self) -> &Path {
        &self.complete
    }

    /// Begins a case: makes its folder, with a `case.json` that says that it runs.
    pub fn case(&self, name: &str, started: DateTime<Utc>) -> Result<CaseFolder, EvidenceError> {
        CaseFolder::create(&self.partial, name, started)
    }

    /// Writes a file of the run, whole or not at all, in place of one of that name.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), EvidenceError> {
        let path = self.partial.join(name);
        replace(&path, content, Sync::ToDisk)
    }

    /// Ends the run: renames the folder to its plain name, and returns its path. What root made through `sudo` in a user's
    /// folder becomes that user's.
    pub fn finish(self) -> Result<PathBuf, EvidenceError> {
        // Checked first, because rename(2) silently replaces an empty folder.
        self.refuse_complete()?;
        fs::rename(&self.partial, &self.complete)
            .map_err(EvidenceError::io(&self.complete, "give the finished run's folder its name"))?;
        if let (Some(caller), Some(name)) = (Caller::of_sudo(), self.complete.file_name()) {
            // The run is whole either way; whose folder it is, and what to do, is told to whoever cannot write there.
            let _given = caller.take_over(&self.runs, self.new, name);
        }
        Ok(self.complete)
    }

    fn refuse_complete(&self) -> Result<(), EvidenceError> {
        match fs::symlink_metadata(&self.complete) {
            Ok(_) => Err(EvidenceError::Exists { path: self.complete.clone() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(EvidenceError::io(&self.complete, "look for a run of that id")(error)),
        }
    }
}

/// The number of the user whose folder this is, if that is another one.
fn other_owner(folder: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(folder).ok()?.uid();
    (owner != nix::unistd::geteuid().as_raw()).then_some(owner)
}

/// Whether this can be a run's id: a plain file name.
pub fn is_id(id: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    !id.is_empty() && !id.starts_with('.') && id.chars().all(plain)
}

/// How far the content of a file must have been written before the file gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// To the disk: it survives a power cut, and a full disk is noticed. For reports.
    ToDisk,
    /// To the kernel: it survives the death of this program. For what cases write while they run.
    ToKernel,
}

/// Writes a file beside `path`, under a name that nobody has prepared, and gives it that name, so that nobody ever sees
/// half of it.
fn replace(path: &Path, content: &[u8], sync: Sync) -> Result<(), EvidenceError> {
    let written = |error| match error {
        NewFileError::Io { source, .. } => EvidenceError::io(path, "write")(source),
        NewFileError::Exists { .. } => EvidenceError::io(path, "write")(io::ErrorKind::AlreadyExists.into()),
    };
    let file = NewFile::begin(path, true).map_err(written)?;
    file.file().write_all(content).map_err(EvidenceError::io(path, "write"))?;
    match sync {
        Sync::ToDisk => file.place(),
        Sync::ToKernel => file.place_unsynced(),
    }
    .map_err(written)
}

/// Whether runs of this version have the hashes of their captures.
pub const fn hashes_captures(schema: u32) -> bool {
    schema >= 2
}

/// Whether this program reads files of this version.
fn is_known(schema: u32) -> bool {
    (OLDEST_SCHEMA..=SCHEMA).contains(&schema)
}

/// Reads a JSON file of this program. Its schema is checked first: for a file of another version, an error about some
/// key would mislead.
fn parse_json<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, EvidenceError> {
    #[derive(Deserialize)]
    struct Schema {
        schema: u32,
    }
    let shape = |source: serde_json::Error| EvidenceError::Shape { path: path.to_owned(), line: source.line(), source };
    let Schema { schema } = serde_json::from_str(text).map_err(shape)?;
    if !is_known(schema) {
        return Err(EvidenceError::Schema { path: path.to_owned(), line: 1, found: schema });
    }
    serde_json::from_str(text).map_err(shape)
}

/// Indented JSON with a line feed at its end.
fn json_bytes<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, EvidenceError> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|source| EvidenceError::NotJson { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests;
