//! Real bundles taken apart, changed, and put together again.

use lab_base::sha256;
use lab_bundle::{BundleError, INDEX_FILE, Index, Replay, replay};
use lab_manifest::Sha256;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A member: its name and its content.
pub(crate) type Entry = (String, Vec<u8>);

/// A bundle that was written by the program, of a real run: `native`, `vxlan` or `none`.
pub(crate) fn path(routing: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/bundles/netns-{routing}.tar.zst"))
}

pub(crate) fn real(routing: &str) -> Vec<u8> {
    fs::read(path(routing)).unwrap()
}

/// What is in a bundle, the index first.
pub(crate) fn entries(bundle: &[u8]) -> Vec<Entry> {
    untar(zstd::Decoder::new(bundle).unwrap())
}

/// What is in an archive, in its order.
pub(crate) fn untar(archive: impl Read) -> Vec<Entry> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), content)
    });
    entries.collect()
}

/// A header as lab writes it.
pub(crate) fn header(name: &str, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    // Not by set_path, which would refuse what is tried here.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    header
}

/// The archive, not compressed.
pub(crate) fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in entries {
        member(&mut archive, &header(name, content.len() as u64), content);
    }
    archive.extend_from_slice(&[0; 1024]);
    archive
}

pub(crate) fn member(archive: &mut Vec<u8>, header: &tar::Header, content: &[u8]) {
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

pub(crate) fn compressed(archive: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::copy(&mut &archive[..], &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// Put together as it is.
pub(crate) fn bundle(entries: &[Entry]) -> Vec<u8> {
    compressed(&tar_of(entries))
}

/// The index made true of what is there.
pub(crate) fn indexed(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut index: Index = serde_json::from_slice(&entries[0].1).unwrap();
    index.members = entries[1..]
        .iter()
        .map(|(name, content)| lab_bundle::Member {
            path: name.clone(),
            bytes: content.len() as u64,
            sha256: Sha256::of(content),
        })
        .collect();
    entries[0].1 = serde_json::to_vec_pretty(&index).unwrap();
    entries
}

/// The content of a member, to be changed.
#[track_caller]
pub(crate) fn content<'a>(entries: &'a mut [Entry], name: &str) -> &'a mut Vec<u8> {
    &mut entries.iter_mut().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no {name}")).1
}

/// A JSON member changed.
#[track_caller]
pub(crate) fn change(entries: &mut [Entry], name: &str, change: impl FnOnce(&mut Value)) {
    let text = content(entries, name);
    let mut value = serde_json::from_slice(text).unwrap();
    change(&mut value);
    *text = serde_json::to_vec_pretty(&value).unwrap();
}

/// A real run, which an older version made, as this version would have written it: with the hashes of its captures.
pub(crate) fn hashed(routing: &str) -> Vec<Entry> {
    let mut parts = entries(&real(routing));
    let all = parts.clone();
    for (name, _) in &all {
        if name == "run.json" || name.ends_with("/case.json") {
            let folder = name.trim_end_matches("case.json");
            let is_capture = |file: &str| Path::new(file).extension().is_some_and(|end| end == "pcap");
            let captures = all.iter().filter(|(file, _)| file.starts_with(folder) && is_capture(file));
            let hashes: Value = captures.map(|(file, content)| (file.clone(), Value::from(sha256(content)))).collect();
            change(&mut parts, name, |file| {
                file["schema"] = lab_evidence::SCHEMA.into();
                if name.ends_with("/case.json") {
                    file["captures_sha256"] = hashes;
                }
            });
        }
    }
    parts
}

/// Evidence of a case changed, and every hash of it made true: as one does who wants to be believed.
#[track_caller]
pub(crate) fn change_evidence(entries: &mut [Entry], case: &str, change_data: impl FnOnce(&mut Value)) {
    let folder = format!("cases/{}", case.replace("::", "__"));
    let evidence = content(entries, &format!("{folder}/evidence.jsonl"));
    let mut line: Value = serde_json::from_slice(evidence).unwrap();
    change_data(&mut line["data"]);
    let data = serde_json::to_string(&line["data"]).unwrap();
    line["sha256"] = sha256(data.as_bytes()).into();
    // The data stand last, as the bytes that are hashed.
    line.as_object_mut().unwrap().remove("data");
    let mut text = serde_json::to_string(&line).unwrap();
    text.truncate(text.len() - 1);
    *evidence = format!("{text},\"data\":{data}}}\n").into_bytes();
    let sha256 = sha256(evidence);
    change(entries, &format!("{folder}/case.json"), |case| case["evidence_sha256"] = sha256.into());
}

/// Judged again.
pub(crate) fn again(bytes: &[u8]) -> Result<Replay, BundleError> {
    replay(bytes, Path::new("run.tar.zst"))
}

/// What is said of a bundle that is refused.
#[track_caller]
pub(crate) fn refused(bytes: &[u8]) -> String {
    let error = again(bytes).expect_err("should be refused");
    let said = lab_base::failure::chain(&error);
    said.strip_prefix("run.tar.zst: ").unwrap_or_else(|| panic!("the file is not named: {said}")).to_owned()
}

#[track_caller]
pub(crate) fn assert_refused(bytes: &[u8], why: &str) {
    let said = refused(bytes);
    assert!(said.contains(why), "{why:?} is not in {said:?}");
}

#[test]
fn a_bundle_that_was_taken_apart_and_put_together_is_the_same() {
    for routing in ["native", "vxlan", "none"] {
        let parts = entries(&real(routing));
        assert_eq!(parts[0].0, INDEX_FILE);
        assert_eq!(tar_of(&parts), zstd::decode_all(&real(routing)[..]).unwrap());
        assert_eq!(indexed(parts.clone()), parts);
        assert_eq!(again(&bundle(&parts)).unwrap(), again(&real(routing)).unwrap());
    }
}
