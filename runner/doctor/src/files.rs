//! Rows about the folders that every lab writes to, whatever its backend.

use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Outcome, Row, remedies};
use lab_backend::state::{StateDir, StateError};

/// `files.state`: the folder with the state of each lab that is up.
pub(super) fn state() -> Row {
    state_in(StateDir::root())
}

fn state_in(root: Result<PathBuf, StateError>) -> Row {
    const WHY: &str = "lab records there which labs are up";
    const CHOOSE: &str = "set XDG_STATE_HOME to a folder that you may write to";
    let root = match root {
        Ok(root) => root,
        Err(error) => return Row::bad(Outcome::Refusal, "files.state", error.to_string(), WHY, CHOOSE),
    };
    match fs::create_dir_all(&root).and_then(|()| written(&root)) {
        Ok(()) => Row::ok("files.state", format!("{} can be written", root.display()), WHY),
        Err(error) => {
            let remedy = if error.kind() == io::ErrorKind::PermissionDenied && is_roots(&root) {
                let own = "sudo chown -R \"$(id -u):$(id -g)\"";
                format!("it is root's, as `sudo -E lab up` leaves it: {own} {}, or {CHOOSE}", root.display())
            } else {
                remedies::folder(&error, &root, CHOOSE)
            };
            Row::bad(Outcome::Refusal, "files.state", format!("{}: {error}", root.display()), WHY, remedy)
        }
    }
}

/// Whether a folder is root's, and this user is another one. Of the folder of labs' states alone: it is only lab's.
fn is_roots(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|there| there.uid() == 0) && !nix::unistd::geteuid().is_root()
}

/// Writes a file without a name into a folder: on a full disk a file can be made, and nothing be written to it.
fn written(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(&[0; 4096])
}

/// `files.runs`: the folder of runs. The nearest folder that exists is tried, because the doctor does not make `lab-runs`.
pub(super) fn runs(runs_dir: &Path) -> Row {
    const WHY: &str = "evidence and reports are kept there";
    let nearest = runs_dir
        .ancestors()
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path })
        .find(|path| path.exists());
    let nearest = nearest.unwrap_or(Path::new("."));
    match written(nearest) {
        Ok(()) => Row::ok("files.runs", format!("{} can be written", runs_dir.display()), WHY),
        Err(error) => Row::bad(
            Outcome::Refusal,
            "files.runs",
            format!("{}: {error}", nearest.display()),
            WHY,
            remedies::folder(&error, nearest, "choose a folder that you may write to: --runs-dir DIR"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_written_to_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(state_in(Ok(folder.path().join("state"))).outcome, Outcome::Ok);
        let row = runs(&folder.path().join("runs/of/mine"));
        assert_eq!((row.id.as_str(), row.outcome), ("files.runs", Outcome::Ok));
        assert!(!folder.path().join("runs").exists());
    }

    #[test]
    fn what_is_no_folder_is_refused_by_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for row in [state_in(Ok(file.path().join("state"))), runs(file.path())] {
            assert_eq!(row.outcome, Outcome::Refusal);
            assert!(row.found.contains(&file.path().display().to_string()), "{row:?}");
            assert!(!row.remedy.is_empty());
        }
        let homeless = state_in(Err(StateError::NoHome));
        assert_eq!(homeless.outcome, Outcome::Refusal);
        assert!(homeless.found.contains("XDG_STATE_HOME"));
    }
}
