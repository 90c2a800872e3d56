use super::*;
use chrono::TimeZone;
use lab_model::Proof;
use lab_model::observe::{NodeName, Place};
use lab_model::report::{CaseOutcome, CaseReport, Claim};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::time::Duration;

const NAME: &str = "l2::peers_are_adjacent";

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn run_file(id: &str) -> RunFile {
    RunFile {
        schema: SCHEMA,
        id: id.to_owned(),
        lab: id.to_owned(),
        version: "0.1.0".to_owned(),
        started: noon(),
        backend: BackendKind::Netns,
        routing: Routing::Native,
        inputs: json!({"nodes": 3}),
        expectations: Expectations {
            control_planes: 1,
            workers: 2,
            network: "kind".to_owned(),
            pod_pool: "10.0.0.0/8".parse().unwrap(),
            pod_cidr_prefix: 24,
            native_cidr: "10.0.0.0/8".parse().unwrap(),
            replicas: 2,
            service: "hello-app".to_owned(),
            service_port: 8080,
            target_port: 8080,
            racks: None,
            cluster: None,
            foreign: None,
        },
        deviations: Vec::new(),
        pins: json!({}),
        host: host_facts(),
    }
}

fn verdict(evidence: Vec<String>) -> CaseReport {
    let claim = Claim { name: NAME, article: "(same L2)", claim: "each node resolves each peer by ARP" };
    let outcome = CaseOutcome::Held { proof: Proof::new("6 of 6") };
    CaseReport::new(claim, outcome, Duration::from_millis(7), evidence, &|_, command| command.to_owned())
}

/// A case with two records, ended, in a run that goes on.
fn ended_case(run: &RunFolder) -> PathBuf {
    let mut case = run.case(NAME, noon()).unwrap();
    let place = Place::Node(NodeName::from("kind-worker"));
    let seen = Seen { at: noon(), source: "probe view", place: Some(&place) };
    case.record(&seen, &json!({"zero": 0.1, "address": "172.18.0.2"})).unwrap();
    case.record(&Seen { source: "docker inspect", place: None, ..seen }, &json!(["kind"])).unwrap();
    let folder = case.path();
    let files = case.files();
    case.finish(&verdict(files)).unwrap();
    folder
}

#[test]
fn a_folder_gets_its_name_when_the_run_is_over() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&runs.path().join("made/on/the/way"), &run_file("k3f2")).unwrap();
    let (partial, complete) = (run.path().to_owned(), run.final_path().to_owned());
    assert!(partial.join("run.json").is_file() && !complete.exists());
    ended_case(&run);
    assert_eq!(run.finish().unwrap(), complete);
    assert!(!partial.exists());
    let read: RunFile = serde_json::from_slice(&fs::read(complete.join("run.json")).unwrap()).unwrap();
    assert_eq!(read, run_file("k3f2"));
    let evidence = Evidence::read(&complete.join("cases/l2__peers_are_adjacent")).unwrap();
    assert_eq!(evidence.records.len(), 2);
}

#[test]
fn what_was_seen_is_on_disk_before_the_verdict() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let mut case = run.case(NAME, noon()).unwrap();
    let seen = Seen { at: noon(), source: "probe view", place: Some(&Place::Bridge) };
    case.record(&seen, &json!({"b": 1, "a": 2})).unwrap();
    let text = fs::read_to_string(case.path().join("evidence.jsonl")).unwrap();
    // printf '{"a":2,"b":1}' | sha256sum
    let sha256 = "d3626ac30a87e6f7a6428233b3c68299976865fa5508e4267c5415c76af7a772";
    let line = format!(
        r#"{{"schema":2,"at":"2026-03-01T12:00:00Z","source":"probe view","place":"bridge","sha256":"{sha256}","data":{{"a":2,"b":1}}}}"#
    );
    assert_eq!(text, line + "\n");
    let evidence = Evidence::read(&case.path()).unwrap();
    assert_eq!((evidence.case.state, evidence.case.report), (CaseState::Running, None));
    assert_eq!(evidence.records[0].data, json!({"a": 2, "b": 1}));
}

/// What is judged again must be what was judged: `serde_json` is not exact about floats unless it is told to be.
#[test]
fn floats_are_read_as_they_were_written() {
    for float in [6.464_646_464_646_464e47, 0.1 + 0.2, f64::MIN_POSITIVE, 1.797_693_134_862_315_7e308] {
        let runs = tempfile::tempdir().unwrap();
        let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
        let mut case = run.case("l2::peers_are_adjacent", noon()).unwrap();
        case.record(&Seen { at: noon(), source: "helm", place: None }, &json!(float)).unwrap();
        let evidence = Evidence::read(&case.path()).unwrap();
        assert_eq!(evidence.records[0].data.as_f64().map(f64::to_bits), Some(float.to_bits()), "{float}");
    }
}

