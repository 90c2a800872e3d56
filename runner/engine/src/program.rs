//! The probe as it is copied into a node: one static program, in a folder whose name contains the program's digest.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

use super::header::ProgramHeader;
use lab_base::hex;

/// The folder in a node that the probe's folder is put into. Not /tmp or /run: these are tmpfs in a kind node, which the
/// Engine's file transfer does not see.
pub(super) const PARENT: &str = "/usr/local/lib";
/// The name of the program in its folder.
const PROGRAM: &str = "lab-probe";
/// A file that is unpacked last: a folder without it is from an upload that was interrupted.
const COMPLETE: &str = "complete";
/// The folder that captures write their files to.
const CAPTURES: &str = "captures";
/// How many hexadecimal digits of the digest are in the folder's name: 64 bits are enough to tell builds apart.
const NAMED_BY: usize = 16;
/// The environment variable with the path of a probe to use instead of the embedded one, for an Engine on a machine of
/// another architecture.
pub const PROBE_VARIABLE: &str = "LAB_PROBE";

/// The probe, packed for nodes.
#[derive(Debug)]
pub struct Program {
    folder: String,
    pub(super) architecture: String,
    pub(super) archive: Bytes,
}

/// Why there is no probe that could be copied into nodes.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// No probe is embedded in this program.
    #[error(
        "the probe is not part of this program, since it could not be linked statically when this was built ({why}); \
         install the static C library (Debian: libc6-dev, Fedora: glibc-static) and build again, or build it elsewhere \
         with `cargo rustc --package lab-probe --bin lab-probe --profile probe -- -C target-feature=+crt-static` and \
         set {PROBE_VARIABLE} to the path of the file"
    )]
    Missing {
        /// The message of cargo or the linker.
        why: &'static str,
    },
    /// The file that the environment variable names cannot be read.
    #[error("{PROBE_VARIABLE}={}: this file cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The program cannot run in a node.
    #[error("{name} cannot be used as the probe in the nodes: {why}")]
    Unfit {
        /// What errors call the program.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Program {
    /// The probe that this program carries, or the one that the environment names.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn find() -> Result<Self, ProgramError> {
        if let Some(path) = std::env::var_os(PROBE_VARIABLE).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            let program = std::fs::read(&path).map_err(|source| ProgramError::Read { path: path.clone(), source })?;
            return Self::of(&format!("{PROBE_VARIABLE}={}", path.display()), &program);
        }
        let program = lab_probe_program::embedded().map_err(|why| ProgramError::Missing { why })?;
        Self::of("the embedded probe", program)
    }

    /// Packs a program; `name` is what errors call it.
    ///
    /// # Errors
    /// [`ProgramError::Unfit`], when it is not a statically linked program.
    pub fn of(name: &str, program: &[u8]) -> Result<Self, ProgramError> {
        let unfit = |why: String| ProgramError::Unfit { name: name.to_owned(), why };
        let header = ProgramHeader::read(program).map_err(unfit)?;
        if let Some(linker) = header.interpreter {
            return Err(unfit(format!(
                "it is not statically linked: it needs the dynamic linker {}",
                linker.display()
            )));
        }
        let mut digits = hex(&Sha256::digest(program));
        digits.truncate(NAMED_BY);
        let folder = format!("{PROGRAM}-{digits}");
        let archive = archive(&folder, program).map_err(|error| unfit(error.to_string()))?;
        Ok(Self { folder: format!("{PARENT}/{folder}"), architecture: header.architecture, archive: archive.into() })
    }

    /// Its folder in a node. The name contains the program's digest, so a folder of that name always has this build.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The architecture that it is built for, as Go and the Engine name it: `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The size of the archive, in octets.
    pub const fn size(&self) -> usize {
        self.archive.len()
    }

    /// The path of the program in a node.
    pub fn file(&self) -> String {
        format!("{}/{PROGRAM}", self.folder)
    }

    pub(super) fn complete(&self) -> String {
        format!("{}/{COMPLETE}", self.folder)
    }

    pub(super) fn capture_file(&self, name: &str) -> PathBuf {
        [&self.folder, CAPTURES, name].iter().collect()
    }
}

/// The folder as a tar archive; the same program gives the same archive.
fn archive(folder: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::with_capacity(program.len() + 8192));
    let mut entry = |kind: tar::EntryType, path: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, path, bytes)
    };
    entry(tar::EntryType::Directory, format!("{folder}/"), &[])?;
    entry(tar::EntryType::Directory, format!("{folder}/{CAPTURES}/"), &[])?;
    entry(tar::EntryType::Regular, format!("{folder}/{PROGRAM}"), program)?;
    entry(tar::EntryType::Regular, format!("{folder}/{COMPLETE}"), &[])?;
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_the_program_and_says_last_that_it_is_whole() {
        let program = lab_probe_program::embedded().unwrap();
        let packed = Program::of("the probe", program).unwrap();
        let mut archive = tar::Archive::new(packed.archive.as_ref());
        let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
        let names: Vec<String> = entries.map(|entry| entry.path().unwrap().display().to_string()).collect();
        let folder = packed.folder().strip_prefix("/usr/local/lib/").unwrap();
        let expected = ["", "captures/", "lab-probe", "complete"].map(|name| format!("{folder}/{name}"));
        assert_eq!(names, expected);
        assert_eq!(packed.file(), format!("{}/lab-probe", packed.folder()));
        assert_eq!(Program::of("again", program).unwrap().folder(), packed.folder(), "the same program has two names");
    }

    #[test]
    fn what_would_not_run_in_a_node_is_refused_and_named() {
        let refused = |program: &[u8]| Program::of("LAB_PROBE=x", program).unwrap_err().to_string();
        let script = refused(b"#!/bin/sh\n");
        assert!(
            script.starts_with("LAB_PROBE=x cannot be used as the probe in the nodes: it is not an ELF file: "),
            "{script}"
        );
        let own = std::fs::read("/proc/self/exe").unwrap();
        let dynamic = refused(&own);
        assert!(dynamic.contains("it is not statically linked: it needs the dynamic linker /"), "{dynamic}");
        assert!(refused(&own[..40]).contains("it is not an ELF file"));
    }
}
