//! Finds the shared libraries that a program of this machine needs in an image.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_base::exec::Invocation;

/// Deadline for the dynamic linker's list.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// The shared libraries that a program would load: the names that it asks for, and their paths.
///
/// # Errors
/// When the dynamic linker cannot be run, or finds one missing.
pub(crate) async fn libraries(interpreter: &Path, program: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    // The linkers of glibc and musl have the option --list, which does not run any code of the program.
    let listed = Invocation::new(interpreter).args(["--list"]).args([program]).run(LIST_DEADLINE).await;
    let listed = listed.map_err(|error| error.to_string())?;
    let wrong = |why: String| format!("{}: {why}", program.display());
    if !listed.success() {
        return Err(wrong(format!("{} --list: {}", interpreter.display(), listed.stderr_text().trim())));
    }
    parse_libraries(&listed.stdout_text()).map_err(wrong)
}

/// Reads what a dynamic linker lists: lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5c9c000000)`.
/// Lines without an arrow are the kernel's vdso and the linker itself.
///
/// # Errors
/// A library is missing; the error has its line.
fn parse_libraries(listed: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let mut libraries = Vec::new();
    for line in listed.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else { continue };
        let path = place.rsplit_once(" (").map_or(place, |(path, _address)| path);
        if !path.starts_with('/') {
            return Err(format!("{name}: {place}"));
        }
        // A name with a slash is the linker itself.
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
}
