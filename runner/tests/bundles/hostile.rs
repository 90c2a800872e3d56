//! Bundles that somebody made to do harm. Attacks on sealed files as such are in `sealed.rs`.

use super::made::{Entry, assert_refused, bundle, change_evidence, content, entries, indexed, real, tar_of};

#[test]
fn members_that_no_bundle_has_are_refused_where_they_are_named() {
    for name in ["../../etc/passwd", "/etc/passwd", "cases/../../x", "..", "kubeconfig"] {
        let mut parts = entries(&real("native"));
        parts.push((name.to_owned(), b"root".to_vec()));
        assert_refused(&bundle(&indexed(parts)), &format!("{name:?} in it has a name that is not used in bundles"));
    }
}

#[test]
fn absurd_sizes_in_the_index_are_refused() {
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
        "\"junit.xml\" in it is announced with 1099511627776 bytes, and at most 134217728 are accepted",
    );
    assert_refused(&sized("junit.xml", u64::MAX), "\"junit.xml\" in it is announced with 18446744073709551615 bytes");
    let pcap = "cases/wire__full_mtu_fits/kind-worker-eth0.pcap";
    assert_refused(
        &sized(pcap, 1 << 30),
        &format!("{pcap:?} in it is announced with 1073741824 bytes, and at most 268435456 are accepted"),
    );
}

#[test]
fn too_many_members_are_refused() {
    let mut parts = entries(&real("native"));
    parts.extend((0..5000).map(|number| (format!("artefacts/n{number:04}.kubelet.log"), Vec::new())));
    assert_refused(&bundle(&indexed(parts)), "is one member more than a bundle can have");
    let mut parts = entries(&real("native"));
    super::made::change(&mut parts, "bundle.json", |index| {
        let members = index["members"].as_array_mut().unwrap();
        let big = (0..6).map(|number| {
            serde_json::json!({"path": format!("artefacts/n{number}.kubelet.log"), "bytes": 200 << 20, "sha256": "0".repeat(64)})
        });
        members.extend(big);
    });
    assert_refused(&bundle(&parts), "is announced with 209715200 bytes, and at most 134217728 are accepted");
    let mut parts = entries(&real("native"));
    super::made::change(&mut parts, "bundle.json", |index| {
        let members = index["members"].as_array_mut().unwrap();
        let big = (10..40).map(|number| {
            serde_json::json!({"path": format!("artefacts/n{number}.kubelet.log"), "bytes": 60 << 20, "sha256": "0".repeat(64)})
        });
        members.extend(big);
    });
    assert_refused(&bundle(&parts), "would bring all members to more than 1073741824 bytes");
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
    assert!(said.contains(" bytes come out of ") && said.contains("lab did not write this bundle"), "{said}");
    let unfolded: u64 = said.split(' ').next().unwrap().parse().unwrap();
    // It was stopped on the way.
    assert!(unfolded < 36 << 20, "{said}");
}

/// Each of these objects takes 632 bytes of memory, of 7: evidence of 128 MiB would take ten gigabytes.
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
