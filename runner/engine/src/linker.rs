//! What a program needs to run somewhere else: its dynamic linker, and the shared objects that this one finds.

use elf::ElfBytes;
use elf::abi::{EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, PT_INTERP};
use elf::endian::AnyEndian;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bundle::BundleError;
use lab_base::exec::Invocation;

/// For the dynamic linker to list what it would load.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// What the header of a program tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramHeader {
    /// The architecture as Go, and so an Engine, names it: `amd64`.
    pub architecture: String,
    /// The dynamic linker (`PT_INTERP`); none for a static program.
    pub interpreter: Option<PathBuf>,
}

impl ProgramHeader {
    /// Reads it (System V ABI, chapter 4; the numbers of machines are those of include/uapi/linux/elf-em.h).
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn read(program: &[u8]) -> Result<Self, String> {
        let file =
            ElfBytes::<AnyEndian>::minimal_parse(program).map_err(|error| format!("it is no ELF file: {error}"))?;
        let architecture = match file.ehdr.e_machine {
            EM_X86_64 => "amd64".to_owned(),
            EM_AARCH64 => "arm64".to_owned(),
            EM_ARM => "arm".to_owned(),
            EM_RISCV => "riscv64".to_owned(),
            EM_PPC64 => "ppc64le".to_owned(),
            EM_S390 => "s390x".to_owned(),
            other => format!("ELF machine {other}"),
        };
        let segments = file.segments().ok_or("it has no segments")?;
        let interpreter = segments.iter().find(|segment| segment.p_type == PT_INTERP).map(|segment| {
            let path = file.segment_data(&segment).map_err(|error| format!("its PT_INTERP cannot be read: {error}"))?;
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            Ok::<_, String>(PathBuf::from(OsStr::from_bytes(path)))
        });
        Ok(Self { architecture, interpreter: interpreter.transpose()? })
    }
}

/// The shared objects that a program would load, by the names it asks for them.
///
/// # Errors
/// [`BundleError`], when the dynamic linker cannot be run, or finds one missing.
pub async fn libraries(interpreter: &Path, program: &Path) -> Result<Vec<(String, PathBuf)>, BundleError> {
    // The linker's own list: glibc's and musl's understand --list, and no code of the program runs.
    let listed = Invocation::new(interpreter).args(["--list"]).args([program]).run(LIST_DEADLINE).await?;
    let wrong = |why: String| BundleError::Libraries { program: program.to_owned(), why };
    if !listed.success() {
        return Err(wrong(format!("{} --list: {}", interpreter.display(), listed.stderr_text().trim())));
    }
    parse_libraries(&listed.stdout_text()).map_err(wrong)
}

/// Reads what a dynamic linker lists: lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5c9c000000)`.
/// Lines without an arrow are the kernel's vdso and the linker itself.
///
/// # Errors
/// The line with a library that is missing.
pub fn parse_libraries(listed: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let mut libraries = Vec::new();
    for line in listed.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else { continue };
        let path = place.rsplit_once(" (").map_or(place, |(path, _address)| path);
        if !path.starts_with('/') {
            return Err(format!("{name}: {place}"));
        }
        // One asked for by its path is the linker under its other name.
        if !name.contains('/') {
            libraries.push((name.to_owned(), PathBuf::from(path)));
        }
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linkers_list_is_read() {
        let glibc = "\tlinux-vdso.so.1 (0x00007ffd0cffe000)\n\
                     \tlibgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007f23ba7b4000)\n\
                     \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f23ba5d2000)\n\
                     \t/lib64/ld-linux-x86-64.so.2 (0x00007f23bb9c9000)\n";
        let expected = [
            ("libgcc_s.so.1".to_owned(), PathBuf::from("/lib/x86_64-linux-gnu/libgcc_s.so.1")),
            ("libc.so.6".to_owned(), PathBuf::from("/lib/x86_64-linux-gnu/libc.so.6")),
        ];
        assert_eq!(parse_libraries(glibc).unwrap(), expected);
        let nix = "\tlibc.so.6 => /nix/store/x-glibc-2.40/lib/libc.so.6 (0x00007f23ba5d2000)\n\
                   \t/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2 => /nix/store/x-glibc-2.40/lib64/ld-linux-x86-64.so.2 (0x1)\n";
        assert_eq!(
            parse_libraries(nix).unwrap(),
            [("libc.so.6".to_owned(), PathBuf::from("/nix/store/x-glibc-2.40/lib/libc.so.6"))]
        );
        assert_eq!(parse_libraries("\tlibgone.so.3 => not found\n").unwrap_err(), "libgone.so.3: not found");
    }

    #[test]
    fn this_programs_own_header_is_read_and_other_files_are_refused() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let header = ProgramHeader::read(&own).unwrap();
        assert_eq!(header.architecture, architecture);
        assert!(header.interpreter.is_none_or(|interpreter| interpreter.is_file()));
        let mut foreign = own.clone();
        foreign[18..20].copy_from_slice(&EM_S390.to_ne_bytes());
        assert_eq!(ProgramHeader::read(&foreign).unwrap().architecture, "s390x");
        assert!(ProgramHeader::read(b"#!/bin/sh\n").unwrap_err().starts_with("it is no ELF file: "));
        assert!(ProgramHeader::read(&own[..40]).unwrap_err().starts_with("it is no ELF file: "));
    }
}
