//! Kits that did not survive their journey.

use std::fs;

use super::{refused, whole};
use crate::archive::samples::untar;
use crate::kit::{INDEX_FILE, Index, Kit};

#[test]
fn what_is_no_kit_is_told_apart() {
    let (folder, path) = whole();
    let kit = fs::read(&path).unwrap();
    assert!(refused(&path, b"").starts_with("not a kit: there is nothing in it"));
    assert!(refused(&path, b"some words, and not even long ones").starts_with("not a kit: "));
    assert!(refused(&path, &[b'x'; 4096]).starts_with("not a kit: "));
    let compressed = zstd::encode_all(kit.as_slice(), 1).unwrap();
    assert!(refused(&path, &compressed).starts_with("not a kit: it is compressed as a whole; `zstd -d` it first"));
    assert!(refused(&path, &[0x1f, 0x8b, 8, 0]).contains("`gzip -d` it first"));
    let said = Kit::open(folder.path()).unwrap_err().to_string();
    assert!(said.contains(": not a kit: it is no file"), "{said}");
    let said = Kit::open(&folder.path().join("none")).unwrap_err().to_string();
    assert!(said.contains("none: cannot be opened: No such file"), "{said}");
}

#[test]
fn a_kit_that_is_cut_off_is_never_taken() {
    let (_folder, path) = whole();
    let kit = fs::read(&path).unwrap();
    let mut reasons = [0, 0, 0];
    let index = kit.windows(8).position(|window| window == b"kit.json").unwrap();
    let end = kit.iter().rposition(|byte| *byte == b'}').unwrap();
    for length in (0..end).step_by(331).chain([index, index + 512, index + 600, end]) {
        let said = refused(&path, &kit[..length]);
        let reason = ["not a kit: ", "cut off: kit.json, which is written last, is missing after ", "cut off in "]
            .into_iter()
            .position(|reason| said.starts_with(reason));
        reasons[reason.unwrap_or_else(|| panic!("{length}: {said}"))] += 1;
    }
    assert!(reasons.iter().all(|count| *count > 0), "{reasons:?}");
    // The end mark alone is nobody's loss.
    fs::write(&path, &kit[..kit.len() - 1024]).unwrap();
    Kit::open(&path).unwrap();
}

#[test]
fn a_damaged_member_is_named() {
    let (_folder, path) = whole();
    let kit = fs::read(&path).unwrap();
    for (name, content) in untar(&kit).into_iter().filter(|(name, _)| name != INDEX_FILE) {
        let at = kit.windows(content.len()).position(|window| window == content).unwrap();
        let mut damaged = kit.clone();
        damaged[at + content.len() / 2] ^= 1;
        let said = refused(&path, &damaged);
        assert!(said.starts_with(&format!("{name} in it is damaged: its SHA-256 is ")), "{said}");
    }
}

#[test]
fn any_single_bit_is_noticed_or_does_not_matter() {
    let (_folder, path) = whole();
    let kit = fs::read(&path).unwrap();
    let index = Kit::open(&path).unwrap().index().clone();
    let mut random = fastrand::Rng::with_seed(99);
    let mut noticed = 0;
    for _ in 0..300 {
        let mut damaged = kit.clone();
        damaged[random.usize(..kit.len())] ^= 1 << random.u8(..8);
        fs::write(&path, &damaged).unwrap();
        match Kit::open(&path) {
            Err(_refused) => noticed += 1,
            // In padding, or in words of the index that are for people and no checksum covers.
            Ok(opened) => {
                let checksums = |index: &Index| index.members().cloned().collect::<Vec<_>>();
                assert_eq!(checksums(opened.index()), checksums(&index));
            }
        }
    }
    assert!(noticed > 200, "{noticed}");
}
