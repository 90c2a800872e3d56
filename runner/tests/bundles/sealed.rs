//! What an accident or somebody else did to a sealed file: each input once, and to both formats.

use super::kits::kit;
use super::made::{Entry, again, change, compressed, content, entries, header, member, real, tar_of, untar};
use lab_images::kit::Kit;
use serde_json::Value;
use std::fs;
use tar::EntryType;

/// A kit is an archive with its index last, a bundle a compressed one with its index first.
#[derive(Debug, Clone, Copy)]
enum Format {
    Kit,
    Bundle,
}
use Format::{Bundle, Kit as AKit};

const BOTH: [Format; 2] = [AKit, Bundle];

impl Format {
    fn name(self) -> &'static str {
        match self {
            AKit => "kit",
            Bundle => "bundle",
        }
    }

    fn index(self) -> String {
        format!("{}.json", self.name())
    }

    /// Two of its members.
    fn two(self) -> [&'static str; 2] {
        match self {
            AKit => ["images/node.tar.zst", "images/cilium.tar.zst"],
            Bundle => ["run.json", "report.json"],
        }
    }

    /// What its index says of the first of them, and where that is in it.
    fn entry(self) -> (&'static str, &'static str) {
        match self {
            AKit => ("/images/0/file", "images[0].file"),
            Bundle => ("/members/0", "members[0]"),
        }
    }

    fn whole(self) -> Vec<u8> {
        match self {
            AKit => kit(&tempfile::tempdir().unwrap().path().join("kit.tar")),
            Bundle => real("native"),
        }
    }

    fn entries(self) -> Vec<Entry> {
        match self {
            AKit => untar(&self.whole()[..]),
            Bundle => entries(&self.whole()),
        }
    }

    /// A file with this archive.
    fn file(self, archive: &[u8]) -> Vec<u8> {
        match self {
            AKit => archive.to_vec(),
            Bundle => compressed(archive),
        }
    }

    /// What stands in it, for all that has a checksum; or what is said of it.
    fn open(self, bytes: &[u8]) -> Result<String, String> {
        let (path, opened) = match self {
            AKit => {
                let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
                fs::write(&path, bytes).unwrap();
                let members = |kit: Kit| format!("{:?}", kit.index().members().collect::<Vec<_>>());
                (path.display().to_string(), Kit::open(&path).map(members).map_err(|error| error.to_string()))
            }
            Bundle => {
                let opened = again(bytes).map(|replay| format!("{replay:?}"));
                ("run.tar.zst".to_owned(), opened.map_err(|error| lab_base::failure::chain(&error)))
            }
        };
        opened.map_err(|said| said.strip_prefix(&format!("{path}: ")).expect("the file is named").to_owned())
    }

    #[track_caller]
    fn assert_refused(self, bytes: &[u8], why: &str) {
        let said = self.open(bytes).expect_err("should be refused");
        assert!(said.starts_with(why), "{why:?} is not how {said:?} begins");
    }

    /// Of a member, which is not to be used.
    #[track_caller]
    fn assert_foreign(self, bytes: &[u8], member: &str, why: &str) {
        let why = format!("{member:?} in it {why}: lab did not write this {}; do not use it", self.name());
        self.assert_refused(bytes, &why);
    }

    /// A whole one with one more header before its last member.
    fn with_header(self, change: impl FnOnce(&mut tar::Header), name: &str) -> Vec<u8> {
        let parts = self.entries();
        let (last, rest) = parts.split_last().unwrap();
        let mut archive = tar_of(rest);
        archive.truncate(archive.len() - 1024);
        let mut hostile = header(name, 0);
        change(&mut hostile);
        hostile.set_cksum();
        member(&mut archive, &hostile, b"");
        archive.extend_from_slice(&tar_of(std::slice::from_ref(last)));
        self.file(&archive)
    }

    /// With another index.
    fn with_index(self, text: &[u8]) -> Vec<u8> {
        let mut parts = self.entries();
        *content(&mut parts, &self.index()) = text.to_vec();
        self.file(&tar_of(&parts))
    }

    /// With something else in its index.
    fn indexed(self, changed: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut parts = self.entries();
        change(&mut parts, &self.index(), changed);
        self.file(&tar_of(&parts))
    }
}

#[test]
fn names_that_lead_out_are_refused() {
    for format in BOTH {
        for name in ["../../etc/passwd", "/etc/passwd", "images/../../x", "cases/x/../../../y", ".."] {
            format.assert_foreign(
                &format.with_header(|_header| {}, name),
                name,
                "has a path that leads out of the archive",
            );
        }
    }
}

