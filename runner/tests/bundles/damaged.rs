//! What no bundle is. Accidents with sealed files as such are in `sealed.rs`.

use super::made::{assert_refused, bundle, compressed, entries, indexed, real, tar_of};

#[test]
fn what_is_no_bundle_is_refused() {
    assert_refused(b"", "not a bundle: it is empty; `lab bundle` makes one");
    assert_refused(b"PK\x03\x04 and so on", "not a bundle: it is not compressed with zstd");
    assert_refused(&tar_of(&entries(&real("native"))), "not a bundle: it is not compressed with zstd");
    assert_refused(&compressed(b"hello"), "cut off at its beginning");
    assert_refused(&compressed(&[7; 4096]), "not a bundle: there is no header of a tar archive at its beginning");
    assert_refused(&compressed(&[0; 1024]), "not a bundle: it has no members");
    let mut parts = entries(&real("native"));
    parts.remove(0);
    assert_refused(&bundle(&parts), "not a bundle: it begins with \"run.json\", not with bundle.json");
}

#[test]
fn what_goes_on_after_its_end_is_refused() {
    let why = "the file continues after the end of ";
    assert_refused(&[real("native"), b"x".to_vec()].concat(), why);
    assert_refused(&[real("native"), real("native")].concat(), why);
    let archive = zstd::decode_all(&real("native")[..]).unwrap();
    assert_refused(&compressed(&[archive.clone(), vec![0; 512]].concat()), why);
    assert_refused(&compressed(&[archive, b"x".to_vec()].concat()), why);
}

#[test]
fn an_index_of_another_run_or_other_members_is_refused() {
    let changed = |from: &str, to: &str| {
        let mut parts = entries(&real("native"));
        let index = String::from_utf8(parts[0].1.clone()).unwrap();
        assert!(index.contains(from), "{index}");
        parts[0].1 = index.replacen(from, to, 1).into_bytes();
        bundle(&parts)
    };
    assert_refused(
        &changed("\"run\": \"ypze\"", "\"run\": \"2fxf\""),
        "bundle.json is of the run \"2fxf\", run.json of \"ypze\"",
    );
    assert_refused(&changed("\"version\": \"0.1.0\"", "\"version\": \"9.1.0\""), "bundle.json is of lab \"9.1.0\"");
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"junit.xm\""),
        "\"junit.xm\" in it has a name that is not used in bundles",
    );
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"report.json\""),
        "\"report.json\" in it is named twice in bundle.json",
    );
    assert_refused(
        &changed("\"path\": \"junit.xml\"", "\"path\": \"run.json\""),
        "\"run.json\" in it is in the wrong place",
    );
    assert_refused(&changed("\"members\"", "\"memberz\""), "bundle.json: missing field `members`");
    let mut parts = entries(&real("native"));
    let last = parts.pop().unwrap().0;
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
