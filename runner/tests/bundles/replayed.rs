//! Verdicts that are reproduced, verdicts that are not, and cases of which there is nothing to judge.

use super::made::{again, bundle, change, change_evidence, content, entries, indexed, real};
use lab_bundle::{Again, Replay};
use lab_model::report::CaseOutcome;
use serde_json::{Value, json};

fn case<'a>(replay: &'a Replay, name: &str) -> &'a Again {
    &replay.cases.iter().find(|case| case.name == name).unwrap().again
}

#[test]
fn every_verdict_of_real_runs_is_reproduced() {
    for (routing, held) in [("native", 18), ("vxlan", 14), ("none", 10)] {
        let replay = again(&real(routing)).unwrap();
        assert_eq!((replay.tally(), replay.exit_code()), ((18, 0, 11), 0), "{routing}");
        let report = replay.report();
        let holds = report.cases.iter().filter(|case| matches!(case.outcome, CaseOutcome::Held { .. })).count();
        assert_eq!(holds, held, "{routing}");
        let not_judged = replay.cases.iter().filter(|case| matches!(case.again, Again::NotJudged(_)));
        assert!(not_judged.into_iter().all(|case| {
            case.recorded.as_ref().is_some_and(|recorded| recorded.outcome == CaseOutcome::NotOnBackend)
        }));
    }
}

/// The verdict that was recorded of another observation is not this one's.
#[test]
fn a_verdict_that_does_not_follow_from_the_evidence_differs() {
    let name = "routing::no_tunnel_device";
    let mut vxlan = entries(&real("vxlan"));
    let tunnels: Value =
        serde_json::from_slice(content(&mut vxlan, "cases/routing__no_tunnel_device/evidence.jsonl")).unwrap();
    let mut native = entries(&real("native"));
    change_evidence(&mut native, name, |data| *data = tunnels["data"].clone());
    let replay = again(&bundle(&indexed(native))).unwrap();
    assert_eq!((replay.tally(), replay.exit_code()), ((17, 1, 11), 1));
    let Again::Differs(CaseOutcome::Refuted { findings }) = case(&replay, name) else { panic!("{replay:?}") };
    assert!(findings.iter().all(|finding| serde_json::to_value(finding.reason).unwrap() == "tunnel_device"));
}

#[test]
fn a_verdict_that_was_changed_everywhere_differs_from_the_evidence() {
    let name = "routing::no_tunnel_device";
    let mut parts = entries(&real("vxlan"));
    let held = |case: &mut Value| {
        let case = case.as_object_mut().unwrap();
        case.remove("findings");
        case.insert("outcome".into(), "held".into());
        case.insert("proof".into(), json!({"summary": "0 tunnels", "details": []}));
    };
    change(&mut parts, "cases/routing__no_tunnel_device/case.json", |file| held(&mut file["report"]));
    change(&mut parts, "report.json", |report| {
        held(report["cases"].as_array_mut().unwrap().iter_mut().find(|case| case["name"] == name).unwrap());
    });
    let replay = again(&bundle(&indexed(parts))).unwrap();
    assert_eq!((replay.tally(), replay.exit_code()), ((17, 1, 11), 1));
    assert!(matches!(case(&replay, name), Again::Differs(CaseOutcome::Refuted { .. })), "{replay:?}");
}

/// One place more or less, or another reason, is another verdict; other words are not.
#[test]
fn words_may_differ_and_findings_may_not() {
    let name = "routing::no_tunnel_device";
    let changed = |change_finding: &dyn Fn(&mut Vec<Value>)| {
        let mut parts = entries(&real("vxlan"));
        change(&mut parts, "cases/routing__no_tunnel_device/case.json", |file| {
            change_finding(file["report"]["findings"].as_array_mut().unwrap());
        });
        change(&mut parts, "report.json", |report| {
            let cases = report["cases"].as_array_mut().unwrap();
            let case = cases.iter_mut().find(|case| case["name"] == name).unwrap();
            change_finding(case["findings"].as_array_mut().unwrap());
        });
        case(&again(&bundle(&indexed(parts))).unwrap(), name).clone()
    };
    assert_eq!(changed(&|_findings| {}), Again::Reproduced { reworded: false });
    assert_eq!(changed(&|findings| findings[0]["observed"] = "a tunnel".into()), Again::Reproduced { reworded: true });
    for change_finding in [
        &(|findings: &mut Vec<Value>| drop(findings.pop())) as &dyn Fn(&mut Vec<Value>),
        &|findings| findings[0]["reason"] = "route_missing".into(),
        &|findings| findings[0]["place"] = json!({"node": "kind-worker9"}),
    ] {
        assert!(matches!(changed(change_finding), Again::Differs(CaseOutcome::Refuted { .. })));
    }
}