#[test]
fn links_devices_and_second_names_are_refused() {
    for (kind, is) in [
        (EntryType::Symlink, "is a symbolic link"),
        (EntryType::Link, "is a hard link"),
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a device"),
        (EntryType::Directory, "is a folder"),
        (EntryType::GNULongName, "is not a regular file"),
        (EntryType::GNULongLink, "is not a regular file"),
        (EntryType::XHeader, "is not a regular file"),
        (EntryType::XGlobalHeader, "is not a regular file"),
        (EntryType::GNUSparse, "is not a regular file"),
    ] {
        for format in BOTH {
            let change = |header: &mut tar::Header| {
                header.set_entry_type(kind);
                header.set_link_name("/etc/passwd").unwrap();
            };
            let [name, _] = format.two();
            format.assert_foreign(&format.with_header(change, name), name, is);
        }
    }
}

#[test]
fn members_that_are_there_twice_or_are_not_named_are_refused() {
    for (format, unnamed) in [(AKit, "images/more.tar"), (Bundle, "kubeconfig")] {
        let [name, _] = format.two();
        format.assert_foreign(&format.with_header(|_header| {}, name), name, "occurs twice");
        let why = format!("is not named in {}", format.index());
        format.assert_foreign(&format.with_header(|_header| {}, unnamed), unnamed, &why);
    }
}

/// A bundle is as lab writes it. A kit may be another program's, as those of `nix/kit.bash` are.
#[test]
fn headers_and_padding_that_lab_does_not_write_are_refused_in_bundles() {
    let name = "junit.xml";
    let why = "has a header that lab does not write";
    Bundle.assert_foreign(&Bundle.with_header(|header| header.set_mode(0o4755), name), name, why);
    Bundle.assert_foreign(&Bundle.with_header(|header| header.set_uid(0o7), name), name, why);
    Bundle.assert_foreign(&Bundle.with_header(|header| header.as_mut_bytes()[511] = 1, name), name, why);
    // What fills up a block is nothing.
    let (name, first) = &Bundle.entries()[0];
    let mut archive = tar_of(&Bundle.entries());
    let end = 512 + first.len();
    assert!(!end.is_multiple_of(512));
    archive[end] = 1;
    Bundle.assert_foreign(&Bundle.file(&archive), name, "is padded with something other than zeros");

    // As GNU tar writes it with --format=ustar, with its end filled up to 10 KiB.
    let mut foreign = Vec::new();
    for (name, content) in AKit.entries() {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        member(&mut foreign, &header, &content);
    }
    foreign.resize((foreign.len() + 1024).next_multiple_of(10_240), 0);
    let whole = AKit.whole();
    assert_ne!(foreign, whole);
    assert_eq!(AKit.open(&foreign), AKit.open(&whole));
    assert!(AKit.open(&whole).is_ok());
    assert_eq!(tar_of(&AKit.entries()), whole);
}

#[test]
fn absurd_sizes_are_refused_before_there_is_memory_for_them() {
    for bytes in [1 << 60, u64::MAX, 1 << 40] {
        for format in BOTH {
            let parts = format.entries();
            let mut archive = tar_of(&parts[..1]);
            archive.truncate(archive.len() - 1024);
            let (name, why) = match format {
                // What its index says comes after it.
                AKit => (format.two()[1], format!(": it has 512 of {bytes} bytes; copy it again")),
                Bundle => (format.two()[0], format!(" has {bytes} bytes, where bundle.json says ")),
            };
            let why = match format {
                AKit => format!("cut off in {name}{why}"),
                Bundle => format!("{name:?} in it{why}"),
            };
            member(&mut archive, &header(name, bytes), &[7; 512]);
            format.assert_refused(&format.file(&archive), &why);
        }
    }
    for (format, most) in [(AKit, 1 << 20), (Bundle, 2 << 20)] {
        let mut archive = Vec::new();
        member(&mut archive, &header(&format.index(), 1 << 50), b"");
        let why = format!("{}: it has 1125899906842624 bytes, and at most {most} are accepted", format.index());
        format.assert_refused(&format.file(&archive), &why);
    }
}

