//! `lab explain`, and `lab report --beside`.

use crate::counts::of_area;
use lab_harness::cases;
use lab_report::beside::{Beside, Outcome};
use serde_json::Value;
use std::fs;

use super::world::Lab;

#[test]
fn cases_are_listed_explained_and_selected_by_parts_of_their_names() {
    let lab = Lab::new();
    let list = lab.run(&["explain"]).code(0).quiet();
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, cases::ALL.iter().map(|case| case.name).collect::<Vec<_>>());

    let one = lab.run(&["explain", "routing::direct_route_to_every_peer"]).code(0).quiet();
    for part in ["the article", "native routing", "reads", "by hand", "refuted by", "route_missing: ", "unobserved"] {
        assert!(one.stdout.contains(part), "{part:?} is not in: {one}");
    }
    let area = lab.run(&["explain", "wire::", "--format", "json"]).code(0).quiet();
    let read: Vec<Value> = serde_json::from_str(&area.stdout).unwrap();
    assert_eq!(read.len(), of_area("wire::"));
    assert_eq!(read[0]["name"], "wire::pods_reach_each_other_directly");
    assert_eq!(read[0]["on"], serde_json::json!(["netns", "kind", "cluster"]));
    assert_eq!(read[0]["breaks"][0]["reason"], "pod_unreachable");

    lab.run(&["explain", "wire::no_frames"]).code(2).prints("").mentions(&["there is no case \"wire::no_frames\""]);
    lab.run(&["explain", "full_mtu_fit_s"]).code(2).prints("").mentions(&["did you mean wire::full_mtu_fits?"]);
}

#[test]
fn a_refuted_case_names_the_command_that_explains_it() {
    let lab = Lab::new();
    let ended = lab.run(&["run", "--routing", "vxlan", "routing::no_tunnel_device"]).code(1).quiet();
    let why = "           why       `lab explain routing::no_tunnel_device`\n";
    assert_eq!(ended.stdout.matches(why).count(), 1, "{ended}");
    assert_eq!(ended.stdout.matches("lab explain").count(), 1, "{ended}");
}

#[test]
fn a_run_keeps_what_the_article_printed_beside_what_it_saw() {
    let lab = Lab::new();
    lab.run(&["run"]).code(0).quiet();
    let folder = lab.only_run();
    let kept: Beside = serde_json::from_slice(&fs::read(folder.join("beside.json")).unwrap()).unwrap();
    let seen: Vec<(&str, Outcome)> = kept
        .steps
        .iter()
        .filter(|step| step.outcome != Outcome::NotSeen)
        .map(|step| (step.step.as_str(), step.outcome))
        .collect();
    assert_eq!(seen, [("base routes", Outcome::Same), ("curl", Outcome::Same)]);
    assert!(kept.steps.iter().filter_map(|step| step.lab.as_ref()).all(|shown| shown.rendered));

    let id = folder.file_name().unwrap().to_str().unwrap();
    let json = lab.run(&["report", id, "--beside", "--format", "json"]).code(0).quiet();
    assert_eq!(json.stdout, fs::read_to_string(folder.join("beside.json")).unwrap());
    let text = lab.run(&["report", id, "--beside"]).code(0).quiet();
    assert!(text.stdout.ends_with("\n11 steps of the article print something: 2 the same, 9 not seen\n"), "{text}");
    lab.run(&["report", "none", "--beside"]).code(3).prints("").mentions(&["none/run.json"]);
    lab.assert_nothing_left();
}

#[test]
fn a_service_that_does_not_answer_is_different_from_the_articles() {
    let lab = Lab::new();
    lab.run(&["run", "--routing", "none", "answers_from_the_control_plane"]).code(1).quiet();
    let kept: Beside = serde_json::from_slice(&fs::read(lab.only_run().join("beside.json")).unwrap()).unwrap();
    let curl = kept.steps.iter().find(|step| step.step == "curl").unwrap();
    assert_eq!(curl.outcome, Outcome::Differs, "{curl:?}");
    let base = kept.steps.iter().find(|step| step.step == "base routes").unwrap();
    assert_eq!(
        (base.outcome, base.missing.as_str()),
        (Outcome::NotSeen, "routing::only_base_routes_before was not run")
    );
}
