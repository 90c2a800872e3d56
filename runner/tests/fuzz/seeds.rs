//! Real inputs: recordings of a real lab, and bundles of real runs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The files below `tests/data/FOLDER` whose names end so; none twice.
#[track_caller]
pub(crate) fn files(folder: &str, end: &str) -> Vec<Vec<u8>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![data().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.insert(fs::read(&path).expect("a file"));
            }
        }
    }
    assert!(!found.is_empty(), "there is no {end} in {folder}");
    found.into_iter().collect()
}

/// The same as texts.
#[track_caller]
pub(crate) fn texts(folder: &str, end: &str) -> Vec<String> {
    files(folder, end).into_iter().map(|bytes| String::from_utf8(bytes).expect("a text")).collect()
}

/// What is in a bundle, the index first.
pub(crate) fn entries(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(bundle).expect("a bundle"));
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content)
    });
    entries.collect()
}

/// Members of all bundles whose names end so.
pub(crate) fn members(end: &str) -> Vec<String> {
    let bundles = files("bundles", ".tar.zst");
    let all = bundles.iter().flat_map(|bundle| entries(bundle)).filter(|(name, _)| name.ends_with(end));
    let texts: BTreeSet<String> = all.map(|(_, text)| String::from_utf8(text).expect("a text")).collect();
    texts.into_iter().collect()
}

/// Lists of objects, two to a list: what is said of many objects is said of few, and sooner.
pub(crate) fn in_pairs(lists: &[String]) -> Vec<String> {
    let mut pairs = BTreeSet::new();
    for list in lists {
        let items: Vec<serde_json::Value> = serde_json::from_str(list).expect("a list");
        pairs.extend(items.chunks(2).map(|pair| serde_json::to_string(pair).expect("JSON")));
    }
    pairs.into_iter().collect()
}

/// Messages of the kernel, which are a line of hexadecimal digits each.
pub(crate) fn messages(name: &str) -> Vec<Vec<u8>> {
    let path = data().join("netlink").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let octet = |line: &str, at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
    text.lines().map(|line| (0..line.len()).step_by(2).map(|at| octet(line, at)).collect()).collect()
}
