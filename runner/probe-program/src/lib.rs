//! The program `lab-probe` as octets: static, so that it runs in any Linux of its architecture, whatever C library is
//! there.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The program, for the architecture that this is built for; or why it could not be built with it, in words.
///
/// # Errors
/// What cargo or the linker said.
pub const fn embedded() -> Result<&'static [u8], &'static str> {
    match EMBEDDED {
        Some(program) => Ok(program),
        None => Err(WHY_NOT),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_a_static_program_of_a_few_megabytes() {
        let program = super::embedded().expect("it is built where tests run");
        assert_eq!(&program[..4], b"\x7fELF");
        // PT_INTERP names a dynamic linker: the text of one would stand near the beginning.
        assert!(!program[..4096].windows(4).any(|window| window == b"ld-l"), "it wants a dynamic linker");
        // Five when it is not optimized, three as it is shipped.
        assert!(program.len() < 6 << 20, "{} octets", program.len());
    }
}