#[test]
fn files_are_those_that_exist() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let mut case = run.case("wire::x/../y", noon()).unwrap();
    assert_eq!(case.path(), run.path().join("cases/wire__x____y"));
    let taken = runs.path().join("taken.pcap");
    fs::write(&taken, "frames").unwrap();
    case.keep_capture("kind-worker2:eth0", &taken).unwrap();
    let error = case.keep_capture("never written", &runs.path().join("none.pcap")).unwrap_err();
    assert!(error.to_string().contains("never_written.pcap: cannot keep the capture"), "{error}");
    assert_eq!(case.files(), ["cases/wire__x____y/evidence.jsonl", "cases/wire__x____y/kind-worker2_eth0.pcap"]);
    let folder = case.path();
    let files = case.files();
    case.finish(&verdict(files)).unwrap();
    let hashes = CaseFile::read(&folder).unwrap().captures_sha256.unwrap();
    assert_eq!(
        hashes,
        BTreeMap::from([("cases/wire__x____y/kind-worker2_eth0.pcap".to_owned(), lab_base::sha256(b"frames"))])
    );
}

#[test]
fn what_is_written_has_no_secrets_and_its_hashes_are_of_that() {
    let runs = tempfile::tempdir().unwrap();
    let mut file = run_file("k3f2");
    file.inputs = json!({"set": ["cloud.token=s3cr3t"]});
    let run = RunFolder::create(runs.path(), &file).unwrap();
    let mut case = run.case(NAME, noon()).unwrap();
    let seen = Seen { at: noon(), source: "kubectl --token s3cr3t get pods", place: None };
    let written = case.record(&seen, &json!({"password": "s3cr3t", "log": "Authorization: Basic s3cr3t"})).unwrap();
    assert_eq!(written, json!({"password": "(taken out)", "log": "Authorization: (taken out)"}));
    let folder = case.path();
    let mut report = verdict(case.files());
    report.outcome = CaseOutcome::Unobserved { missing: "it printed token=s3cr3t".to_owned() };
    let kept = case.finish(&report).unwrap();
    assert_eq!(kept.outcome, CaseOutcome::Unobserved { missing: "it printed token=(taken out)".to_owned() });
    let evidence = Evidence::read(&folder).unwrap();
    assert_eq!((&evidence.records[0].data, evidence.case.report), (&written, Some(kept)));
    for file in ["run.json", "cases/l2__peers_are_adjacent/case.json", "cases/l2__peers_are_adjacent/evidence.jsonl"] {
        let text = fs::read_to_string(run.path().join(file)).unwrap();
        assert!(!text.contains("s3cr3t") && text.contains("(taken out)"), "{file}: {text}");
    }
}

#[test]
fn a_link_that_somebody_has_laid_is_not_written_through() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let victim = runs.path().join("victim");
    fs::write(&victim, "as it was").unwrap();
    for name in ["report.json", "report.json.tmp"] {
        std::os::unix::fs::symlink(&victim, run.path().join(name)).unwrap();
    }
    run.write("report.json", b"new").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
    assert_eq!(fs::read_to_string(run.path().join("report.json")).unwrap(), "new");
    assert!(!run.path().join("report.json").is_symlink());
}

#[test]
fn runs_of_the_older_version_are_read() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let folder = ended_case(&run);
    let older = |path: &Path, line: bool| {
        let mut text = fs::read_to_string(path).unwrap();
        text = text.replace("\"schema\": 2", "\"schema\": 1").replace("\"schema\":2", "\"schema\":1");
        if line {
            text = text.replace("  \"captures_sha256\": {},\n", "");
        }
        fs::write(path, text).unwrap();
    };
    older(&folder.join("evidence.jsonl"), false);
    older(&folder.join("case.json"), true);
    let mut case = CaseFile::read(&folder).unwrap();
    assert_eq!((case.schema, &case.captures_sha256), (1, &None));
    let path = folder.join("evidence.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    case.evidence_sha256 = Some(lab_base::sha256(text.as_bytes()));
    assert_eq!(Evidence::parse(case, &text, &path).unwrap().records.len(), 2);
    for unknown in [0, 3] {
        let other = text.replacen("\"schema\":1", &format!("\"schema\":{unknown}"), 1);
        let error = Evidence::parse(CaseFile::read(&folder).unwrap(), &other, &path).unwrap_err();
        let said = format!("schema: expected 1 to 2, found {unknown}: written by another version of lab");
        assert!(error.to_string().contains(&said), "{error}");
    }
}

