//! Selects the files of a run's folder that go into a bundle: those with names that a run writes. Links are not followed.

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::limits::MEMBERS;
use super::{BundleError, Part};
use lab_kind::artefacts;

/// A run's folder that is to be bundled.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    open: File,
}

/// The content of a run's folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The files that go into the bundle, in its order.
    pub(super) parts: Vec<Part>,
    /// The other files and folders, each with the reason why it is left out.
    pub(super) left_out: Vec<String>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, BundleError> {
        let open = File::open(path).map_err(BundleError::io(path, "be opened"))?;
        if !open.metadata().map_err(BundleError::io(path, "be looked at"))?.is_dir() {
            return Err(BundleError::NotARun { path: path.to_owned(), why: "it is not a folder".to_owned() });
        }
        Ok(Self { path: path.to_owned(), open })
    }

    /// The path of a member.
    pub(super) fn path_of(&self, part: &Part) -> PathBuf {
        self.path.join(part.to_string())
    }

    /// Lists everything in the folder, sorted by name.
    pub(super) fn list(&self) -> Result<Found, BundleError> {
        let mut found = Found::default();
        self.list_in("", &mut found)?;
        found.parts.sort();
        found.left_out.sort();
        Ok(found)
    }

    fn list_in(&self, folder: &str, found: &mut Found) -> Result<(), BundleError> {
        let path = self.path.join(folder);
        let read = BundleError::io(&path, "be read");
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(read)?;
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                found.left_out.push(format!("{folder}{}: no file of a run has such a name", name.display()));
                continue;
            };
            let name = format!("{folder}{name}");
            let kind = entry.file_type().map_err(BundleError::io(&entry.path(), "be looked at"))?;
            if kind.is_symlink() {
                found.left_out.push(format!("{name}: a symbolic link"));
            } else if kind.is_dir() {
                // Only the folders that a run has are read: cases/, cases/NAME/ and that of artefacts.
                if matches!(name.split('/').count(), 1) && (name == "cases" || name == artefacts::FOLDER)
                    || matches!(name.split('/').count(), 2) && name.starts_with("cases/")
                {
                    self.list_in(&format!("{name}/"), found)?;
                } else {
                    found.left_out.push(format!("{name}/: a run has no such folder"));
                }
            } else if !kind.is_file() {
                found.left_out.push(format!("{name}: not a regular file"));
            } else if let Some(part) = Part::parse(&name) {
                if found.parts.len() == MEMBERS {
                    let why = format!("there are more than {MEMBERS} files in it");
                    return Err(BundleError::NotARun { path: self.path.clone(), why });
                }
                found.parts.push(part);
            } else {
                found.left_out.push(format!("{name}: a run writes no such file"));
            }
        }
        Ok(())
    }

    /// Opens a member without following links, in case one of its folders was replaced by a link since it was listed.
    pub(super) fn file(&self, part: &Part) -> Result<File, BundleError> {
        let path = self.path_of(part);
        let refused = BundleError::io(&path, "be opened without following links");
        let name = part.to_string();
        let mut at = self.open.try_clone().map_err(BundleError::io(&self.path, "be opened"))?;
        let mut parts = name.split('/').peekable();
        let opened = loop {
            let Some(part) = parts.next() else { break Ok(at) };
            let folder = if parts.peek().is_some() { OFlag::O_DIRECTORY } else { OFlag::O_NONBLOCK };
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | folder;
            match openat(&at, part, flags, Mode::empty()) {
                Ok(next) => at = File::from(next),
                Err(errno) => break Err(io::Error::from(errno)),
            }
        };
        let file = opened.map_err(refused)?;
        if !file.metadata().map_err(BundleError::io(&path, "be looked at"))?.is_file() {
            return Err(BundleError::Changed { path });
        }
        Ok(file)
    }

    /// Reads the text of a member; an error if it has more than `most` bytes.
    pub(super) fn text(&self, part: &Part, most: u64) -> Result<String, BundleError> {
        let path = self.path_of(part);
        let mut bytes = Vec::new();
        let file = self.file(part)?;
        file.take(most + 1).read_to_end(&mut bytes).map_err(BundleError::io(&path, "be read"))?;
        if bytes.len() as u64 > most {
            let source = io::Error::other(format!("it has more than {most} bytes"));
            return Err(BundleError::io(&path, "be bundled")(source));
        }
        String::from_utf8(bytes).map_err(|error| {
            let source = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
            BundleError::io(&path, "be bundled")(source)
        })
    }
}
