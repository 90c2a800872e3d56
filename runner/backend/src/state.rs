//! The state folder `$XDG_STATE_HOME/lab/NAME/`, one for each lab that is up: how a later command finds that lab.
//!
//! The folder's existence claims the name, so that two labs cannot have the same one. `state.json` in it says which
//! process holds the lab, precisely enough that another process with the same number is never taken for it, also where
//! another namespace numbers processes.

mod error;
mod holder;
mod process;
mod unnamed;

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_model::{BackendKind, Routing};

pub use error::StateError;
pub use holder::{SOCKET_FILE, socket_within, within};
pub use process::{Life, ProcessId};
pub use unnamed::DEFAULT_NAME;

/// Version of `state.json`.
const SCHEMA: u32 = 1;
/// Name of that file in a lab's state folder.
pub const STATE_FILE: &str = "state.json";

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, source }
}

/// `state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabState {
    /// Version of this format.
    pub schema: u32,
    /// The lab's name.
    pub name: String,
    /// What it is made of.
    pub backend: BackendKind,
    /// How it routes.
    pub routing: Routing,
    /// Version of the program that made it.
    pub version: String,
    /// When the lab was made, since the Unix epoch.
    pub created: Duration,
    /// Which process holds it; none for a lab that Docker holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<ProcessId>,
    /// The lab was made by a user who is not root: entering it means entering its user namespace.
    #[serde(default)]
    pub user_namespace: bool,
    /// The lab is complete and stays until `lab down`. While this is false, the lab belongs to the command that makes
    /// it, and other commands leave it alone.
    #[serde(default)]
    pub stays: bool,
    /// The process that makes a lab that Docker holds. When it is dead and the lab does not stay, the lab is an
    /// unfinished rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<ProcessId>,
    /// What the lab consists of in Docker; none for a lab that a process holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterMark>,
}

/// What a kind lab has in Docker and on the host: enough to find all of it again, also after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterMark {
    /// The Docker Engine's endpoint, as `DOCKER_HOST` names it.
    pub endpoint: String,
    /// The kind cluster's name: the value of its containers' label `io.x-k8s.kind.cluster`.
    pub cluster: String,
    /// The Docker network that its nodes are on.
    pub network: String,
    /// That network existed before the lab, so `lab down` does not remove it.
    pub network_was_there: bool,
}

impl LabState {
    /// The state of a netns lab that has just been started.
    pub fn held(name: &str, routing: Routing, holder: ProcessId, user_namespace: bool) -> Self {
        Self { holder: Some(holder), user_namespace, ..Self::new(name, BackendKind::Netns, routing) }
    }

    /// The state of a kind lab that this process is about to create.
    pub fn clustered(name: &str, routing: Routing, cluster: ClusterMark) -> Self {
        let maker = ProcessId::of(std::process::id().cast_signed()).ok();
        Self { cluster: Some(cluster), maker, ..Self::new(name, BackendKind::Kind, routing) }
    }

    fn new(name: &str, backend: BackendKind, routing: Routing) -> Self {
        Self {
            schema: SCHEMA,
            name: name.to_owned(),
            backend,
            routing,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created: lab_base::clock::unix_now(),
            holder: None,
            maker: None,
            user_namespace: false,
            cluster: None,
            stays: false,
        }
    }
}

/// A lab's state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    name: String,
    folder: PathBuf,
}

