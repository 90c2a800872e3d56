//! What came of each recipe, kept in a file.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lab_base::new_file::{NewFile, NewFileError};
use lab_model::observe::Baked;

fn file(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!("{key}.json"))
}

/// What came of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// An image.
    Baked(Baked),
    /// Its images cannot be baked; why not.
    Unfit(String),
}

/// What came of this recipe. None if it was not tried, and also if the record cannot be read: it is tried again then.
pub(super) fn read(folder: &Path, key: &str) -> Option<Record> {
    serde_json::from_slice(&fs::read(file(folder, key)).ok()?).ok()
}

/// All records in the folder that can be read, each with its file.
pub(super) fn all(folder: &Path) -> Vec<(PathBuf, Record)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter_map(|file| Some((file.clone(), serde_json::from_slice(&fs::read(&file).ok()?).ok()?))).collect()
}

/// Writes down what came of this recipe.
pub(super) fn write(folder: &Path, key: &str, record: &Record) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let as_io = |error| match error {
        NewFileError::Io { source, .. } => source,
        NewFileError::Exists { .. } => io::ErrorKind::AlreadyExists.into(),
    };
    let new = NewFile::begin(&file(folder, key), true).map_err(as_io)?;
    new.file().write_all(&serde_json::to_vec_pretty(record)?)?;
    new.place().map_err(as_io)
}
