//! Bundles that somebody made to do harm.

use super::made::{
    Entry, assert_refused, bundle, change_evidence, compressed, content, entries, header, indexed, member, real, tar_of,
};

/// A real bundle with one more header before its last member.
fn with_header(change: impl FnOnce(&mut tar::Header), name: &str) -> Vec<u8> {
    let parts = entries(&real("native"));
    let mut archive = Vec::new();
    let (last, rest) = parts.split_last().unwrap();
    for (name, content) in rest {
        member(&mut archive, &header(name, content.len() as u64), content);
    }
    let mut hostile = header(name, 0);
    change(&mut hostile);
    hostile.set_cksum();
    member(&mut archive, &hostile, b"");
    member(&mut archive, &header(&last.0, last.1.len() as u64), &last.1);
    archive.extend_from_slice(&[0; 1024]);
    compressed(&archive)
}

#[test]
fn names_that_lead_out_of_the_bundle_are_refused() {
    for name in ["../../etc/passwd", "/etc/passwd", "cases/../../x", "cases/x/../../../y", ".."] {
        assert_refused(
            &with_header(|_header| {}, name),
            &format!("{name:?} in it leads out of it: no bundle that lab wrote"),
        );
        // Named in the index too.
        let mut parts = entries(&real("native"));
        parts.push((name.to_owned(), b"root".to_vec()));
        assert_refused(&bundle(&indexed(parts)), &format!("{name:?} in it has a name that no bundle has"));
    }
}

#[test]
fn links_and_devices_are_refused() {
    use tar::EntryType;
    for (kind, is) in [
        (EntryType::Symlink, "is a symbolic link"),
        (EntryType::Link, "is a hard link"),
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a device"),
        (EntryType::Directory, "is a folder"),
        (EntryType::GNULongName, "is no regular file"),
        (EntryType::GNULongLink, "is no regular file"),
        (EntryType::XHeader, "is no regular file"),
        (EntryType::XGlobalHeader, "is no regular file"),
        (EntryType::GNUSparse, "is no regular file"),
    ] {
        let change = |header: &mut tar::Header| {
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
        };
        assert_refused(&with_header(change, "junit.xml"), &format!("\"junit.xml\" in it {is}"));
    }
}

#[test]
fn duplicate_and_unknown_members_are_refused() {
    assert_refused(&with_header(|_header| {}, "run.json"), "\"run.json\" in it is there twice");
    assert_refused(&with_header(|_header| {}, "kubeconfig"), "\"kubeconfig\" in it is not named in bundle.json");
    let mut parts = entries(&real("native"));
    let run = parts[1].clone();
    parts.insert(2, run);
    assert_refused(&bundle(&indexed(parts)), "\"run.json\" in it is named twice in bundle.json");
    let mut parts = entries(&real("native"));
    parts.push(("kubeconfig".to_owned(), b"clusters".to_vec()));
    assert_refused(&bundle(&indexed(parts)), "\"kubeconfig\" in it has a name that no bundle has");
}

