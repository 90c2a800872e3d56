//! A program with all that it needs to run in a node, whatever the node's own C library is.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};

use super::linker::{ProgramHeader, libraries};
use lab_base::hex;

/// Where bundles are put: not /tmp or /run, which are tmpfs in a kind node and hidden from the Engine's file transfer.
pub(super) const PARENT: &str = "/usr/local/lib";
/// The program's name there.
const PROGRAM: &str = "lab";
/// The last file to be unpacked: a bundle without it is one whose upload broke off.
const COMPLETE: &str = "complete";
/// The folder for the files that captures write.
const CAPTURES: &str = "captures";
/// How much of the digest names a bundle: 64 bits tell builds apart.
const NAMED_BY: usize = 16;

/// A program, its shared objects and its dynamic linker, as an archive.
#[derive(Debug)]
pub struct Bundle {
    folder: String,
    linker: Option<String>,
    pub(super) architecture: String,
    pub(super) archive: Bytes,
}

/// Why a program cannot be taken elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read.
    #[error("{}: it must be copied into the nodes and cannot be read; if it was built anew or upgraded meanwhile, start this program again", path.display())]
    Read {
        /// The program, or something it needs.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// It is no program that this kernel runs.
    #[error("{}: it cannot be copied into the nodes: {why}", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What it needs is not known.
    #[error("{}: which shared objects it needs in the nodes is not known: {why}", program.display())]
    Libraries {
        /// The program.
        program: PathBuf,
        /// The dynamic linker's words.
        why: String,
    },
    /// The dynamic linker could not be run.
    #[error(transparent)]
    Exec(#[from] lab_base::exec::ExecError),
}

impl Bundle {
    /// Bundles a program with the shared objects that it would load here.
    ///
    /// # Errors
    /// [`BundleError`], naming the file that is missing or makes no sense.
    pub async fn of(program: &Path) -> Result<Self, BundleError> {
        let bytes = read(program)?;
        let header =
            ProgramHeader::read(&bytes).map_err(|why| BundleError::Program { path: program.to_owned(), why })?;
        let mut files = vec![(PROGRAM.to_owned(), bytes)];
        let mut linker = None;
        if let Some(interpreter) = &header.interpreter {
            for (name, path) in libraries(interpreter, program).await? {
                files.push((name, read(&path)?));
            }
            let name = interpreter.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name.clone(), read(interpreter)?));
            linker = Some(name);
        }
        // musl's linker is its C library too.
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        files.dedup_by(|(a, _), (b, _)| a == b);
        let name = format!("{PROGRAM}-{}", digest(&files));
        let archive = archive(&name, &files)
            .map_err(|source| BundleError::Program { path: program.to_owned(), why: source.to_string() })?;
        let folder = format!("{PARENT}/{name}");
        Ok(Self { folder, linker, architecture: header.architecture, archive: archive.into() })
    }

    /// Its folder in a node: named by what is in it, so that what is there is never another build.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Octets of the archive.
    pub const fn size(&self) -> usize {
        self.archive.len()
    }

    /// What runs the program in a node. It must not start itself anew: it is not it that is executed.
    pub fn command(&self, subcommand: &str) -> Vec<String> {
        let in_folder = |name: &str| format!("{}/{name}", self.folder);
        let mut argv = match &self.linker {
            Some(linker) => vec![in_folder(linker), "--library-path".to_owned(), self.folder.clone()],
            None => Vec::new(),
        };
        argv.extend([in_folder(PROGRAM), subcommand.to_owned()]);
        argv
    }

    pub(super) fn complete(&self) -> String {
        format!("{}/{COMPLETE}", self.folder)
    }

    pub(super) fn capture_file(&self, name: &str) -> PathBuf {
        [&self.folder, CAPTURES, name].iter().collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    std::fs::read(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })
}

fn digest(files: &[(String, Vec<u8>)]) -> String {
    let mut digest = Sha256::new();
    for (name, bytes) in files {
        digest.update(format!("{name} {}\n", bytes.len()));
        digest.update(bytes);
    }
    let mut digits = hex(&digest.finalize());
    digits.truncate(NAMED_BY);
    digits
}

/// The bundle's folder as a tar archive, the same for the same files.
fn archive(name: &str, files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let size: usize = files.iter().map(|(_, bytes)| bytes.len() + 1024).sum();
    let mut builder = tar::Builder::new(Vec::with_capacity(size + 4096));
    let mut entry = |kind: tar::EntryType, path: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, path, bytes)
    };
    entry(tar::EntryType::Directory, format!("{name}/"), &[])?;
    entry(tar::EntryType::Directory, format!("{name}/{CAPTURES}/"), &[])?;
    for (file, bytes) in files {
        entry(tar::EntryType::Regular, format!("{name}/{file}"), bytes)?;
    }
    entry(tar::EntryType::Regular, format!("{name}/{COMPLETE}"), &[])?;
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn bundled(program: &Path) -> Result<Bundle, BundleError> {
        lab_base::runtime().unwrap().block_on(Bundle::of(program))
    }

    #[test]
    fn a_bundle_holds_the_program_with_what_it_loads_and_says_last_that_it_is_whole() {
        let own = std::env::current_exe().unwrap();
        let bundle = bundled(&own).unwrap();
        let mut archive = tar::Archive::new(bundle.archive.as_ref());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            if name.ends_with("/lab") {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                assert!(bytes == std::fs::read(&own).unwrap(), "the program is another");
            }
            names.push(name);
        }
        let folder = bundle.folder().strip_prefix("/usr/local/lib/").unwrap();
        assert!(names.iter().all(|name| name.starts_with(&format!("{folder}/"))), "{names:?}");
        assert_eq!(names.last(), Some(&format!("{folder}/complete")));
        let command = bundle.command("probe");
        assert_eq!(command[command.len() - 2..], [format!("{}/lab", bundle.folder()), "probe".to_owned()]);
        if let [linker, option, path, ..] = &command[..command.len() - 2] {
            assert_eq!((option.as_str(), path.as_str()), ("--library-path", bundle.folder()));
            assert!(names.contains(&format!("{folder}/{}", linker.rsplit('/').next().unwrap())), "{names:?}");
            assert!(names.iter().any(|name| name.ends_with("/libc.so.6") || name.contains("/ld-musl")), "{names:?}");
        }
        assert_eq!(bundled(&own).unwrap().folder(), bundle.folder(), "the same program has two names");
    }

    #[test]
    fn what_cannot_be_bundled_is_named() {
        let missing = bundled(Path::new("/lab/no/such/program")).unwrap_err().to_string();
        assert!(missing.starts_with("/lab/no/such/program: it must be copied into the nodes and cannot be read"));
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        let refused = bundled(&script).unwrap_err().to_string();
        let expected = format!("{}: it cannot be copied into the nodes: it is no ELF file: ", script.display());
        assert!(refused.starts_with(&expected), "{refused}");
        // A program that is cut off behind its header, which the dynamic linker finds out.
        let cut = folder.path().join("cut");
        let own = std::fs::read("/proc/self/exe").unwrap();
        std::fs::write(&cut, &own[..8192]).unwrap();
        assert!(bundled(&cut).is_err());
    }
}
