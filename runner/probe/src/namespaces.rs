//! The network namespaces of the processes that are seen here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::look::LookError;
use super::view::OWN_NETNS;
use lab_model::request::Answer;

/// Where processes are.
const PROCESSES: &str = "/proc";

/// A file of each network namespace but the one of this thread, in the order of its first process.
pub(super) fn namespaces() -> Result<Answer, LookError> {
    let failed = |source| LookError::System { doing: "list processes", source };
    let mut known = BTreeSet::from([identity(Path::new(OWN_NETNS)).map_err(failed)?]);
    let mut numbers: Vec<u32> = fs::read_dir(PROCESSES)
        .map_err(failed)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let (mut files, mut closed) = (Vec::new(), 0);
    for number in numbers {
        let file = PathBuf::from(format!("{PROCESSES}/{number}/ns/net"));
        match identity(&file) {
            Ok(identity) if known.insert(identity) => files.push(file),
            Ok(_again) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => closed += 1,
            // It has ended meanwhile.
            Err(_gone) => {}
        }
    }
    Ok(Answer::Namespaces { files, closed })
}

fn identity(file: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(file).map(|found| (found.dev(), found.ino()))
}