impl StateDir {
    /// The folder that all labs' folders are in.
    ///
    /// # Errors
    /// When neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    pub fn root() -> Result<PathBuf, StateError> {
        let from = |key| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
        from("XDG_STATE_HOME")
            .or_else(|| from("HOME").map(|home| home.join(".local/state")))
            .map(|state| state.join("lab"))
            .ok_or(StateError::NoHome)
    }

    fn named(root: &Path, name: &str) -> Result<Self, StateError> {
        let fits = (1..=40).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !fits {
            return Err(StateError::Name(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), folder: root.join(name) })
    }

    /// Checks that a lab of this name could be made now.
    ///
    /// # Errors
    /// [`StateError::Name`] for one that cannot be a name, [`StateError::Taken`] when a lab has it.
    pub fn check_free(name: &str) -> Result<(), StateError> {
        let state = Self::named(&Self::root()?, name)?;
        if state.folder.is_dir() && !state.is_abandoned() {
            return Err(state.taken());
        }
        Ok(())
    }

    fn taken(&self) -> StateError {
        StateError::Taken { name: self.name.clone(), folder: self.folder.clone() }
    }

    /// Whether the folder's lab is gone. A folder without a state file does not count: its lab may be starting.
    fn is_abandoned(&self) -> bool {
        matches!(self.read(), Ok(Some(lab)) if self.is_gone(&lab))
    }

    /// Claims a name: makes its folder.
    ///
    /// A folder whose lab is gone (killed, or from before a reboot) does not keep the name.
    ///
    /// # Errors
    /// [`StateError::Taken`] when a lab has it.
    pub fn claim(name: &str) -> Result<Self, StateError> {
        Self::claim_in(&Self::root()?, name)
    }

    /// Claims a name within another folder than [`StateDir::root`], for labs that other commands must not find.
    ///
    /// # Errors
    /// [`StateError::Taken`] when a lab in that folder has the name.
    pub fn claim_in(root: &Path, name: &str) -> Result<Self, StateError> {
        let state = Self::named(root, name)?;
        fs::create_dir_all(root).map_err(io_error("cannot make", root))?;
        match fs::create_dir(&state.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // The lock: of two commands that find the same folder abandoned, the slower one would otherwise remove
                // the folder that the faster one has just made.
                let alone = fs::File::open(root).map_err(io_error("cannot open", root))?;
                if alone.try_lock().is_err() || !state.is_abandoned() {
                    return Err(state.taken());
                }
                state.remove()?;
                fs::create_dir(&state.folder).map_err(|_raced| state.taken())?;
            }
            made => made.map_err(io_error("cannot make", &state.folder))?,
        }
        Ok(state)
    }

    /// The folder of a lab that exists.
    ///
    /// # Errors
    /// [`StateError::Missing`] when there is none of this name.
    pub fn open(name: &str) -> Result<Self, StateError> {
        let state = Self::named(&Self::root()?, name)?;
        if state.folder.is_dir() {
            return Ok(state);
        }
        Err(StateError::Missing { name: name.to_owned(), folder: state.folder })
    }

    /// All labs' folders, by name.
    ///
    /// # Errors
    /// When the folder they are in cannot be read.
    pub fn all() -> Result<Vec<Self>, StateError> {
        let root = Self::root()?;
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("cannot read", &root)(error)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error("cannot read", &root))?;
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !folder {
                continue;
            }
            if let Some(state) = entry.file_name().to_str().and_then(|name| Self::named(&root, name).ok()) {
                all.push(state);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Reads `state.json`; none while the lab is being started.
    ///
    /// # Errors
    /// When the file cannot be read or is of another version.
    pub fn read(&self) -> Result<Option<LabState>, StateError> {
        self.read_json(STATE_FILE)
    }

    /// Writes `state.json`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, lab: &LabState) -> Result<(), StateError> {
        self.write_json(STATE_FILE, lab)
    }

    /// Reads a JSON file of the folder; none if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_json<T: for<'de> Deserialize<'de>>(&self, file: &str) -> Result<Option<T>, StateError> {
        let path = self.folder.join(file);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|source| StateError::Unreadable { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("cannot read", &path)(error)),
        }
    }

    /// Writes a JSON file of the folder, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json(&self, file: &str, value: &impl Serialize) -> Result<(), StateError> {
        let path = self.folder.join(file);
        let write = || -> io::Result<()> {
            let mut temporary = tempfile::NamedTempFile::new_in(&self.folder)?;
            // In one piece: serde_json writes token by token, and each token would be a system call.
            temporary.write_all(&serde_json::to_vec(value)?)?;
            temporary.persist(&path)?;
            Ok(())
        };
        write().map_err(io_error("cannot write", &path))
    }

    /// Removes the folder, and so frees the name.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), StateError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("cannot remove", &self.folder)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_docker_holds_is_unfinished_once_its_maker_is_gone_unless_it_stays() {
        let mark = ClusterMark {
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            cluster: "kind".to_owned(),
            network: "kind".to_owned(),
            network_was_there: false,
        };
        let mut lab = LabState::clustered("kind", Routing::Native, mark);
        let state = StateDir::named(Path::new("/no/such/folder"), "kind").unwrap();
        assert!(!state.is_unfinished(&lab), "this process makes it");
        let own = lab.maker.clone().unwrap();
        lab.maker = Some(ProcessId { pid_namespace: Some(1), ..own.clone() });
        assert!(!state.is_unfinished(&lab), "nobody here knows");
        lab.maker = Some(ProcessId { boot_id: "another".to_owned(), ..own });
        assert!(state.is_unfinished(&lab) && !state.is_gone(&lab), "what Docker holds outlives it");
        assert!(!state.is_unfinished(&LabState { stays: true, ..lab.clone() }));
        // An older program's state file names no maker.
        assert!(!state.is_unfinished(&LabState { maker: None, ..lab }));
    }

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        for name in ["", "..", "../x", "a/b", "-x", "a b", &"x".repeat(41)] {
            assert!(matches!(StateDir::named(Path::new("/state"), name), Err(StateError::Name(_))), "{name:?}");
        }
    }
}
