//! Files that others wrote or that are this program's own: kubeconfigs, the docker program's configuration, what a probe
//! answers, the state of a lab, reports of faults.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_backend::state::{ClusterMark, LabState};
use lab_engine::Settings;
use lab_kind::api::Api;
use lab_model::Routing;
use lab_model::observe::{NodeName, Place};
use lab_model::request::{Answer, Answered};
use lab_sabotage as sabotage;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

use super::change::{apply, bytes};
use super::documents::{Text, text};
use super::driver::{fate, fuzz, reads_back};
use super::parts::Parts;

/// As kind writes it.
fn kubeconfig() -> Vec<u8> {
    let data = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name);
        STANDARD.encode(fs::read(path).expect("a file"))
    };
    let (authority, certificate, key) = (data("cluster-ca.crt"), data("admin.crt"), data("admin.key"));
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n    server: https://127.0.0.1:36363\n  \
         name: kind-kind\ncontexts:\n- context:\n    cluster: kind-kind\n    user: kind-kind\n  name: kind-kind\n\
         current-context: kind-kind\nkind: Config\npreferences: {{}}\nusers:\n- name: kind-kind\n  user:\n    \
         client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    )
    .into_bytes()
}

#[test]
fn a_changed_kubeconfig_is_a_server_or_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kubeconfig");
    let runtime = lab_base::runtime().expect("a runtime");
    let plain = b"apiVersion: v1\nkind: Config\ncurrent-context: k\nclusters:\n- name: k\n  cluster:\n    server: http://127.0.0.1:36363\n\
        contexts:\n- name: k\n  context:\n    cluster: k\n    user: k\nusers:\n- name: k\n  user: {}\n";
    fuzz("kubeconfigs", &[kubeconfig(), plain.to_vec()], &bytes(), |whole, changes| {
        fs::write(&path, apply(whole, changes)).expect("a file");
        let api = runtime.block_on(Api::from_kubeconfig(&path));
        if let Err(error) = &api {
            let said = error.to_string();
            prop_assert!(said.contains(&path.display().to_string()), "{}", said);
        }
        Ok(fate(&api))
    });
}

#[test]
fn a_changed_configuration_of_docker_is_an_engine_or_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let id = lab_manifest::Digest::of(b"there").hex().to_owned();
    let config = (folder.path().join("config.json"), r#"{"auths":{},"currentContext":"there"}"#);
    let meta = (
        folder.path().join("contexts/meta").join(id).join("meta.json"),
        r#"{"Name":"there","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://192.0.2.7:2376","SkipTLSVerify":false}}}"#,
    );
    fs::create_dir_all(meta.0.parent().expect("a folder")).expect("a folder");
    let files = [config, meta];
    let seeds: Vec<_> = (0..files.len()).map(|number| (number, Text::all([files[number].1.to_owned()]))).collect();
    let settings = Settings { config: Some(folder.path().to_owned()), ..Settings::default() };
    fuzz("configurations of docker", &seeds, &text(), |(number, text), changes| {
        for (path, text) in &files {
            fs::write(path, text).expect("a file");
        }
        fs::write(&files[*number].0, text[0].changed(changes)).expect("a file");
        let endpoint = settings.endpoint();
        if let Err(error) = &endpoint {
            prop_assert!(!error.to_string().is_empty());
        }
        Ok(fate(&endpoint))
    });
}

/// What probes answer, from what was kept of it.
#[test]
fn answers_of_a_probe_read_back() {
    let small = Parts::small();
    let mut views: Vec<Value> = Vec::new();
    for parts in &small {
        for name in parts.named("evidence.jsonl") {
            collect(&parts.seen(&name), &mut views);
        }
    }
    let answered = |answer| Answered { place: Place::Node(NodeName("kind-worker".to_owned())), answer };
    let mut seeds: Vec<Answered> = views
        .into_iter()
        .filter_map(|view| serde_json::from_value(view).ok())
        .map(|answer| answered(Ok(answer)))
        .collect();
    assert!(!seeds.is_empty(), "nothing that a probe answers is kept");
    seeds.extend([answered(Ok(Answer::Forgotten(3))), answered(Err("no such link".to_owned()))]);
    let seeds = Text::all(seeds.chunks(2).take(24).map(|pair| serde_json::to_string(pair).expect("JSON")));
    fuzz("answers of a probe", &seeds, &text(), |text, changes| {
        let read = serde_json::from_str::<Vec<Answered>>(&text.changed(changes));
        if let Ok(read) = &read {
            reads_back(read)?;
        }
        Ok(fate(&read))
    });
}

/// Everything in it that may be an answer, with the name of what asks for it.
fn collect(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => {
            found.extend(["lookups", "http", "pinged", "resolved"].map(|name| json!({ name: items })));
            for item in items {
                collect(item, found);
            }
        }
        Value::Object(entries) => {
            found.extend(["view", "service_table", "captured"].map(|name| json!({ name: value })));
            for entry in entries.values() {
                collect(entry, found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_labs_state_reads_back() {
    let mark = ClusterMark {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        cluster: "kind".to_owned(),
        network: "kind".to_owned(),
        network_was_there: false,
    };
    let state = LabState::clustered("kind", Routing::Native, mark);
    fuzz("state.json", &Text::all([serde_json::to_string(&state).expect("JSON")]), &text(), |text, changes| {
        let read = serde_json::from_str::<LabState>(&text.changed(changes));
        if let Ok(read) = &read {
            reads_back(read)?;
        }
        Ok(fate(&read))
    });
}

#[test]
fn a_report_of_faults_reads_back() {
    let report = json!({"schema": sabotage::SCHEMA, "id": "x", "backend": "netns", "version": "0.1.0",
        "host": {"kernel": "Linux 6.18", "architecture": "x86_64", "cpus": 2}, "started": "2026-11-23T05:46:17Z", "selected": ["a"],
        "whole_table": false, "cases": ["l2::peers_are_adjacent"], "seconds": 1.5, "interrupted": false, "before": [], "faults": []});
    fuzz("reports of faults", &Text::all([report.to_string()]), &text(), |text, changes| {
        let read = sabotage::from_json(&text.changed(changes));
        if let Ok(read) = &read {
            let once = sabotage::from_json(&read.to_json().expect("JSON"));
            let once = once.map_err(TestCaseError::fail)?;
            let written = once.to_json().expect("JSON");
            prop_assert_eq!(sabotage::from_json(&written).expect("what was written"), once);
        }
        Ok(fate(&read))
    });
}
