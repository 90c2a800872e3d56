//! What can be wrong with a state folder.

use lab_base::failure::Failure;
use std::io;
use std::path::PathBuf;

/// Something about the state folder is wrong.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither `XDG_STATE_HOME` nor `HOME` says where state is kept.
    #[error(
        "neither XDG_STATE_HOME nor HOME is set: there is no place for a lab's state; set XDG_STATE_HOME to a folder"
    )]
    NoHome,
    /// A lab of this name exists.
    #[error(
        "a lab named {name} is there already ({folder}); enter it with `lab shell --name {name} NODE`, remove it with `lab down --name {name}`, or choose another `--name`"
    )]
    Taken {
        /// Its name.
        name: String,
        /// Its state folder.
        folder: PathBuf,
    },
    /// There is no lab of this name.
    #[error(
        "there is no lab named {name} ({folder} does not exist); `lab up --name {name}` makes one, `lab status` lists those there are"
    )]
    Missing {
        /// The name.
        name: String,
        /// Where its state would be.
        folder: PathBuf,
    },
    /// There are several labs, and none was named.
    #[error("several labs are there: {}; say which with `--name NAME`", names.join(", "))]
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// A name that cannot be a folder's.
    #[error("{0:?} cannot be a lab's name: use 1 to 40 letters, digits, - and _, beginning with a letter or digit")]
    Name(String),
    /// Reading or writing failed.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A state file that is no state file.
    #[error(
        "{path}: {source}; was the lab made by another version of this program? `lab down` removes it all the same"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Taken { .. }
            | StateError::Missing { .. }
            | StateError::Several { .. }
            | StateError::Name(_) => Self::usage(error.to_string()),
            StateError::NoHome | StateError::Io { .. } | StateError::Unreadable { .. } => Self::input(&error),
        }
    }
}
