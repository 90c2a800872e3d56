//! A file that is written under a temporary name and gets its own name only once it is whole.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is being written. When it is dropped before [`place`](Self::place), the temporary file is removed.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    force: bool,
    out: NamedTempFile,
}

/// Why the file could not be written.
#[derive(Debug)]
pub enum NewFileError {
    /// A file of that name exists, and overwriting it was not asked for.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as in "cannot …".
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl NewFile {
    /// Begins a file that will be at this path.
    ///
    /// # Errors
    /// [`NewFileError::Exists`] unless `force`, [`NewFileError::Io`] when its folder cannot be written to.
    pub fn begin(path: &Path, force: bool) -> Result<Self, NewFileError> {
        if !force && path.symlink_metadata().is_ok() {
            return Err(NewFileError::Exists { path: path.to_owned() });
        }
        // A device, a pipe or a socket of that name is somebody's for something else. A folder the kernel refuses by itself.
        let is_else = |found: Metadata| !found.is_file() && !found.is_symlink() && !found.is_dir();
        if path.symlink_metadata().is_ok_and(is_else) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
            return Err(NewFileError::Io { path: path.to_owned(), doing: "be replaced", source });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let out = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempfile_in(folder)
            .map_err(|source| NewFileError::Io { path: path.to_owned(), doing: "be written", source })?;
        Ok(Self { path: path.to_owned(), force, out })
    }

    /// The path that the file will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open temporary file, to write the content to and to read it back from.
    pub fn file(&self) -> &File {
        self.out.as_file()
    }

    /// Writes the content to the disk and gives the file its name.
    ///
    /// # Errors
    /// [`NewFileError::Io`], [`NewFileError::Exists`] when a file of that name has appeared meanwhile.
    pub fn place(self) -> Result<(), NewFileError> {
        self.out.as_file().sync_all().map_err(|source| self.not_written(source))?;
        self.place_unsynced()
    }

    /// Gives the file its name while the kernel may still have its content in memory: it survives the death of this
    /// program, but not a power cut.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn place_unsynced(self) -> Result<(), NewFileError> {
        readable_by_all(self.out.as_file()).map_err(|source| self.not_written(source))?;
        let Self { path, force, out } = self;
        let placed = if force { out.persist(&path) } else { out.persist_noclobber(&path) };
        placed.map(drop).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => NewFileError::Exists { path },
            _ => NewFileError::Io { path, doing: "be put in its place", source: error.error },
        })
    }

    fn not_written(&self, source: io::Error) -> NewFileError {
        NewFileError::Io { path: self.path.clone(), doing: "be written", source }
    }
}

/// Sets mode 0644, since temporary files are made with 0600. The user's umask is not applied: a process cannot read it
/// without changing it.
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
