//! Bundles whose hashes are all right, and whose files cannot all be true.

use super::made::{again, assert_refused, bundle, change, content, entries, hashed, indexed, real};

const CASE: &str = "cases/l2__peers_are_adjacent/case.json";
const EVIDENCE: &str = "cases/l2__peers_are_adjacent/evidence.jsonl";

#[test]
fn evidence_that_is_missing_is_refused() {
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| name != EVIDENCE);
    assert_refused(
        &bundle(&indexed(parts)),
        &format!("evidence of \"l2::peers_are_adjacent\": {EVIDENCE:?} is not there"),
    );
    let mut parts = entries(&real("native"));
    content(&mut parts, EVIDENCE).clear();
    change(&mut parts, CASE, |case| case["evidence_sha256"] = lab_base::sha256(b"").into());
    assert_refused(&bundle(&indexed(parts)), &format!("{EVIDENCE}: there is no evidence, and case.json has a verdict"));
    let mut parts = entries(&real("native"));
    let pcap = "cases/wire__full_mtu_fits/kind-worker-eth0.pcap";
    parts.retain(|(name, _)| name != pcap);
    assert_refused(&bundle(&indexed(parts)), &format!("{pcap:?} is not there, and case.json names it"));
    let mut parts = entries(&real("native"));
    let capture = parts.iter().find(|(name, _)| name == pcap).unwrap().1.clone();
    let at = parts.iter().position(|(name, _)| name == EVIDENCE).unwrap();
    parts.insert(at + 1, ("cases/l2__peers_are_adjacent/eth0.pcap".to_owned(), capture));
    assert_refused(&bundle(&indexed(parts)), "\"cases/l2__peers_are_adjacent/eth0.pcap\" is not named in case.json");
    // The whole case, and the report still has its verdict.
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| !name.starts_with("cases/l2__peers_are_adjacent/"));
    assert_refused(
        &bundle(&indexed(parts)),
        "there is no evidence of \"l2::peers_are_adjacent\", and report.json has a verdict",
    );
}

#[test]
fn evidence_unlike_its_hashes_is_refused() {
    let mut parts = entries(&real("native"));
    let text = String::from_utf8(content(&mut parts, EVIDENCE).clone()).unwrap();
    let other = text.replacen("172.18.0.2", "172.18.0.9", 1);
    assert_ne!(text, other);
    *content(&mut parts, EVIDENCE) = other.into_bytes();
    assert_refused(
        &bundle(&indexed(parts)),
        &format!("{EVIDENCE}:1: altered after it was written: its data have sha256 "),
    );
    let mut parts = entries(&real("native"));
    change(&mut parts, CASE, |case| case["evidence_sha256"] = lab_base::sha256(b"another").into());
    assert_refused(&bundle(&indexed(parts)), &format!("{EVIDENCE}: altered after it was written: it has sha256 "));
    // A line more.
    let mut parts = entries(&real("native"));
    let twice = content(&mut parts, EVIDENCE).repeat(2);
    *content(&mut parts, EVIDENCE) = twice;
    assert_refused(&bundle(&indexed(parts)), &format!("{EVIDENCE}: altered after it was written"));
}

#[test]
fn verdicts_that_are_not_the_same_everywhere_are_refused() {
    let mut parts = entries(&real("vxlan"));
    change(&mut parts, "report.json", |report| {
        let cases = report["cases"].as_array_mut().unwrap();
        let case = cases.iter_mut().find(|case| case["name"] == "routing::no_tunnel_device").unwrap();
        case["findings"].as_array_mut().unwrap().pop();
    });
    assert_refused(
        &bundle(&indexed(parts)),
        "the verdict on \"routing::no_tunnel_device\" in report.json is not that in case.json",
    );
    let mut parts = entries(&real("native"));
    change(&mut parts, CASE, |case| case["report"]["claim"] = "another".into());
    assert_refused(
        &bundle(&indexed(parts)),
        "the verdict on \"l2::peers_are_adjacent\" in report.json is not that in case.json",
    );
    let mut parts = entries(&real("native"));
    change(&mut parts, "report.json", |report| {
        report["cases"].as_array_mut().unwrap().retain(|case| case["name"] != "l2::peers_are_adjacent");
    });
    assert_refused(
        &bundle(&indexed(parts)),
        "case.json of \"l2::peers_are_adjacent\" has a verdict, report.json has none",
    );
    let mut parts = entries(&real("native"));
    change(&mut parts, "report.json", |report| {
        let cases = report["cases"].as_array_mut().unwrap();
        cases.push(cases[0].clone());
    });
    assert_refused(&bundle(&indexed(parts)), "report.json has \"cluster::docker_engine_answers\" twice");
}

