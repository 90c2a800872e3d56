//! Reads the header of a program: the architecture it was built for, and whether it needs a dynamic linker.

use elf::ElfBytes;
use elf::abi::{EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, PT_INTERP};
use elf::endian::AnyEndian;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What is read from the header of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramHeader {
    /// The architecture as Go and the Engine name it: `amd64`.
    pub architecture: String,
    /// The dynamic linker (`PT_INTERP`); none for a static program.
    pub interpreter: Option<PathBuf>,
}

impl ProgramHeader {
    /// Reads the header (System V ABI, chapter 4; the numbers of machines are those of include/uapi/linux/elf-em.h).
    ///
    /// # Errors
    /// A text that says what is wrong with the file.
    pub fn read(program: &[u8]) -> Result<Self, String> {
        let file =
            ElfBytes::<AnyEndian>::minimal_parse(program).map_err(|error| format!("it is not an ELF file: {error}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(ProgramHeader::read(b"#!/bin/sh\n").unwrap_err().starts_with("it is not an ELF file: "));
        assert!(ProgramHeader::read(&own[..40]).unwrap_err().starts_with("it is not an ELF file: "));
    }
}
