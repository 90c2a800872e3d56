//! A row about Docker as a snap, which sees a part of the host's files only.

use std::path::Path;

use crate::kind::facts::DockerSeen;
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};

/// `docker.snap`.
pub(in crate::kind) fn snap(input: &KindDoctorInput, docker: &DockerSeen) -> Row {
    const ID: &str = "docker.snap";
    const WHY: &str = "a folder of lab's state is mounted into the nodes, as the mark by which they are recognised";
    let root = docker.engine.root_dir.as_deref().unwrap_or_default();
    if !root.starts_with("/var/snap/") {
        return Row::ok(ID, "the Engine is no snap: it sees all of the host's folders", WHY);
    }
    let state = input.state_root.as_deref().unwrap_or(Path::new(""));
    let hidden = state.iter().any(|part| part.to_string_lossy().starts_with('.'));
    if state.starts_with("/home") && !hidden {
        return Row::ok(ID, format!("the Engine is a snap ({root}), which may see {}", state.display()), WHY);
    }
    let found = format!(
        "the Engine is a snap ({root}): its confinement lets it see folders in /home that are not hidden, and lab's state is in {}",
        state.display()
    );
    let remedy = "export XDG_STATE_HOME=$HOME/lab-state, or install Docker's own packages: \
                  https://docs.docker.com/engine/install/";
    Row::bad(Outcome::Warning, ID, found, WHY, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, input};

    #[test]
    fn a_snap_does_not_see_hidden_folders() {
        assert_eq!(snap(&input(), &docker()).outcome, Outcome::Ok);
        let mut docker = docker();
        docker.engine.root_dir = Some("/var/snap/docker/common/var-lib-docker".to_owned());
        let row = snap(&input(), &docker);
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.ends_with("lab's state is in /home/me/.local/state/lab"), "{row:?}");
        let seen = KindDoctorInput { state_root: Some("/home/me/lab-state/lab".into()), ..input() };
        assert_eq!(snap(&seen, &docker).outcome, Outcome::Ok);
    }
}