/// The yardstick is the run's, not this program's.
#[test]
fn what_is_expected_is_read_from_the_run() {
    let mut parts = entries(&real("native"));
    change(&mut parts, "run.json", |run| run["expectations"]["workers"] = 7.into());
    let replay = again(&bundle(&indexed(parts))).unwrap();
    assert_eq!(replay.exit_code(), 1);
    assert!(matches!(case(&replay, "cluster::three_nodes_run"), Again::Differs(CaseOutcome::Refuted { .. })));
}

#[test]
fn evidence_of_another_shape_differs_and_a_case_that_is_not_known_too() {
    let mut parts = entries(&real("native"));
    change_evidence(&mut parts, "l2::peers_are_adjacent", |data| *data = json!({"peers": 6}));
    let replay = again(&bundle(&indexed(parts))).unwrap();
    assert_eq!(replay.exit_code(), 1);
    let Again::Differs(CaseOutcome::Unobserved { missing }) = case(&replay, "l2::peers_are_adjacent") else { panic!() };
    assert!(missing.contains("cannot be read"), "{missing}");

    let mut parts = entries(&real("native"));
    for (name, text) in &mut parts {
        *name = name.replace("no_tunnel_device", "no_wormhole");
        if let Ok(utf8) = std::str::from_utf8(text) {
            *text = utf8.replace("no_tunnel_device", "no_wormhole").into_bytes();
        }
    }
    // In the order of the names.
    parts[1..].sort_by_key(|(name, _)| lab_bundle::Part::parse(name));
    let replay = again(&bundle(&indexed(parts))).unwrap();
    assert_eq!((case(&replay, "routing::no_wormhole"), replay.exit_code()), (&Again::Unknown, 1));
}

/// Without evidence there is nothing to reproduce, and nothing is not everything.
#[test]
fn a_bundle_in_which_nothing_can_be_judged_is_no_success() {
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| !name.starts_with("cases/"));
    change(&mut parts, "report.json", |report| {
        report["cases"].as_array_mut().unwrap().retain(|case| case["outcome"] == "not_on_backend");
    });
    let replay = again(&bundle(&indexed(parts))).unwrap();
    assert_eq!((replay.tally(), replay.exit_code()), ((0, 0, 11), 2));
}

#[test]
fn cases_that_a_stage_or_a_deadline_ended_are_not_judged_again() {
    for (outcome, why) in [
        (json!({"outcome": "blocked", "stage": "nodes_ready", "cause": "no"}), "blocked: the stage nodes had failed"),
        (json!({"outcome": "deadline", "after_seconds": 1.5, "last": "no"}), "the program had run out of time"),
        (json!({"outcome": "unobserved", "missing": "the probe broke"}), "it has no observations"),
    ] {
        let mut parts = entries(&real("native"));
        let end = |case: &mut Value| {
            let case = case.as_object_mut().unwrap();
            case.remove("proof");
            case.extend(outcome.as_object().unwrap().clone());
        };
        *content(&mut parts, "cases/l2__peers_are_adjacent/evidence.jsonl") = Vec::new();
        change(&mut parts, "cases/l2__peers_are_adjacent/case.json", |file| {
            file["evidence_sha256"] = lab_base::sha256(b"").into();
            end(&mut file["report"]);
        });
        change(&mut parts, "report.json", |report| {
            let cases = report["cases"].as_array_mut().unwrap();
            end(cases.iter_mut().find(|case| case["name"] == "l2::peers_are_adjacent").unwrap());
        });
        let replay = again(&bundle(&indexed(parts))).unwrap();
        assert_eq!(case(&replay, "l2::peers_are_adjacent"), &Again::NotJudged(why.to_owned()));
        assert_eq!((replay.tally(), replay.exit_code()), ((17, 0, 12), 0));
    }
}
