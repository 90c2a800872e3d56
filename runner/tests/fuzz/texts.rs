//! What tools say: Cilium's JSON, lists of containers and images, packet filters, objects of the API; and texts of the
//! command line and of logs.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use lab_base::redact::{redact, secret_at};
use lab_engine::Endpoint;
use lab_images::{NodeImages, Reference};
use lab_kind::api::{convert, parse_slices};
use lab_kind::cilium::{missing, parse_config, parse_endpoints, parse_services, parse_status, parse_table};
use lab_kind::in_node::{parse_containers, parse_tasks};
use lab_kube::filter::parse_filter;
use lab_manifest::overrides::{Assignment, LocalImage, PodPool};
use lab_model::observe::MacAddr;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

use super::change::{apply_to_text, bytes};
use super::documents::{Text, text};
use super::driver::{Checked, Fate, fate, fuzz, reads_back};
use super::seeds::{in_pairs, texts};

/// What is read is written to evidence, and reads back.
pub(super) fn kept<T: Serialize + DeserializeOwned + PartialEq + Debug, E>(read: &Result<T, E>) -> Checked {
    if let Ok(read) = read {
        reads_back(read)?;
    }
    Ok(fate(read))
}

pub(super) fn fuzz_texts(what: &str, seeds: Vec<String>, check: impl Fn(&str) -> Checked) {
    fuzz(what, &Text::all(seeds), &text(), |text, changes| check(&text.changed(changes)));
}

#[test]
fn what_agents_of_cilium_say_is_read() {
    let lists = texts("recordings", ".service-list.json");
    let states = parse_services(&lists[0]).expect("a list");
    fuzz_texts("service lists", lists, |text| Ok(fate(&parse_services(text))));
    fuzz_texts("load balancer maps", texts("recordings", ".bpf-lb-list.json"), |text| {
        kept(&parse_table(text, &states))
    });
    fuzz_texts("status", texts("served", ".status.json"), |text| kept(&parse_status(text)));
    fuzz_texts("configurations", texts("served", ".agent-config.json"), |text| kept(&parse_config(text)));
    let endpoints = texts("recordings", ".endpoint-list.json");
    let endpoints = [in_pairs(&endpoints), vec!["null".to_owned()]].concat();
    fuzz_texts("endpoints of agents", endpoints, |text| {
        let endpoints = parse_endpoints(text);
        if let Ok(endpoints) = &endpoints {
            let wanting = endpoints.iter().any(|endpoint| endpoint.state != "ready" || endpoint.revision < 1);
            let done = missing(endpoints).is_none();
            prop_assert_eq!(done, !wanting && endpoints.iter().any(|endpoint| endpoint.is_host));
        }
        Ok(fate(&endpoints))
    });
}

#[test]
fn what_nodes_say_is_read() {
    fuzz_texts("containers", texts("recordings", "ctr-containers.txt"), |text| kept(&parse_containers(text)));
    let tasks = "TASK    PID    STATUS\nabc    17    RUNNING\nd    0    STOPPED\n".to_owned();
    fuzz_texts("tasks", vec![tasks], |text| kept(&parse_tasks(text)));
    fuzz_texts("packet filters", texts("recordings", "iptables-save.txt"), |text| {
        let tables = parse_filter(text);
        if let Ok(tables) = &tables {
            let chains = tables.values().map(Vec::len).sum::<usize>();
            prop_assert_eq!(chains, text.lines().filter(|line| line.starts_with(':')).count());
        }
        kept(&tables)
    });
    fuzz_texts("images on nodes", texts("recordings", "crictl-images.json"), |text| {
        let images = NodeImages::parse(text.as_bytes());
        if let Ok(images) = &images {
            reads_back(&images.all().to_vec())?;
        }
        Ok(fate(&images))
    });
}

/// What is read of a list of objects, of a type of the API's.
fn objects<T: DeserializeOwned, O>(what: &str, file: &str, observed: impl Fn(T) -> O)
where
    O: Serialize + DeserializeOwned + PartialEq + Debug,
{
    fuzz_texts(what, in_pairs(&texts("served", file)), |text| {
        let read = serde_json::from_str::<Vec<T>>(text);
        kept(&read.map(|read| read.into_iter().map(&observed).collect::<Vec<_>>()))
    });
}

#[test]
fn objects_of_the_api_are_read() {
    objects("nodes", "/nodes.json", |node: Node| convert::node(node));
    objects("pods", "/pods.json", |pod: Pod| convert::pod(pod));
    objects("daemon sets", "/daemonsets.json", |set: DaemonSet| convert::daemon_set(set));
    objects("deployments", "/deployments.json", |deployment: Deployment| convert::deployment(deployment));
    let slices = in_pairs(&texts("served", "endpointslices.json"));
    let slices = slices.iter().map(|items| format!("{{\"items\": {items}}}"));
    fuzz_texts("endpoint slices", slices.filter(|text| parse_slices(text).is_ok()).collect(), |text| {
        kept(&parse_slices(text))
    });
}

#[test]
fn texts_of_the_command_line_read_back() {
    let seeds = [
        "quay.io/cilium/cilium:v1.12.4",
        "hello-app:1.0",
        "registry.example:443/a_b/c.d-e:V1",
        "kindest/node@sha256:f52781bc0d7a19fb6c405c2af83abfeb311f130707a0e219175677e366cc45d1",
        "cilium=x:1",
        "a.b\\.c=1",
        "d={2,x\\,y}",
        "10.0.0.0/8",
        "tcp://127.0.0.1:2375",
        "unix:///var/run/docker.sock",
        "02:42:ac:12:00:02",
    ];
    fuzz_texts("arguments", seeds.map(str::to_owned).into(), |text| {
        let mut accepted = false;
        if let Ok(reference) = Reference::in_full(text) {
            prop_assert_eq!(Reference::in_full(&reference.to_string()).ok(), Some(reference));
            accepted = true;
        }
        if let Ok(reference) = text.parse::<Reference>() {
            // A tag that is not given is written out.
            let written = reference.to_string();
            let again = written.parse::<Reference>().map(|again| again.to_string());
            prop_assert_eq!(again.ok(), Some(written));
            accepted = true;
        }
        if let Ok(mac) = text.parse::<MacAddr>() {
            prop_assert_eq!(mac.to_string().parse::<MacAddr>().ok(), Some(mac));
            accepted = true;
        }
        if let Ok(image) = text.parse::<LocalImage>() {
            let written = image.to_string();
            prop_assert_eq!(written.parse::<LocalImage>().map(|again| again.to_string()).ok(), Some(written));
            accepted = true;
        }
        if let Ok(pool) = text.parse::<PodPool>() {
            prop_assert_eq!(pool.to_string().parse::<PodPool>().ok(), Some(pool));
            accepted = true;
        }
        if let Ok(assignment) = text.parse::<Assignment>() {
            prop_assert_eq!(String::from(assignment.clone()).parse::<Assignment>().ok(), Some(assignment));
            accepted = true;
        }
        accepted |= Endpoint::parse(text, None, "DOCKER_HOST").is_ok();
        Ok(if accepted { Fate::Accepted } else { Fate::Refused })
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
    fuzz("secrets", SEEDS, &bytes(), |text, changes| {
        let text = apply_to_text(text, changes);
        let once = redact(&text);
        prop_assert_eq!(secret_at(&once), None, "{}", once);
        prop_assert_eq!(&redact(&once), &once);
        Ok(if once == text { Fate::Refused } else { Fate::Accepted })
    });
}
