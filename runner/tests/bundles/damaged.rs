//! Bundles that were damaged on their way: cut off, flipped, of something else.

use super::made::{again, assert_refused, bundle, compressed, content, entries, indexed, real, refused, tar_of};

#[test]
fn what_is_no_bundle_is_refused() {
    assert_refused(b"", "not a bundle: it is empty; `lab bundle` makes one");
    assert_refused(b"PK\x03\x04 and so on", "not a bundle: it is not compressed with zstd");
    assert_refused(&tar_of(&entries(&real("native"))), "not a bundle: it is not compressed with zstd");
    assert_refused(&compressed(b"hello"), "cut off at its beginning");
    assert_refused(&compressed(&[7; 4096]), "not a bundle: there is no header of a tar archive at its beginning");
    assert_refused(&compressed(&[0; 1024]), "not a bundle: there is nothing in it");
    let mut parts = entries(&real("native"));
    parts.remove(0);
    assert_refused(&bundle(&parts), "not a bundle: it begins with \"run.json\", not with bundle.json");
}

/// Wherever it is cut.
#[test]
fn a_truncated_bundle_is_refused_as_cut_off() {
    let whole = real("native");
    for end in [5, 6, 17, 100, whole.len() / 3, whole.len() / 2, whole.len() - 5, whole.len() - 4, whole.len() - 1] {
        let said = refused(&whole[..end]);
        assert!(said.starts_with("cut off "), "{end}: {said}");
    }
    // Cut off before it was compressed, in the middle of a member and between two.
    let archive = zstd::decode_all(&whole[..]).unwrap();
    for end in [512, 700, archive.len() / 2, archive.len() - 1024, archive.len() - 512, archive.len() - 1] {
        let said = refused(&compressed(&archive[..end]));
        assert!(said.starts_with("cut off "), "{end}: {said}");
    }
}

#[test]
fn what_goes_on_after_its_end_is_refused() {
    let why = "something follows its end";
    assert_refused(&[real("native"), b"x".to_vec()].concat(), why);
    assert_refused(&[real("native"), real("native")].concat(), why);
    let archive = zstd::decode_all(&real("native")[..]).unwrap();
    assert_refused(&compressed(&[archive.clone(), vec![0; 512]].concat()), why);
    assert_refused(&compressed(&[archive, b"x".to_vec()].concat()), why);
}

/// A flipped byte is refused, or it was one that nothing depends on.
#[test]
fn a_flipped_byte_changes_no_verdict() {
    let whole = real("native");
    let as_it_was = again(&whole).unwrap();
    let mut refused = 0;
    let tried: Vec<usize> = (0..64).chain((64..whole.len()).step_by(997)).collect();
    for at in &tried {
        let mut flipped = whole.clone();
        flipped[*at] ^= 0x10;
        match again(&flipped) {
            Err(_) => refused += 1,
            Ok(replay) => assert_eq!(replay, as_it_was, "{at}"),
        }
    }
    assert!(refused + 3 > tried.len(), "{refused} of {} were refused", tried.len());
}

#[test]
fn a_tampered_member_is_refused_by_its_name() {
    for (name, _) in entries(&real("native")).into_iter().skip(1) {
        let mut parts = entries(&real("native"));
        let text = content(&mut parts, &name);
        let middle = text.len() / 2;
        text[middle] ^= 1;
        let said = refused(&bundle(&parts));
        assert!(said.starts_with(&format!("{name} in it is damaged: its SHA-256 is ")), "{name}: {said}");
    }
}

#[test]
fn a_tampered_index_is_refused() {
    let changed = |from: &str, to: &str| {
        let mut parts = entries(&real("native"));
        let index = String::from_utf8(parts[0].1.clone()).unwrap();
        assert!(index.contains(from), "{index}");
        parts[0].1 = index.replacen(from, to, 1).into_bytes();
        bundle(&parts)
    };
    assert_refused(
        &changed("\"schema\": 1", "\"schema\": 2"),
        "bundle.json: schema: expected 1, found 2: written by another version of lab",
    );
    assert_refused(&changed("\"schema\": 1", "\"schema\": 18446744073709551616"), "bundle.json: ");
    assert_refused(
        &changed("\"run\": \"ypze\"", "\"run\": \"2fxf\""),
        "bundle.json is of the run \"2fxf\", run.json of \"ypze\"",
    );
    assert_refused(&changed("\"version\": \"0.1.0\"", "\"version\": \"9.1.0\""), "bundle.json is of lab \"9.1.0\"");
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"junit.xm\""),
        "\"junit.xm\" in it has a name that no bundle has",
    );
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"report.json\""),
        "\"report.json\" in it is named twice in bundle.json",
    );
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"run.json\""),
        "\"run.json\" in it is not in its place",
    );
    assert_refused(&changed("\"members\"", "\"memberz\""), "bundle.json: missing field `members`");
    assert_refused(&changed("\"sha256\": \"", "\"sha256\": \"x"), "bundle.json: members[0].sha256: ");
    let digit = {
        let parts = entries(&real("native"));
        let index = String::from_utf8(parts[0].1.clone()).unwrap();
        index.split("\"sha256\": \"").nth(1).unwrap()[..8].to_owned()
    };
    assert_refused(&changed(&digit, "00000000"), "run.json in it is damaged");
    // Entries that are not there, and things that have no entry.
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| name != "junit.xml");
    assert_refused(&bundle(&parts), "is there where junit.xml should be");
    let mut parts = entries(&real("native"));
    let last = parts.pop().unwrap().0;
    assert_refused(&bundle(&parts), &format!("incomplete: there is no {last}, which bundle.json names, in it"));
    let mut parts = indexed(parts);
    parts.push((last.clone(), b"x".to_vec()));
    assert_refused(&bundle(&parts), &format!("{last:?} in it is not named in bundle.json"));
    // What is a bundle's in any case.
    for needed in ["run.json", "report.json"] {
        let mut parts = entries(&real("native"));
        parts.retain(|(name, _)| name != needed);
        assert_refused(&bundle(&indexed(parts)), &format!("incomplete: there is no {needed} in it"));
    }
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| name != "cases/l2__peers_are_adjacent/case.json");
    assert_refused(&bundle(&indexed(parts)), "incomplete: there is no cases/l2__peers_are_adjacent/case.json in it");
}