#[test]
fn files_of_two_runs_are_refused() {
    let mut parts = entries(&real("native"));
    change(&mut parts, "report.json", |report| report["id"] = "2fxf".into());
    assert_refused(&bundle(&indexed(parts)), "run.json and report.json are of two runs");
    let mut parts = entries(&real("native"));
    let other = content(&mut entries(&real("vxlan")), "run.json").clone();
    *content(&mut parts, "run.json") = other;
    assert_refused(&bundle(&indexed(parts)), "bundle.json is of the run \"ypze\", run.json of ");
    let mut parts = entries(&real("native"));
    change(&mut parts, CASE, |case| case["name"] = "l2::nodes_share_one_bridge".into());
    assert_refused(
        &bundle(&indexed(parts)),
        "cases/l2__peers_are_adjacent/case.json is about \"l2::nodes_share_one_bridge\"",
    );
    let mut parts = entries(&real("native"));
    change(&mut parts, CASE, |case| case["state"] = "running".into());
    assert_refused(&bundle(&indexed(parts)), "cases/l2__peers_are_adjacent/case.json has a verdict and has not ended");
    let mut parts = entries(&real("native"));
    change(&mut parts, CASE, |case| case["report"] = serde_json::Value::Null);
    assert_refused(&bundle(&indexed(parts)), "cases/l2__peers_are_adjacent/case.json has ended without its verdict");
}

#[test]
fn captures_unlike_their_hashes_are_refused() {
    let pcap = "cases/wire__full_mtu_fits/kind-worker-eth0.pcap";
    let case = "cases/wire__full_mtu_fits/case.json";
    assert!(again(&bundle(&indexed(hashed("native")))).is_ok());
    let mut parts = hashed("native");
    content(&mut parts, pcap).truncate(30);
    assert_refused(&bundle(&indexed(parts)), &format!("{pcap} has sha256 "));
    let mut parts = hashed("native");
    change(&mut parts, case, |case| case["captures_sha256"] = serde_json::Value::Null);
    assert_refused(&bundle(&indexed(parts)), &format!("{case} has no hashes of captures"));
    let mut parts = hashed("native");
    change(&mut parts, case, |case| drop(case["captures_sha256"].as_object_mut().unwrap().remove(pcap)));
    assert_refused(&bundle(&indexed(parts)), &format!("case.json has no hash of {pcap}"));
    let mut parts = hashed("native");
    change(&mut parts, case, |case| case["captures_sha256"]["cases/wire__full_mtu_fits/x.pcap"] = "00".into());
    assert_refused(
        &bundle(&indexed(parts)),
        "cases/wire__full_mtu_fits/x.pcap is not there, and case.json has its hash",
    );
    // An older version for one case, so that nobody asks for its hashes.
    let mut parts = hashed("native");
    change(&mut parts, case, |case| case["schema"] = 1.into());
    assert_refused(&bundle(&indexed(parts)), &format!("{case} has the schema 1, run.json 2"));
}

#[test]
fn what_another_version_wrote_is_refused_by_its_schema() {
    for (name, why) in [
        ("run.json", "member run.json:1: schema: expected 1 to 2, found 3: written by another version of lab"),
        ("report.json", "member report.json: schema: expected 1, found 3"),
        (CASE, "case.json:1: schema: expected 1 to 2, found 3: written by another version of lab"),
    ] {
        let mut parts = entries(&real("native"));
        change(&mut parts, name, |file| file["schema"] = 3.into());
        assert_refused(&bundle(&indexed(parts)), why);
        let mut parts = entries(&real("native"));
        *content(&mut parts, name) = b"{\"schema\": 1}".to_vec();
        assert_refused(&bundle(&indexed(parts)), "missing field");
        let mut parts = entries(&real("native"));
        *content(&mut parts, name) = vec![0xff, 0xfe];
        assert_refused(&bundle(&indexed(parts)), "is not text");
    }
    // A yardstick that nothing can be measured with.
    let mut parts = entries(&real("native"));
    change(&mut parts, "run.json", |run| run["expectations"]["workers"] = u64::MAX.into());
    assert_refused(&bundle(&indexed(parts)), "run.json expects 18446744073709551615 nodes or replicas");
}
