//! Bundles: as they are on disk, as archives, and with members that were changed and hashed anew.

use lab::bundle::{INDEX_FILE, Index, Member, Part, replay};
use lab::manifest::Sha256;
use proptest::prelude::*;
use proptest::sample::{Index as At, select};
use serde_json::Value;
use sha2::Digest as _;
use std::path::Path;

use super::change::{apply, apply_to_json, bytes, json};
use super::driver::{any_outcome, fuzz};
use super::seeds::{entries, files};

fn all() -> Vec<Vec<u8>> {
    files("bundles", ".tar.zst")
}

fn compressed(archive: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.include_checksum(true).expect("a checksum");
    std::io::copy(&mut &archive[..], &mut encoder).expect("compressed");
    encoder.finish().expect("compressed")
}

/// What was changed on its way is refused, or says the same as before.
#[test]
fn a_changed_bundle_is_refused_or_says_the_same() {
    let judged = |bundle: Vec<u8>| {
        let before = replay(&bundle[..], Path::new("b")).expect("a bundle");
        (bundle, before)
    };
    let all: Vec<_> = all().into_iter().map(judged).collect();
    fuzz("bundles", &(0..all.len(), bytes()), |(seed, changes)| {
        let (bundle, before) = &all[seed];
        if let Ok(after) = replay(&apply(bundle, &changes)[..], Path::new("b")) {
            prop_assert_eq!(before, &after);
        }
        Ok(())
    });
}

#[test]
fn a_changed_archive_within_a_bundle_is_read() {
    let archives: Vec<_> = all().iter().map(|bundle| zstd::decode_all(&bundle[..]).expect("an archive")).collect();
    fuzz("archives of bundles", &(select(archives), bytes()), |(archive, changes)| {
        let changed = compressed(&apply(&archive, &changes));
        any_outcome(replay(&changed[..], Path::new("b")))
    });
}

/// As one does who wants to be believed: all hashes are right.
#[test]
fn a_bundle_of_changed_members_is_read_and_judged() {
    let all: Vec<_> = all().iter().map(|bundle| entries(bundle)).collect();
    fuzz(
        "members of bundles",
        &(select(all), any::<At>(), json(), any::<bool>(), bytes()),
        |(mut parts, at, changes, by_bytes, flips)| {
            let at = 1 + at.index(parts.len() - 1);
            let text = &mut parts[at].1;
            let document = serde_json::from_slice::<Value>(text).ok().filter(|_| !by_bytes);
            *text = match document {
                Some(document) => apply_to_json(&document, &changes).to_string().into_bytes(),
                None => apply(text, &flips),
            };
            let mut index: Index = serde_json::from_slice(&parts[0].1).expect("an index");
            let member = |(name, content): &(String, Vec<u8>)| Member {
                path: name.clone(),
                bytes: content.len() as u64,
                sha256: Sha256::from_sha256(sha2::Sha256::digest(content).into()),
            };
            index.members = parts[1..].iter().map(member).collect();
            parts[0] = (INDEX_FILE.to_owned(), serde_json::to_vec(&index).expect("an index"));
            let mut archive = Vec::new();
            for (name, content) in &parts {
                let mut header = tar::Header::new_gnu();
                header.set_path(name).expect("a name");
                header.set_size(content.len() as u64);
                header.set_mode(0o644);
                header.set_uid(0);
                header.set_gid(0);
                header.set_mtime(0);
                header.set_cksum();
                archive.extend_from_slice(header.as_bytes());
                archive.extend_from_slice(content);
                archive.resize(archive.len().next_multiple_of(512), 0);
            }
            archive.extend_from_slice(&[0; 1024]);
            any_outcome(replay(&compressed(&archive)[..], Path::new("b")))
        },
    );
}

/// A name that is known is written as it was read.
#[test]
fn names_of_members_read_back() {
    let names: Vec<String> = all().iter().flat_map(|bundle| entries(bundle)).skip(1).map(|(name, _)| name).collect();
    for name in names.iter().filter(|name| *name != INDEX_FILE) {
        assert_eq!(Part::parse(name).expect("a name").to_string(), *name);
    }
    fuzz("names", &(select(names), bytes()), |(name, changes)| {
        let name = super::change::apply_to_text(&name, &changes);
        if let Some(part) = Part::parse(&name) {
            prop_assert_eq!(part.to_string(), name.clone());
            prop_assert!(!name.contains("..") && !name.starts_with('/'));
        }
        Ok(())
    });
}
