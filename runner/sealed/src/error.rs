//! Why a sealed file cannot be believed, or not be made.

use std::io;
use std::path::{Path, PathBuf};

use lab_base::hex;
use lab_base::new_file::NewFileError;

/// A kind of sealed file: how it is laid out, and what it is called in errors.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What it is called: `kit`.
    pub name: &'static str,
    /// The member that is the index: `kit.json`.
    pub index: &'static str,
    /// The index is the last member, and a file that has it is whole even without the mark of an archive's end. Else it is
    /// the first, and the mark is needed.
    pub index_last: bool,
    /// Headers must be those that [`TarWriter`](super::TarWriter) writes. Else those of other programs do as well.
    pub own_headers: bool,
    /// Version of the index's format.
    pub schema: u64,
    /// Bytes of the largest index.
    pub index_bytes: u64,
    /// The command that makes such a file: `lab kit pack`.
    pub command: &'static str,
    /// What to do about one that was made wrong: `pack it again`.
    pub again: &'static str,
}

/// What is wrong with a sealed file: which file, what in it, and what to do, in words. Nobody asks for more: whatever it
/// is, nothing of the file is used.
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
    /// The operating system refused, for `map_err`; `doing` reads after "cannot".
    pub fn io(&self, path: &Path, doing: &str) -> impl FnOnce(io::Error) -> SealedError + use<> {
        let begun = SealedError::new(path, format!("cannot {doing}"));
        move |source| SealedError { why: format!("{}: {source}", begun.why), ..begun }
    }

    /// The file cannot be made.
    pub fn not_made(&self, error: NewFileError) -> SealedError {
        match error {
            NewFileError::Exists { path } => {
                SealedError::new(&path, "there is a file already; give another name with -o, or --force to replace it")
            }
            NewFileError::Io { path, doing, source } => self.io(&path, doing)(source),
        }
    }

    /// It is something else; what, in words.
    pub fn not_one(&self, path: &Path, why: &str) -> SealedError {
        SealedError::new(path, format!("not a {}: {why}; `{}` makes one", self.name, self.command))
    }

    /// It ends too early; where, as it reads after "cut off".
    pub fn cut_off(&self, path: &Path, at: &str) -> SealedError {
        SealedError::new(path, format!("cut off{at}; copy it again"))
    }

    /// Something is in it that has no business there: its name, and what is wrong with it.
    pub fn wrong(&self, path: &Path, member: &str, why: &str) -> SealedError {
        SealedError::new(path, format!("{member:?} in it {why}: no {} that lab wrote; do not use it", self.name))
    }

    /// Something is not in it; what.
    pub fn incomplete(&self, path: &Path, missing: &str) -> SealedError {
        SealedError::new(path, format!("incomplete: there is no {missing} in it; {}", self.again))
    }

    /// A member that the index names is not in it.
    pub fn lacks(&self, path: &Path, member: &str) -> SealedError {
        self.incomplete(path, &format!("{member}, which {} names,", self.index))
    }

    /// Its index cannot be read or written; why not.
    pub fn unusable(&self, path: &Path, problem: &dyn std::fmt::Display) -> SealedError {
        SealedError::new(path, format!("{}: {problem}; {}", self.index, self.again))
    }

    /// Holds the SHA-256 of what was read against that in the index.
    ///
    /// # Errors
    /// When it is another.
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
