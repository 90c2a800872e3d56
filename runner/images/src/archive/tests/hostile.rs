//! Archives that somebody has tampered with, or that an accident has.

use tar::EntryType;

use super::super::pass_on;
use super::super::samples::{Sample, naming, tar, untar};
use super::{passed, sample};
use lab_manifest::Digest;

#[test]
fn hostile_entries_are_refused_by_name() {
    let hostile = |kind: EntryType, path: &str, size: u64| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        let mut archive = header.as_bytes().to_vec();
        archive.extend_from_slice(&tar(&sample().docker()));
        passed(&archive, &naming()).unwrap_err()
    };
    let said = hostile(EntryType::Regular, "../../etc/passwd", 0);
    assert_eq!(said, "the archive has the entry \"../../etc/passwd\", whose path leads out of the archive");
    let said = hostile(EntryType::Regular, "/etc/passwd", 0);
    assert_eq!(said, "the archive has the entry \"/etc/passwd\", whose path leads out of the archive");
    for kind in [EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse] {
        let said = hostile(kind, "x", 0);
        assert!(said.ends_with("which is neither a file, a folder nor a symbolic link"), "{said}");
    }
    let said = hostile(EntryType::Regular, "manifest.json", 0);
    assert_eq!(said, "the archive has the entry \"manifest.json\", which occurs twice");
    let said = hostile(EntryType::Regular, "huge", 1 << 40);
    assert!(said.starts_with("the archive is cut off in huge: it has "), "{said}");
    for kind in [EntryType::GNULongName, EntryType::GNULongLink] {
        let said = hostile(kind, "././@LongLink", 1 << 40);
        assert!(said.ends_with("which is neither a file, a folder nor a symbolic link"), "{said}");
    }
    let said = hostile(EntryType::XHeader, "PaxHeaders.0/x", 1 << 40);
    assert!(said.ends_with("which is larger than 64 KiB"), "{said}");
}

#[test]
fn extended_headers_may_tell_times_but_no_other_name() {
    let archive = |record: &str| {
        let mut archive = tar(&vec![("x".to_owned(), record.as_bytes().to_vec())]);
        let mut header = tar::Header::from_byte_slice(&archive[..512]).clone();
        header.set_entry_type(EntryType::XHeader);
        header.set_cksum();
        archive[..512].copy_from_slice(header.as_bytes());
        archive.truncate(archive.len() - 1024);
        archive.extend_from_slice(&tar(&sample().docker()));
        passed(&archive, &naming())
    };
    archive("20 mtime=1700000000\n").unwrap();
    for record in ["10 path=y\n", "11 size=99\n", "14 linkpath=y\n"] {
        let said = archive(record).unwrap_err();
        assert!(said.ends_with("which gives the next entry another name or size"), "{record}: {said}");
    }
}

/// Wherever an archive is cut off, or whatever byte of it is changed: what was passed on is refused by the next reader,
/// or is the image.
#[test]
fn nothing_damaged_is_passed_on_as_an_image() {
    let mut random = fastrand::Rng::with_seed(99);
    let mut refusals = 0;
    for round in 0..240 {
        let sample = Sample::random(&mut random);
        let whole = tar(&match round % 3 {
            0 => sample.docker(),
            1 => sample.oci(false),
            _ => sample.oci(true),
        });
        let mut damaged = whole.clone();
        if round % 2 == 0 {
            damaged.truncate(random.usize(..whole.len()));
        } else {
            let at = random.usize(..whole.len());
            damaged[at] ^= 1 << random.u8(..8);
        }
        let mut out = Vec::new();
        let config = Digest::of(&sample.config());
        match pass_on(damaged.as_slice(), &mut out, &naming()) {
            // In padding, in what is not passed on, or after the end.
            Ok(seen) => {
                assert_eq!(seen.config, config);
                let content = |archive: &[u8]| {
                    let mut entries = untar(archive);
                    entries.retain(|(path, _)| path.starts_with("blobs") || path.ends_with("layer.tar"));
                    entries
                };
                assert_eq!(content(&out), content(&whole), "round {round}");
            }
            Err(_refused) => {
                refusals += 1;
                let next = pass_on(out.as_slice(), std::io::sink(), &naming());
                assert!(next.is_err(), "round {round}");
                assert!(!out.windows(13).any(|name| name == b"manifest.json"), "round {round}");
            }
        }
    }
    assert!(refusals > 120, "only {refusals} of 240 were refused");
}
