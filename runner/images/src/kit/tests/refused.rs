//! What no kit is or has. Accidents and attacks on sealed files as such are in `tests/bundles/sealed.rs`.

use std::{fs, io};

use super::{ALL, refused, whole, write};
use crate::archive;
use crate::archive::ArchiveError;
use crate::archive::samples::{naming, tar, untar};
use crate::kit::{Index, Kit};
use crate::{CILIUM, NODE};
use lab_manifest::Digest;

#[test]
fn what_is_no_kit_is_told_apart() {
    let (folder, path) = whole();
    let kit = fs::read(&path).unwrap();
    assert!(refused(&path, b"").starts_with("not a kit: it has no members"));
    assert!(refused(&path, &[0; 1024]).starts_with("not a kit: it has no members"));
    for words in [&b"some words, and not even long ones"[..], &[b'x'; 4096]] {
        let said = refused(&path, words);
        assert!(said.starts_with("not a kit: there is no header of a tar archive at its beginning"), "{said}");
    }
    let compressed = zstd::encode_all(kit.as_slice(), 1).unwrap();
    assert!(
        refused(&path, &compressed)
            .starts_with("not a kit: it is compressed as a whole; decompress it with `zstd -d` first")
    );
    assert!(refused(&path, &[0x1f, 0x8b, 8, 0]).contains("`gzip -d` first"));
    let said = Kit::open(folder.path()).unwrap_err().to_string();
    assert!(said.contains(": not a kit: it is not a regular file"), "{said}");
    let said = Kit::open(&folder.path().join("none")).unwrap_err().to_string();
    assert!(said.contains("none: cannot be opened: No such file"), "{said}");
}

#[test]
fn names_that_no_kit_has_and_members_after_the_index_are_refused() {
    let (_folder, path) = whole();
    let entries = untar(&fs::read(&path).unwrap());
    let with = |name: &str, at: usize, why: &str| {
        let mut more = entries.clone();
        more.insert(at, (name.to_owned(), b"content".to_vec()));
        let said = format!("{name:?} in it {why}: lab did not write this kit; do not use it");
        assert_eq!(refused(&path, &tar(&more)), said);
    };
    for name in ["passwd", "images/.hidden", "images/a/b", "images/a b", "etc/passwd"] {
        with(name, 0, "has a name that is not used in kits");
    }
    with("chart/more.tgz", 0, "is not named in kit.json");
    with("images/more.tar", entries.len(), "comes after kit.json");
}

#[test]
fn an_index_that_contradicts_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str, change: &dyn Fn(&mut Index)| {
        let path = folder.path().join(name);
        write(&path, &ALL, change);
        Kit::open(&path).unwrap_err().to_string().split_once(": ").unwrap().1.to_owned()
    };
    let text = said("sizes", &|index| index.images[0].file.content_bytes += 1);
    assert!(text.contains("\"images/node.tar\" in it has two sizes in kit.json"), "{text}");
    // Two images of one name, each with an archive of its own.
    let text = said("names", &|index| index.images[1].name = NODE.to_owned());
    assert!(text.starts_with("\"node\" in it occurs more than once"), "{text}");
}

/// What unfolds into more than it should, and what is another image under the right checksum.
#[test]
fn content_is_held_to_its_size_and_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    for (change, why) in
        [(-1_i64, "it has more bytes than kit.json says"), (1, "it has fewer bytes than kit.json says")]
    {
        let path = folder.path().join(format!("kit{change}"));
        write(&path, &ALL, |index| {
            let bytes = &mut index.images[1].file.content_bytes;
            *bytes = bytes.checked_add_signed(change).unwrap();
        });
        let kit = Kit::open(&path).unwrap();
        let mut content = kit.content(&kit.index().image(CILIUM).unwrap().file).unwrap();
        assert_eq!(io::copy(&mut content, &mut io::sink()).unwrap_err().to_string(), why);
    }
    let path = folder.path().join("another");
    let index = write(&path, &ALL, |index| index.images[1].config_digest = Digest::of(b"another"));
    let kit = Kit::open(&path).unwrap();
    let file = &kit.index().image(CILIUM).unwrap().file;
    let naming = archive::Naming { config: Some(index.images[1].config_digest.clone()), ..naming() };
    let passed = archive::pass_on(kit.content(file).unwrap(), io::sink(), &naming);
    assert!(matches!(passed, Err(ArchiveError::Other { .. })), "{passed:?}");
}
