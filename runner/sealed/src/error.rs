//! Why a sealed file cannot be believed, or not be made.

use std::fmt;
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

/// What is wrong with a sealed file: which file, what in it, and what to do.
#[derive(Debug)]
pub struct SealedError {
    /// The file, or for [`Fault::Io`] whatever it was about.
    pub path: PathBuf,
    /// What it should be.
    pub kind: &'static Kind,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Debug)]
pub enum Fault {
    /// The operating system refused.
    Io {
        /// What was tried, as in "cannot …".
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Nothing is overwritten unasked.
    Exists,
    /// It is something else; what, in words.
    NotOne(String),
    /// It ends too early; where, to be read after "cut off".
    CutOff(String),
    /// It goes on where it should end.
    GoesOn,
    /// It cannot be read or unfolded.
    Unreadable {
        /// Where, to be read after "damaged".
        at: String,
        /// What reading says.
        source: io::Error,
    },
    /// More comes out of it than any file of its kind has.
    Bomb {
        /// Bytes so far.
        unfolded: u64,
        /// Out of so many.
        from: u64,
    },
    /// Something is in it that has no business there.
    Member {
        /// The name of what is in it.
        member: String,
        /// What is wrong with that.
        why: String,
    },
    /// Something is not in it; what.
    Incomplete(String),
    /// Content is not what was sealed.
    Damaged {
        /// What is damaged.
        member: String,
        /// SHA-256 by the index.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// It was written by another version, whose index has this schema.
    Schema(u64),
    /// Its index cannot be read; why not.
    Index(String),
}

impl Kind {
    /// An error about a file of this kind.
    pub fn error(&'static self, path: &Path, fault: Fault) -> SealedError {
        SealedError { path: path.to_owned(), kind: self, fault }
    }

    /// [`Fault::Io`], for `map_err`; `doing` reads after "cannot".
    pub fn io(&'static self, path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> SealedError + use<> {
        let path = path.to_owned();
        move |source| SealedError { path, kind: self, fault: Fault::Io { doing, source } }
    }

    /// [`Fault::NotOne`].
    pub fn not_one(&'static self, path: &Path, why: impl Into<String>) -> SealedError {
        self.error(path, Fault::NotOne(why.into()))
    }

    /// [`Fault::Member`].
    pub fn wrong(&'static self, path: &Path, member: &str, why: impl Into<String>) -> SealedError {
        self.error(path, Fault::Member { member: member.to_owned(), why: why.into() })
    }

    /// [`Fault::Incomplete`], of a member that the index names.
    pub fn lacks(&'static self, path: &Path, member: &str) -> SealedError {
        self.error(path, Fault::Incomplete(format!("{member}, which {} names,", self.index)))
    }

    /// A file that cannot be made.
    pub fn not_made(&'static self, error: NewFileError) -> SealedError {
        match error {
            NewFileError::Exists { path } => self.error(&path, Fault::Exists),
            NewFileError::Io { path, doing, source } => self.io(&path, doing)(source),
        }
    }

    /// Holds what was read against the index.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn check(&'static self, path: &Path, name: &str, expected: &str, found: [u8; 32]) -> Result<(), SealedError> {
        let found = hex(&found);
        if found == expected {
            return Ok(());
        }
        let (member, expected) = (name.to_owned(), expected.to_owned());
        Err(self.error(path, Fault::Damaged { member, expected, found }))
    }
}

impl std::error::Error for SealedError {}

impl fmt::Display for SealedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kind { name, index, schema, command, again, .. } = self.kind;
        write!(f, "{}: ", self.path.display())?;
        match &self.fault {
            Fault::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Fault::Exists => {
                f.write_str("there is a file already; give another name with -o, or --force to replace it")
            }
            Fault::NotOne(why) => write!(f, "not a {name}: {why}; `{command}` makes one"),
            Fault::CutOff(at) => write!(f, "cut off{at}; copy it again"),
            Fault::GoesOn => f.write_str("something follows its end; copy it again"),
            Fault::Unreadable { at, source } => write!(f, "damaged{at}: {source}; copy it again"),
            Fault::Bomb { unfolded, from } => {
                write!(f, "{unfolded} bytes come out of {from}: no {name} is like that; do not use it")
            }
            Fault::Member { member, why } => {
                write!(f, "{member:?} in it {why}: no {name} that lab wrote; do not use it")
            }
            Fault::Incomplete(missing) => write!(f, "incomplete: there is no {missing} in it; {again}"),
            Fault::Damaged { member, expected, found } => {
                write!(f, "{member} in it is damaged: its SHA-256 is {found}, {index} says {expected}; copy it again")
            }
            Fault::Schema(found) => {
                write!(f, "{index}: schema: expected {schema}, found {found}: written by another version of lab")
            }
            Fault::Index(problem) => write!(f, "{index}: {problem}; {again}"),
        }
    }
}
