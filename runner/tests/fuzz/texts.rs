//! What tools say: Cilium's JSON, lists of containers and images, packet filters, objects of the API; and texts of the
//! command line and of logs.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use lab::backend::kind::api::convert;
use lab::backend::kind::cilium::{parse_config, parse_services, parse_status, parse_table};
use lab::backend::kind::engine::Endpoint;
use lab::backend::kind::images::{NodeImages, Reference};
use lab::backend::kind::in_node::{parse_containers, parse_filter, parse_tasks};
use lab::backend::kind::redact::{redact, secret_at};
use lab::observe::MacAddr;
use lab::overrides::{Assignment, LocalImage, PodPool};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::change::{apply_to_json, apply_to_text, bytes, json};
use super::driver::{any_outcome, fuzz};
use super::seeds::texts;

/// Changed as a text, and as a document where it is one.
fn changed(seeds: Vec<String>) -> impl Strategy<Value = String> {
    (select(seeds), bytes(), json(), any::<bool>()).prop_map(|(text, flips, changes, by_bytes)| {
        match serde_json::from_str::<Value>(&text).ok().filter(|_| !by_bytes) {
            Some(document) => apply_to_json(&document, &changes).to_string(),
            None => apply_to_text(&text, &flips),
        }
    })
}

#[test]
fn what_agents_of_cilium_say_is_read() {
    let lists = texts("recordings", ".service-list.json");
    let states = parse_services(&lists[0]).expect("a list");
    fuzz("service lists", &changed(lists), |text| any_outcome(parse_services(&text)));
    fuzz("load balancer maps", &changed(texts("recordings", ".bpf-lb-list.json")), |text| {
        any_outcome(parse_table(&text, &states))
    });
    fuzz("status", &changed(texts("served", ".status.json")), |text| any_outcome(parse_status(&text)));
    fuzz("configurations", &changed(texts("served", ".agent-config.json")), |text| any_outcome(parse_config(&text)));
}

#[test]
fn what_nodes_say_is_read() {
    let lists = texts("recordings", "ctr-containers.txt");
    fuzz("containers", &changed(lists.clone()), |text| any_outcome(parse_containers(&text)));
    let tasks = ["TASK    PID    STATUS\nabc    17    RUNNING\nd    0    STOPPED\n".to_owned()];
    parse_tasks(&tasks[0]).expect("tasks");
    fuzz("tasks", &changed([&lists[..], &tasks[..]].concat()), |text| any_outcome(parse_tasks(&text)));
    fuzz("packet filters", &changed(texts("recordings", "iptables-save.txt")), |text| any_outcome(parse_filter(&text)));
    fuzz("images on nodes", &changed(texts("recordings", "crictl-images.json")), |text| {
        any_outcome(NodeImages::parse(text.as_bytes()))
    });
}

#[test]
fn objects_of_the_api_are_read() {
    fn of<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
        serde_json::from_str(text).unwrap_or_default()
    }
    fuzz("nodes", &changed(texts("served", "nodes.json")), |text| {
        any_outcome(of::<Node>(&text).into_iter().map(convert::node).count())
    });
    fuzz("pods", &changed(texts("served", "pods.json")), |text| {
        any_outcome(of::<Pod>(&text).into_iter().map(convert::pod).count())
    });
    fuzz("daemon sets", &changed(texts("served", "daemonsets.json")), |text| {
        any_outcome(of::<DaemonSet>(&text).into_iter().map(convert::daemon_set).count())
    });
    fuzz("deployments", &changed(texts("served", "deployments.json")), |text| {
        any_outcome(of::<Deployment>(&text).into_iter().map(convert::deployment).count())
    });
}

#[test]
fn texts_of_the_command_line_read_back() {
    let seeds = [
        "quay.io/cilium/cilium:v1.12.4",
        "hello-app:1.0",
        "registry.example:443/a_b/c.d-e:V1",
        "kindest/node@sha256:f5",
        "cilium=x:1",
        "a.b\\.c=1,d={2,3}",
        "10.0.0.0/8",
        "tcp://127.0.0.1:2375",
        "unix:///var/run/docker.sock",
        "02:42:ac:12:00:02",
    ];
    fuzz("arguments", &changed(seeds.map(str::to_owned).into()), |text| {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()).ok(), Some(reference));
        }
        if let Ok(reference) = text.parse::<lab::overrides::Reference>() {
            // A tag that is not given is written out.
            let written = reference.to_string();
            let again = written.parse::<lab::overrides::Reference>().map(|again| again.to_string());
            prop_assert_eq!(again.ok(), Some(written));
        }
        if let Ok(mac) = text.parse::<MacAddr>() {
            prop_assert_eq!(mac.to_string().parse::<MacAddr>().ok(), Some(mac));
        }
        any_outcome((
            text.parse::<LocalImage>().is_ok(),
            text.parse::<Assignment>().is_ok(),
            text.parse::<PodPool>().is_ok(),
        ))?;
        any_outcome(Endpoint::parse(&text, None, "DOCKER_HOST"))
    });
}

/// What was taken out stays out, and nothing is left of what would be.
#[test]
fn secrets_are_taken_out_once_and_for_all() {
    const SEEDS: &[&str] = &[
        "kubeadm join 172.18.0.2:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:0123456789abcdef\n",
        "Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6\nclient-key-data: LS0tLS1CRUdJTiBSU0E=\n",
        "{\"token\":\"eyJhbGciOiJSUzI1NiIsImtpZCI6\",\"password\": \"correcthorsebattery\"}\n",
        "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nb\n",
    ];
    fuzz("secrets", &(select(SEEDS), bytes()), |(text, changes)| {
        let once = redact(&apply_to_text(text, &changes));
        prop_assert_eq!(secret_at(&once), None, "{}", once);
        prop_assert_eq!(&redact(&once), &once);
        Ok(())
    });
}