#[test]
fn headers_that_lab_does_not_write_are_refused() {
    let why = "\"junit.xml\" in it has a header that lab does not write";
    assert_refused(&with_header(|header| header.set_mode(0o4755), "junit.xml"), why);
    assert_refused(&with_header(|header| header.set_uid(0o7), "junit.xml"), why);
    assert_refused(&with_header(|header| header.as_mut_bytes()[511] = 1, "junit.xml"), why);
    // What fills up a block is nothing.
    let parts = entries(&real("native"));
    let mut archive = tar_of(&parts);
    let end = 512 + parts[0].1.len();
    assert!(!end.is_multiple_of(512));
    archive[end] = 1;
    assert_refused(&compressed(&archive), "\"bundle.json\" in it is filled up with something");
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_read() {
    for bytes in [1 << 60, u64::MAX, 1 << 40] {
        let said = format!("\"junit.xml\" in it has {bytes} bytes, where bundle.json says");
        let parts = entries(&real("native"));
        let mut archive = Vec::new();
        for (name, content) in &parts[..3] {
            member(&mut archive, &header(name, content.len() as u64), content);
        }
        member(&mut archive, &header("junit.xml", bytes), b"");
        assert_refused(&compressed(&archive), &said);
    }
    let mut archive = Vec::new();
    member(&mut archive, &header("bundle.json", 1 << 50), b"");
    assert_refused(&compressed(&archive), "bundle.json: 1125899906842624 bytes, 2097152 at most");
    // The index and the header agree.
    let sized = |name: &str, bytes: u64| {
        let mut parts = entries(&real("native"));
        super::made::change(&mut parts, "bundle.json", |index| {
            let members = index["members"].as_array_mut().unwrap();
            members.iter_mut().find(|member| member["path"] == name).unwrap()["bytes"] = bytes.into();
        });
        bundle(&parts)
    };
    assert_refused(
        &sized("junit.xml", 1 << 40),
        "\"junit.xml\" in it would have 1099511627776 bytes, 67108864 at most",
    );
    assert_refused(&sized("junit.xml", u64::MAX), "\"junit.xml\" in it would have 18446744073709551615 bytes");
    let pcap = "cases/wire__full_mtu_fits/kind-worker-eth0.pcap";
    assert_refused(&sized(pcap, 1 << 30), &format!("{pcap:?} in it would have 1073741824 bytes, 268435456 at most"));
}

#[test]
fn too_many_members_are_refused() {
    let mut parts = entries(&real("native"));
    parts.extend((0..5000).map(|number| (format!("artefacts/n{number:04}.kubelet.log"), Vec::new())));
    assert_refused(&bundle(&indexed(parts)), "is one too many");
    let mut parts = entries(&real("native"));
    super::made::change(&mut parts, "bundle.json", |index| {
        let members = index["members"].as_array_mut().unwrap();
        let big = (0..6).map(|number| {
            serde_json::json!({"path": format!("artefacts/n{number}.kubelet.log"), "bytes": 200 << 20, "sha256": "0".repeat(64)})
        });
        members.extend(big);
    });
    assert_refused(&bundle(&parts), "would have 209715200 bytes, 67108864 at most");
    let mut parts = entries(&real("native"));
    super::made::change(&mut parts, "bundle.json", |index| {
        let members = index["members"].as_array_mut().unwrap();
        let big = (10..40).map(|number| {
            serde_json::json!({"path": format!("artefacts/n{number}.kubelet.log"), "bytes": 60 << 20, "sha256": "0".repeat(64)})
        });
        members.extend(big);
    });
    assert_refused(&bundle(&parts), "would make it more than 1073741824 bytes in all");
}

/// 48 MiB of nothing in some kilobytes, announced by index and header alike, in a text of a size that is allowed.
#[test]
fn a_decompression_bomb_is_refused_while_it_unfolds() {
    let nothing = vec![b' '; 48 << 20];
    let mut parts = entries(&real("native"));
    *content(&mut parts, "junit.xml") = nothing;
    let parts: Vec<Entry> = indexed(parts);
    let bomb = bundle(&parts);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let said = super::made::refused(&bomb);
    assert!(said.contains(" bytes come out of ") && said.contains("no run is like that"), "{said}");
    let unfolded: u64 = said.split(' ').next().unwrap().parse().unwrap();
    // It was stopped on the way.
    assert!(unfolded < 36 << 20, "{said}");
}

/// Each of these objects takes 632 bytes of memory, of 7: evidence of 64 MiB would take gigabytes.
#[test]
fn evidence_of_millions_of_values_is_refused_before_it_takes_memory() {
    let mut parts = entries(&real("native"));
    change_evidence(&mut parts, "l2__nodes_share_one_bridge", |data| *data = serde_json::json!("HERE"));
    let evidence = content(&mut parts, "cases/l2__nodes_share_one_bridge/evidence.jsonl");
    let text = String::from_utf8(evidence.clone()).unwrap();
    *evidence = text.replace("\"HERE\"", &format!("[{}0]", "{\"\":0},".repeat(1_100_000))).into_bytes();
    let bomb = bundle(&indexed(parts));
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    assert_refused(&bomb, "l2__nodes_share_one_bridge/evidence.jsonl\" in it has more than 2097152 values");
}

/// Memory that decompression would ask for: a window of 128 MiB (RFC 8878, section 3.1.1.1.2).
#[test]
fn a_window_that_lab_does_not_use_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    std::io::copy(&mut &tar_of(&entries(&real("native")))[..], &mut encoder).unwrap();
    assert_refused(&encoder.finish().unwrap(), "damaged at its beginning: ");
}