/// Wherever it is cut, before or after it was compressed.
#[test]
fn what_is_cut_off_is_refused_as_that() {
    for format in BOTH {
        let whole = format.whole();
        // Of an archive the mark of its end alone is nobody's loss, when its index has been there.
        let most = if let AKit = format { whole.iter().rposition(|byte| *byte == b'}').unwrap() } else { whole.len() };
        let ends = [5, 6, 17, 100, 512, 1000, most / 3, most / 2, most - 600, most - 5, most - 4, most - 1];
        for end in ends.into_iter().chain((0..most).step_by(most / 20 + 1).skip(1)) {
            let said = format.open(&whole[..end]).expect_err("should be refused");
            let none = matches!(format, AKit) && end < 512 && said.starts_with("not a kit: there is no header");
            assert!(said.starts_with("cut off ") || said.starts_with("cut off: ") || none, "{end}: {said}");
        }
    }
    let archive = tar_of(&entries(&real("native")));
    for end in [512, 700, archive.len() / 2, archive.len() - 1024, archive.len() - 512, archive.len() - 1] {
        Bundle.assert_refused(&compressed(&archive[..end]), "cut off ");
    }
    let whole = AKit.whole();
    AKit.open(&whole[..whole.len() - 1024]).unwrap();
    let parts = AKit.entries();
    let without = tar_of(&parts[..parts.len() - 1]);
    let why = "cut off: kit.json, which is written last, is missing after chart/cilium-1.12.4.tgz; copy it again";
    AKit.assert_refused(&without, why);
    AKit.assert_refused(&without[..without.len() - 1024], why);
}

/// A flipped bit is refused, or it was one that nothing depends on.
#[test]
fn a_flipped_bit_changes_nothing_that_is_believed() {
    for format in BOTH {
        let whole = format.whole();
        let as_it_was = format.open(&whole).unwrap();
        let step = if let AKit = format { 31 } else { 997 };
        let tried: Vec<usize> = (0..64).chain((64..whole.len()).step_by(step)).collect();
        let mut refused = 0;
        for at in &tried {
            let mut flipped = whole.clone();
            flipped[*at] ^= 0x10;
            match format.open(&flipped) {
                Err(_) => refused += 1,
                Ok(opened) => assert_eq!(opened, as_it_was, "{at}"),
            }
        }
        // In a kit also what no checksum covers: words for people in the index, what fills up blocks, the end.
        let most = if let AKit = format { tried.len() / 3 } else { 2 };
        assert!(refused + most >= tried.len(), "{format:?}: {refused} of {} were refused", tried.len());
    }
}

#[test]
fn a_tampered_member_is_refused_by_its_name() {
    for format in BOTH {
        for (name, _) in format.entries().into_iter().filter(|(name, _)| *name != format.index()) {
            let mut parts = format.entries();
            let text = content(&mut parts, &name);
            let middle = text.len() / 2;
            text[middle] ^= 1;
            let why = format!("{name} in it is damaged: its SHA-256 is ");
            format.assert_refused(&format.file(&tar_of(&parts)), &why);
        }
    }
}

#[test]
fn an_index_that_says_something_else_is_refused() {
    for (format, again) in [(AKit, "pack it again"), (Bundle, "bundle it again")] {
        let index = format.index();
        let (pointer, key) = format.entry();
        let [first, second] = format.two();
        let changed =
            |name: &str, value: Value| format.indexed(|index| index.pointer_mut(pointer).unwrap()[name] = value);
        let schema = format!("{index}: schema: expected 1, found 2: written by another version of lab");
        format.assert_refused(&format.indexed(|index| index["schema"] = 2.into()), &schema);
        format.assert_refused(&changed("sha256", "x".into()), &format!("{index}: {key}.sha256: "));
        format.assert_refused(&changed("sha256", "0".repeat(64).into()), &format!("{first} in it is damaged"));
        let parts = format.entries();
        let size = parts.iter().find(|(name, _)| name == first).unwrap().1.len();
        let why = format!("has {size} bytes, where {index} says {}", size + 1);
        format.assert_foreign(&changed("bytes", (size + 1).into()), first, &why);
        let twice = format.indexed(|index| {
            let first = index.pointer(pointer).unwrap().clone();
            *index.pointer_mut(&pointer.replace('0', "1")).unwrap() = first;
        });
        format.assert_foreign(&twice, first, &format!("is named twice in {index}"));
        for (text, why) in [
            (&b"not JSON"[..], "expected ident"),
            (b"{\"schema\": 1}", "missing field"),
            (b"{\"schema\": \"1\"}", "invalid type"),
            (b"{\"schema\": 18446744073709551616}", "invalid type"),
        ] {
            format.assert_refused(&format.with_index(text), &format!("{index}: {why}"));
        }
        // What is named and not there.
        for missing in [parts.iter().rfind(|(name, _)| *name != index).unwrap().0.as_str(), second] {
            let rest: Vec<Entry> = parts.iter().filter(|(name, _)| name != missing).cloned().collect();
            let incomplete = format!("incomplete: there is no {missing}, which {index} names, in it; {again}");
            let next = format!("\"junit.xml\" in it is in the place of {missing}");
            let early = matches!(format, Bundle) && missing == second;
            format.assert_refused(&format.file(&tar_of(&rest)), if early { &next } else { &incomplete });
        }
    }
}
