//! BIRD 2, which the ToRs and the router between racks run: finding the program and starting it.
//!
//! All its files are in the lab's state folder: `tor0.conf`, and `tor0.ctl`, its control socket. It has no pid file, and
//! what it complains of goes to its standard error. It is in the holder's PID namespace, and ends with it.

mod ask;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::namespace::{Namespace, NamespaceError};
use super::world::BuildError;
use lab_base::exec::{ExecError, Invocation, Running};
use lab_base::failure::chain;
use lab_model::observe::Place;

pub(super) use ask::{daemon, reconfigure};

/// Where distributions put programs of administrators, which the PATH of other users often lacks.
const BESIDE_PATH: [&str; 2] = ["/usr/sbin", "/sbin"];
/// The deadline for asking the program for its version.
const VERSION_DEADLINE: Duration = Duration::from_secs(5);

/// The program, found on PATH, in `/usr/sbin` or in `/sbin`; none where it is in none of these.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(BESIDE_PATH.iter().map(PathBuf::from));
    let folders = std::env::join_paths(folders).ok()?;
    which::which_in("bird", Some(folders), "/").ok()
}

/// The program's version: `2.0.12`.
///
/// # Errors
/// Why it could not be asked, or what it answered instead.
pub async fn version(program: &Path) -> Result<String, String> {
    let asked = Invocation::new(program).args(["--version"]).run(VERSION_DEADLINE).await;
    let finished = asked.map_err(|error| chain(&error))?;
    let text = finished.stdout_text() + &finished.stderr_text();
    let version = text.trim().strip_prefix("BIRD version ").map(str::to_owned);
    version.ok_or_else(|| format!("`bird --version` said {:?}", text.trim()))
}

/// Whether BIRD of this version can be used. The language of its configuration is another one before 2.0, and channels,
/// which it is written with here, came with 2.0.
pub fn will_do(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 2)
}

/// The file name of a router's configuration, in the state folder.
fn file_name(place: &Place) -> String {
    format!("{place}.conf")
}

/// The file name of a router's control socket, in the state folder.
fn socket_name(place: &Place) -> String {
    format!("{place}.ctl")
}

/// Starts BIRD in a router's namespace, in the foreground of a process of its own.
pub(super) fn start(
    program: &Path,
    state: &Path,
    place: &Place,
    config: String,
    namespace: &Namespace,
) -> Result<Running, BuildError> {
    let file = file_name(place);
    let path = state.join(&file);
    std::fs::write(&path, config).map_err(|source| BuildError::Written { path, source })?;
    // Paths are relative, since a Unix socket's may be no longer than 107 octets.
    let socket = socket_name(place);
    let invocation = Invocation::new(program).args(["-f", "-c", &file, "-s", &socket]).directory(state);
    let runtime = tokio::runtime::Handle::current();
    let started = namespace.run(|| {
        // A process is in the network namespace of the thread that starts it.
        let _entered = runtime.enter();
        Ok::<Result<Running, ExecError>, NamespaceError>(invocation.open())
    })?;
    started.map_err(|source| BuildError::Bird { place: place.to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_one_will_not_do() {
        assert!(will_do("2.0.12") && will_do("2.15.1") && will_do("3.0.0"));
        assert!(!will_do("1.6.8") && !will_do("") && !will_do("two"));
    }
}
