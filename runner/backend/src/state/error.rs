//! Errors about state folders and the names of labs.

use lab_base::failure::Failure;
use std::io;
use std::path::PathBuf;

/// Why a lab's state folder cannot be used, or no lab was found.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither `XDG_STATE_HOME` nor `HOME` says where state is kept.
    #[error(
        "neither XDG_STATE_HOME nor HOME is set: there is no place for a lab's state; set XDG_STATE_HOME to a folder"
    )]
    NoHome,
    /// A lab of this name exists.
    #[error(
        "a lab named {name} exists already ({folder}); enter it with `lab shell --name {name} NODE`, remove it with `lab down --name {name}`, or choose another `--name`"
    )]
    Taken {
        /// Its name.
        name: String,
        /// Its state folder.
        folder: PathBuf,
    },
    /// There is no lab of this name.
    #[error(
        "there is no lab named {name} ({folder} does not exist); `lab up --name {name}` makes one, `lab status` lists the labs that exist"
    )]
    Missing {
        /// The name.
        name: String,
        /// Where its state would be.
        folder: PathBuf,
    },
    /// There are several labs, and none was named.
    #[error("several labs exist: {}; choose one with `--name NAME`", names.join(", "))]
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// Whether the lab's process runs cannot be told from here.
    #[error(
        "whether the lab {name} is up cannot be told from here, and nothing was changed: its process {why}, and does not answer on {folder}/control.sock; run this command where the lab was made; if that place is gone for good, remove {folder}"
    )]
    Untold {
        /// Its name.
        name: String,
        /// Its state folder.
        folder: PathBuf,
        /// Why not, said of the process.
        why: String,
    },
    /// The lab is up, in a place into which nobody can see from here.
    #[error(
        "the lab {name} is up, but its process is in a PID namespace that cannot be seen from here; run this command where the lab was made (`lab down --name {name}` takes it down from here too)"
    )]
    OutOfSight {
        /// Its name.
        name: String,
    },
    /// The name is not allowed: it becomes the name of a folder.
    #[error("{0:?} cannot be a lab's name: use 1 to 40 letters, digits, - and _, beginning with a letter or digit")]
    Name(String),
    /// Reading or writing failed.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What failed, such as "cannot read".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The state file has another form than this program writes.
    #[error(
        "{path} is not as this version of lab writes it: {source}; if another version made the lab, `lab down` still removes it"
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
            | StateError::Untold { .. }
            | StateError::OutOfSight { .. }
            | StateError::Name(_) => Self::usage(error.to_string()),
            StateError::NoHome | StateError::Io { .. } | StateError::Unreadable { .. } => Self::input(&error),
        }
    }
}
