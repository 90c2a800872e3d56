//! Rows about the folders that every lab writes to, whatever its backend.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, Row};
use lab_backend::state::{StateDir, StateError};

/// `files.state`: the folder with the state of each lab that is up.
pub(super) fn state() -> Row {
    state_in(StateDir::root())
}

fn state_in(root: Result<PathBuf, StateError>) -> Row {
    const WHY: &str = "lab records there which labs are up";
    let tried = root.map_err(|error| error.to_string()).and_then(|root| {
        fs::create_dir_all(&root)
            .and_then(|()| tempfile::tempfile_in(&root).map(drop))
            .map(|()| root.display().to_string())
            .map_err(|error| format!("{}: {error}", root.display()))
    });
    match tried {
        Ok(found) => Row::ok("files.state", format!("{found} can be written"), WHY),
        Err(why) => {
            Row::bad(Outcome::Refusal, "files.state", why, WHY, "set XDG_STATE_HOME to a folder that you may write to")
        }
    }
}

/// `files.runs`: the folder of runs. The nearest folder that exists is tried, because the doctor does not make `lab-runs`.
pub(super) fn runs(runs_dir: &Path) -> Row {
    const WHY: &str = "evidence and reports are kept there";
    let nearest = runs_dir
        .ancestors()
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path })
        .find(|path| path.exists());
    let nearest = nearest.unwrap_or(Path::new("."));
    match tempfile::tempfile_in(nearest) {
        Ok(_writable) => Row::ok("files.runs", format!("{} can be written", runs_dir.display()), WHY),
        Err(error) => Row::bad(
            Outcome::Refusal,
            "files.runs",
            format!("{}: {error}", nearest.display()),
            WHY,
            "choose a folder that you may write to: --runs-dir DIR",
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