#[test]
fn altered_data_are_found_by_file_and_line() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let folder = ended_case(&run);
    let path = folder.join("evidence.jsonl");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(&path, text.replace("[\"kind\"]", "[\"king\"]")).unwrap();
    let error = Evidence::read(&folder).unwrap_err();
    assert!(matches!(error, EvidenceError::Altered { line: 2, .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("{}:2: altered", path.display())), "{error}");

    fs::write(&path, text.replace("docker inspect", "docker network")).unwrap();
    assert!(matches!(Evidence::read(&folder), Err(EvidenceError::AlteredFile { .. })));

    fs::write(&path, text.lines().next().unwrap()).unwrap();
    assert!(matches!(Evidence::read(&folder), Err(EvidenceError::AlteredFile { .. })));

    fs::write(&path, &text[..text.len() - 9]).unwrap();
    assert!(matches!(Evidence::read(&folder), Err(EvidenceError::Shape { line: 2, .. })));

    fs::write(&path, text.replacen("\"schema\":2", "\"schema\":7", 1)).unwrap();
    assert!(matches!(Evidence::read(&folder), Err(EvidenceError::Schema { line: 1, found: 7, .. })));

    fs::write(&path, text).unwrap();
    assert_eq!(Evidence::read(&folder).unwrap().records.len(), 2);
}

#[test]
fn what_cannot_be_read_is_named() {
    let runs = tempfile::tempdir().unwrap();
    let error = Evidence::read(runs.path()).unwrap_err();
    let path = runs.path().join("case.json");
    assert_eq!(
        error.to_string(),
        format!("{}: cannot read (check that it exists, and all folders above it)", path.display())
    );
    fs::create_dir(&path).unwrap();
    let error = Evidence::read(runs.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: cannot read (check that it is a file and that you may read it)", path.display())
    );
}

#[test]
fn a_run_of_the_same_id_is_refused() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let going_on = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap_err();
    assert!(matches!(&going_on, EvidenceError::Exists { path } if path.ends_with("k3f2.partial")), "{going_on}");
    run.finish().unwrap();
    let over = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap_err();
    assert!(matches!(&over, EvidenceError::Exists { path } if path.ends_with("k3f2")), "{over}");
    // And one that came while this one ran, even if it is empty.
    let late = RunFolder::create(runs.path(), &run_file("m4g5")).unwrap();
    fs::create_dir(late.final_path()).unwrap();
    assert!(matches!(late.finish(), Err(EvidenceError::Exists { .. })));
}

#[test]
fn an_id_is_a_plain_name() {
    let runs = tempfile::tempdir().unwrap();
    for id in ["", "..", ".hidden", "a/b", "a b", "é"] {
        let error = RunFolder::create(runs.path(), &run_file(id)).unwrap_err();
        assert!(matches!(error, EvidenceError::Id { .. }), "{id}: {error}");
    }
    assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    for runs in [file.join("lab-runs"), file.clone(), PathBuf::from("/proc/lab-runs"), PathBuf::from("/proc")] {
        let error = RunFolder::create(&runs, &run_file("k3f2")).unwrap_err();
        let EvidenceError::Io { path, .. } = &error else { panic!("{error}") };
        assert!(path.starts_with(&runs), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        assert!(error.to_string().starts_with(&runs.display().to_string()), "{error}");
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_what_helps() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let mut case = run.case(NAME, noon()).unwrap();
    // full(4): every write to it fails with ENOSPC.
    case.write_evidence_to(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let seen = Seen { at: noon(), source: "probe view", place: None };
    let error = case.record(&seen, &json!(1)).unwrap_err();
    let EvidenceError::Io { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), ErrorKind::StorageFull);
    let expected =
        "evidence.jsonl: cannot add to the evidence (make room on that disk, or give another folder with --runs-dir)";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn what_cannot_be_put_in_place_leaves_nothing_behind() {
    let runs = tempfile::tempdir().unwrap();
    let run = RunFolder::create(runs.path(), &run_file("k3f2")).unwrap();
    let error = run.write("not/there", b"x").unwrap_err();
    assert!(error.to_string().contains("k3f2.partial/not/there: cannot write"), "{error}");
    assert!(!run.path().join("not").exists());
}
