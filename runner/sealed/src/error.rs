//! Errors of reading and making sealed files, in words that fit the kind of file.

use std::io;
use std::path::{Path, PathBuf};

use lab_base::hex;
use lab_base::new_file::NewFileError;

/// A kind of sealed file: how it is laid out, and what errors call it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The noun for such a file: `kit`.
    pub name: &'static str,
    /// The name of the member that is the index: `kit.json`.
    pub index: &'static str,
    /// True if the index is the last member; a file that has it is whole even without the archive's end mark. False if
    /// the index is the first member; the end mark is required then.
    pub index_last: bool,
    /// True if headers must be exactly those that [`TarWriter`](super::TarWriter) writes. False if those of other
    /// programs are accepted too.
    pub own_headers: bool,
    /// Version of the index's format.
    pub schema: u64,
    /// The largest size of an index that is accepted, in bytes.
    pub index_bytes: u64,
    /// The command that makes such a file: `lab kit pack`.
    pub command: &'static str,
    /// What errors tell the user to do about a file that was made wrong: `pack it again`.
    pub again: &'static str,
}

/// What is wrong with a sealed file, as a text: which file, what in it, and what to do. There are no variants, because
/// every error is handled alike: nothing of the file is used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct SealedError {
    path: PathBuf,
    why: String,
}

impl SealedError {
    pub(crate) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}

impl Kind {
    /// Makes the error that the operating system refused, for `map_err`; `doing` reads after "cannot".
    pub fn io(&self, path: &Path, doing: &str) -> impl FnOnce(io::Error) -> SealedError + use<> {
        let begun = SealedError::new(path, format!("cannot {doing}"));
        move |source| SealedError { why: format!("{}: {source}", begun.why), ..begun }
    }

    /// The error that the file cannot be made.
    pub fn not_made(&self, error: NewFileError) -> SealedError {
        match error {
            NewFileError::Exists { path } => {
                SealedError::new(&path, "this file exists already; give another name with -o, or --force to replace it")
            }
            NewFileError::Io { path, doing, source } => self.io(&path, doing)(source),
        }
    }

    /// The error that it is not such a file at all; `why` says by what that is seen.
    pub fn not_one(&self, path: &Path, why: &str) -> SealedError {
        SealedError::new(path, format!("not a {}: {why}; `{}` makes one", self.name, self.command))
    }

    /// The error that it ends too early; `at` says where and reads after "cut off".
    pub fn cut_off(&self, path: &Path, at: &str) -> SealedError {
        SealedError::new(path, format!("cut off{at}; copy it again"))
    }

    /// The error that a member is not allowed in it; `why` says what is wrong with the member.
    pub fn wrong(&self, path: &Path, member: &str, why: &str) -> SealedError {
        SealedError::new(path, format!("{member:?} in it {why}: lab did not write this {}; do not use it", self.name))
    }

    /// The error that something is missing in it.
    pub fn incomplete(&self, path: &Path, missing: &str) -> SealedError {
        SealedError::new(path, format!("incomplete: there is no {missing} in it; {}", self.again))
    }

    /// The error that a member which the index names is missing.
    pub fn lacks(&self, path: &Path, member: &str) -> SealedError {
        self.incomplete(path, &format!("{member}, which {} names,", self.index))
    }

    /// The error that its index cannot be read or written.
    pub fn unusable(&self, path: &Path, problem: &dyn std::fmt::Display) -> SealedError {
        SealedError::new(path, format!("{}: {problem}; {}", self.index, self.again))
    }

    /// Compares the SHA-256 of what was read with the one in the index.
    ///
    /// # Errors
    /// When they differ.
    pub fn check(&self, path: &Path, name: &str, expected: &str, found: [u8; 32]) -> Result<(), SealedError> {
        let found = hex(&found);
        if found == expected {
            return Ok(());
        }
        let index = self.index;
        let why = format!("{name} in it is damaged: its SHA-256 is {found}, {index} says {expected}; copy it again");
        Err(SealedError::new(path, why))
    }
}
