//! What the tests share: a lab to be built, programs to find, and rows to look at.

use lab_doctor::kind::KindDoctorInput;
use lab_doctor::{Outcome, Row};
use lab_manifest::Manifests;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folder with what this test is given.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/doctor")
}

/// A folder of programs, and the article's lab that would be built with them.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    pub(crate) input: KindDoctorInput,
}

impl Machine {
    /// With every program at its pinned version.
    pub(crate) fn new() -> Self {
        Self::of(&Manifests::embedded().unwrap())
    }

    /// As above, for a lab of these manifests.
    pub(crate) fn of(manifests: &Manifests) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let expect = manifests.expectations(None, None).unwrap();
        let mut input = KindDoctorInput::new(manifests, &expect, "kind", &folder.path().join("lab-runs"));
        let programs = folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        input.search_path = programs.into_os_string();
        input.docker_config = None;
        let machine = Self { folder, input };
        for name in ["docker", "kind", "helm", "kubectl", "cilium"] {
            machine.program(name, Some(name));
        }
        machine
    }

    /// Puts a program in place of another, or takes it away. A link: a file that has just been written may still be
    /// open in a child of another test's, and cannot be executed then.
    pub(crate) fn program(&self, name: &str, is: Option<&str>) {
        let link = self.folder.path().join("programs").join(name);
        if link.is_symlink() {
            std::fs::remove_file(&link).unwrap();
        }
        if let Some(is) = is {
            symlink(data().join("tools").join(is), &link).unwrap();
        }
    }
}

/// The row of this id.
pub(crate) fn row<'a>(rows: &'a [Row], id: &str) -> &'a Row {
    let found: Vec<&Row> = rows.iter().filter(|row| row.id == id).collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let [row] = found[..] else { panic!("{} rows of {id} among {ids:?}", found.len()) };
    assert_eq!(row.remedy.is_empty(), row.outcome == Outcome::Ok, "{row:?}");
    row
}

/// The row of this id has this outcome, and says this.
pub(crate) fn says(rows: &[Row], id: &str, outcome: Outcome, found: &str) {
    let row = row(rows, id);
    assert_eq!(row.outcome, outcome, "{row:?}");
    assert!(row.found.contains(found), "{found:?} in {row:?}");
}
