//! Kits that say something else than they hold.

use std::{fs, io};

use super::{ALL, refused, whole, write};
use crate::archive;
use crate::archive::ArchiveError;
use crate::archive::samples::{naming, tar, untar};
use crate::kit::{Index, Kit};
use crate::{CILIUM, NODE};
use lab_manifest::Digest;

#[test]
fn what_has_no_business_in_a_kit_is_refused_by_name() {
    let (_folder, path) = whole();
    let entries = untar(&fs::read(&path).unwrap());
    let with = |name: &str, at: usize| {
        let mut more = entries.clone();
        more.insert(at, (name.to_owned(), b"content".to_vec()));
        more
    };
    let refusal = |name: &str, why: &str| format!("{name:?} in it {why}: no kit that lab packed; do not use it");
    for name in ["images/more.tar", "chart/more.tgz"] {
        assert_eq!(refused(&path, &tar(&with(name, 0))), refusal(name, "is not named in kit.json"));
    }
    for name in ["passwd", "images/.hidden", "images/a/b", "images/a b", "etc/passwd"] {
        assert_eq!(refused(&path, &tar(&with(name, 0))), refusal(name, "has a name that no kit has"));
    }
    assert_eq!(refused(&path, &tar(&with("images/more.tar", 6))), refusal("images/more.tar", "comes after kit.json"));
    assert_eq!(refused(&path, &tar(&with("images/node.tar", 3))), refusal("images/node.tar", "is there twice"));
    let header = |kind: tar::EntryType, name: &str, size: u64| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        let mut kit = header.as_bytes().to_vec();
        kit.extend_from_slice(&tar(&entries));
        refused(&path, &kit)
    };
    for name in ["../../etc/passwd", "/etc/passwd", "images/../../x"] {
        assert_eq!(header(tar::EntryType::Regular, name, 0), refusal(name, "has a name that no kit has"));
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::GNULongName, tar::EntryType::XHeader] {
        assert_eq!(header(kind, "images/x", 0), refusal("images/x", "is no regular file"));
    }
    let said = header(tar::EntryType::Regular, "images/x", 1 << 60);
    assert!(said.starts_with("cut off in images/x: 1152921504606846976 bytes were announced, "), "{said}");
}

#[test]
fn an_index_that_lies_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str, change: &dyn Fn(&mut Index)| {
        let path = folder.path().join(name);
        write(&path, &ALL, change);
        Kit::open(&path).unwrap_err().to_string().split_once(": ").unwrap().1.to_owned()
    };
    let text = said("size", &|index| index.images[1].file.bytes += 1);
    assert!(text.starts_with("\"images/cilium.tar.zst\" in it has "), "{text}");
    let text = said("sizes", &|index| index.images[0].file.content_bytes += 1);
    assert!(text.contains("\"images/node.tar\" in it has two sizes in kit.json"), "{text}");
    let text = said("twice", &|index| index.images[1] = index.images[0].clone());
    assert!(text.contains("\"images/node.tar\" in it is named twice in kit.json"), "{text}");
    let text = said("schema", &|index| index.schema = 2);
    assert_eq!(text, "kit.json: schema: expected 1, found 2: packed by another version of lab");
    // Two images of one name, each with an archive of its own.
    let text = said("names", &|index| index.images[1].name = NODE.to_owned());
    assert!(text.starts_with("\"node\" in it is there more than once"), "{text}");
    let (_folder, path) = whole();
    let mut entries = untar(&fs::read(&path).unwrap());
    for (index, why) in [
        ("not JSON", "kit.json: expected ident"),
        ("{\"schema\": 1}", "kit.json: missing field"),
        ("{\"schema\": \"1\"}", "kit.json: invalid type"),
    ] {
        entries.last_mut().unwrap().1 = index.as_bytes().to_vec();
        let text = refused(&path, &tar(&entries));
        assert!(text.starts_with(why), "{text}");
    }
    entries.last_mut().unwrap().1 = vec![b' '; (1 << 20) + 1];
    assert!(refused(&path, &tar(&entries)).starts_with("kit.json: 1048577 bytes, 1048576 at most"));
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
