//! The cases that exist on kind alone, on recordings: what a judge must say of each moment, and of what was changed in
//! one.

use lab_harness::cases;
use lab_judge::{cilium, cluster, engine};
use lab_manifest::Manifests;
use lab_model::BackendKind;
use lab_model::expect::{Expectations, ImageExpected};
use lab_model::observe::{ContainerState, EngineFacts, KubePod, Privileged};
use lab_model::seen::{FirstReadySeen, ReadySeen};
use lab_model::{Judgement, NotHeld, Reason};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{
    BEFORE, CILIUM, NATIVE, NATIVE_WIRE, Read, Recording, VXLAN, VXLAN_WIRE, WITHOUT_ROUTES, WRONG_HOST, objects,
};
use crate::{Judged, Must, complaint, stored};
use Must::{Hold, NotRecorded, Refute, Undecided};

/// All moments, in the order of the table's columns.
pub(crate) const COLUMNS: [Recording; 8] =
    [BEFORE, CILIUM, NATIVE, WITHOUT_ROUTES, VXLAN, WRONG_HOST, NATIVE_WIRE, VXLAN_WIRE];

struct Row {
    case: &'static str,
    judge: fn(Recording) -> Read<Judgement>,
    /// What is judged, as evidence keeps it.
    seen: fn(Recording) -> Read<Value>,
    on: [Must; 8],
}

const NO_ENGINE: Must = NotRecorded("the Engine was not asked", &["docker/version.json"]);
const NO_CONTAINERS: Must = NotRecorded("containers were not inspected", &["docker/inspect-kind-worker.json"]);
const NO_FILTER: Must = NotRecorded("packet filters were not listed", &["iptables-save.txt"]);
const NO_NODES: Must = NotRecorded("node objects were not", &["kube/nodes.json"]);
const NO_LISTING: Must = NotRecorded("containerd's containers were not listed", &["ctr-containers.txt"]);
const NO_RELEASE: Must = NotRecorded("Helm was not asked", &["helm-list.json"]);
const NO_IMAGES: Must = NotRecorded("images were not listed", &["crictl-images.json"]);
const NO_WORKLOADS: Must = NotRecorded("workloads were not", &["kube/daemonsets.json"]);
const NO_CILIUM: Must = NotRecorded("there was no Cilium yet", &["cilium/kind-worker.status.json"]);
const NO_STORAGE: Must = Undecided("the Engine does not tell its storage driver");

const TABLE: &[Row] = &[
    Row {
        case: "cluster::docker_engine_answers",
        judge: |recording| decide(objects::engine(recording), engine::docker_engine_answers),
        seen: |recording| stored(objects::engine(recording)),
        on: [NO_STORAGE, NO_STORAGE, NO_STORAGE, NO_STORAGE, NO_STORAGE, NO_STORAGE, NO_ENGINE, NO_ENGINE],
    },
    Row {
        case: "cluster::three_node_containers_run",
        judge: |recording| decide(objects::containers(recording), engine::three_node_containers_run),
        seen: |recording| stored(objects::containers(recording)),
        on: [Hold, Hold, Hold, Hold, Hold, Hold, NO_CONTAINERS, NO_CONTAINERS],
    },
    Row {
        case: "cluster::no_kube_proxy",
        judge: |recording| decide(objects::kube_proxy(recording), cluster::no_kube_proxy),
        seen: |recording| stored(objects::kube_proxy(recording)),
        on: [Hold, Hold, Hold, Hold, Hold, Hold, NO_FILTER, NO_FILTER],
    },
    Row {
        case: "cluster::nodes_not_ready_for_want_of_a_cni",
        judge: |recording| decide(objects::before_cni(recording), cluster::nodes_not_ready_for_want_of_a_cni),
        seen: |recording| stored(objects::before_cni(recording)),
        on: [
            Hold,
            Refute(&[Reason::ReadyBeforeCni]),
            Refute(&[Reason::ReadyBeforeCni]),
            Refute(&[Reason::ReadyBeforeCni]),
            Refute(&[Reason::ReadyBeforeCni]),
            Refute(&[Reason::ReadyBeforeCni]),
            NO_NODES,
            NO_NODES,
        ],
    },
    Row {
        case: "cluster::nodes_are_what_the_article_shows",
        judge: |recording| decide(objects::shown(recording), cluster::nodes_are_what_the_article_shows),
        seen: |recording| stored(objects::shown(recording)),
        on: [Hold, Hold, Hold, Hold, Hold, Hold, NO_NODES, NO_NODES],
    },
    Row {
        case: "cluster::control_plane_runs_nested_containers",
        judge: |recording| decide(objects::nested(recording), cluster::control_plane_runs_nested_containers),
        seen: |recording| stored(objects::nested(recording)),
        on: [Hold, Hold, Hold, Hold, Hold, Hold, NO_LISTING, NO_LISTING],
    },
    Row {
        case: "cilium::release_has_the_articles_values",
        judge: |recording| decide(objects::release(recording), cilium::release_has_the_articles_values),
        seen: |recording| stored(objects::release(recording)),
        on: [
            Refute(&[Reason::NoRelease]),
            Hold,
            Hold,
            Refute(&[Reason::WrongValue]),
            Refute(&[Reason::WrongValue]),
            Refute(&[Reason::StaleServiceHost]),
            NO_RELEASE,
            NO_RELEASE,
        ],
    },
    Row {
        case: "cilium::images_are_the_pinned_ones",
        judge: |recording| decide(objects::images(recording), cilium::images_are_the_pinned_ones),
        seen: |recording| stored(objects::images(recording)),
        on: [NO_CILIUM, Hold, Hold, Hold, Hold, Hold, NO_IMAGES, NO_IMAGES],
    },
    Row {
        case: "cilium::components_are_ok",
        judge: |recording| decide(objects::components(recording), cilium::components_are_ok),
        seen: |recording| stored(objects::components(recording)),
        // In 4 the program cilium says OK as well, and rightly:
        // direct routes are no component.
        on: [NO_CILIUM, Hold, Hold, Hold, Hold, Refute(&[Reason::AgentsNotReady]), NO_WORKLOADS, NO_WORKLOADS],
    },
    Row {
        case: "cilium::routes_natively",
        judge: |recording| decide(objects::native(recording), cilium::routes_natively),
        seen: |recording| stored(objects::native(recording)),
        // Running configurations were recorded in 7 and 8 alone, and the ConfigMap and agents' status in the others.
        on: [
            NO_CILIUM,
            Undecided("running configuration"),
            Undecided("running configuration"),
            Refute(&[Reason::WrongConfigMap]),
            Refute(&[Reason::WrongConfigMap, Reason::WrongAgentStatus]),
            Undecided("running configuration"),
            Undecided("the ConfigMap cilium-config could not be read"),
            Refute(&[Reason::WrongAgentConfig]),
        ],
    },
    Row {
        case: "cluster::nodes_become_ready",
        judge: |recording| decide(objects::ready(recording), cluster::nodes_become_ready),
        seen: |recording| stored(objects::ready(recording)),
        // In 6 agents are not ready, and yet nodes are: each became so after its agent's last start.
        on: [Refute(&[Reason::NodeNotReady]), Hold, Hold, Hold, Hold, Hold, NO_NODES, NO_NODES],
    },
];

/// The pins, and the overrides with which the recorded labs were built: a node image of the host's own with Kubernetes
/// 1.20.2, and local images of Cilium.
pub(crate) fn declared() -> Read<Expectations> {
    let mut expect = pinned()?;
    let cluster = expect.cluster.as_mut().ok_or("a cluster is expected")?;
    (cluster.kubernetes, cluster.os_image, cluster.container_runtime) = (None, None, None);
    cluster.node_image = ImageExpected { reference: "kindest/node:v1.20.2-local".into(), digest: None };
    cluster.images.values_mut().for_each(|image| image.digest = None);
    Ok(expect)
}

/// The pins alone.
fn pinned() -> Read<Expectations> {
    let manifests = Manifests::embedded().map_err(|error| error.to_string())?;
    Ok(Expectations { cluster: Some(manifests.cluster_expectations("kind")), ..super::expectations()? })
}

/// What the table says of a recording.
pub(crate) fn rows(recording: Recording) -> Vec<Judged> {
    let Some(column) = COLUMNS.iter().position(|column| *column == recording) else { return Vec::new() };
    TABLE.iter().map(|row| (row.case, row.seen, row.on[column])).collect()
}

fn decide<Seen>(seen: Read<Seen>, judge: fn(&Seen, &Expectations) -> Judgement) -> Read<Judgement> {
    Ok(judge(&seen?, &declared()?))
}

#[test]
fn every_case_of_kind_on_every_recording() {
    let mut complaints = Vec::new();
    for row in TABLE {
        for (recording, must) in COLUMNS.into_iter().zip(row.on) {
            let complaint = complaint(row.judge, recording, must).unwrap_or_else(Some);
            complaints.extend(complaint.map(|what| format!("{} on {}: {what}", row.case, recording.0)));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// What came of a judge on what was changed in a recording.
type Changed = fn() -> Read<Judgement>;

/// What a recording was changed to, the case that this is about, and for which reasons alone it is refuted. None: it
/// holds.
const CONTROLS: &[(&str, &str, Option<&[Reason]>, Changed)] = &[
    ("cluster::docker_engine_answers", "what the Engine told of its host beside", None, || {
        engine_with(|_facts| {}, None)
    }),
    ("cluster::docker_engine_answers", "no socket", Some(&[Reason::EngineDoesNotAnswer]), || {
        let mut seen = objects::engine(NATIVE)?;
        seen.engine = Err("no such file".into());
        decide(Ok(seen), engine::docker_engine_answers)
    }),
    ("cluster::docker_engine_answers", "privileged containers refused", Some(&[Reason::PrivilegedRefused]), || {
        engine_with(|_facts| {}, Some(Privileged::Refused("unable to apply caps".into())))
    }),
    ("cluster::three_node_containers_run", "a stopped node", Some(&[Reason::NodeNotRunning]), || {
        let mut seen = objects::containers(NATIVE)?;
        seen.containers[2].state = "exited".into();
        decide(Ok(seen), engine::three_node_containers_run)
    }),
    ("cluster::three_node_containers_run", "the pins alone", Some(&[Reason::AnotherImage]), || {
        Ok(engine::three_node_containers_run(&objects::containers(NATIVE)?, &pinned()?))
    }),
    ("cluster::three_node_containers_run", "0.0.0.0", Some(&[Reason::PublishedBeyondLoopback]), || {
        let mut seen = objects::containers(NATIVE)?;
        let port = seen.containers.iter_mut().flat_map(|node| &mut node.ports).next().ok_or("no port")?;
        port.host_ip = "0.0.0.0".parse().map_err(|_not_an_address| "0.0.0.0")?;
        decide(Ok(seen), engine::three_node_containers_run)
    }),
    ("cluster::no_kube_proxy", "a chain of kube-proxy's", Some(&[Reason::KubeProxyChain]), || {
        let mut seen = objects::kube_proxy(NATIVE)?;
        let listings = seen.filters.get_mut(&"kind-worker".into()).and_then(|listed| listed.as_mut().ok());
        let tables = listings.and_then(|listings| listings[0].tables.as_mut().ok()).ok_or("no listing")?;
        tables.get_mut("nat").ok_or("no nat")?.push("KUBE-SVC-NPX46M4PTMTKRN6Y".into());
        decide(Ok(seen), cluster::no_kube_proxy)
    }),
    (
        "cluster::nodes_not_ready_for_want_of_a_cni",
        "a node whose runtime is down",
        Some(&[Reason::NotReadyForAnotherReason]),
        || {
            let mut seen = objects::before_cni(BEFORE)?;
            let mut conditions = seen.nodes.iter_mut().flat_map(|node| &mut node.conditions);
            let ready = conditions.find(|condition| condition.kind == "Ready").ok_or("no condition Ready")?;
            ready.message = "container runtime is down".into();
            decide(Ok(seen), cluster::nodes_not_ready_for_want_of_a_cni)
        },
    ),
    (
        "cluster::nodes_are_what_the_article_shows",
        "the pins alone: another version, and Debian in the place of Ubuntu",
        Some(&[Reason::WrongVersion, Reason::NodeDiffers]),
        || Ok(cluster::nodes_are_what_the_article_shows(&objects::shown(NATIVE)?, &pinned()?)),
    ),
    ("cluster::nodes_are_what_the_article_shows", "one node of another system", Some(&[Reason::NodesDiffer]), || {
        let mut seen = objects::shown(NATIVE)?;
        seen.nodes[2].os_image = "Alpine Linux v3.17".into();
        decide(Ok(seen), cluster::nodes_are_what_the_article_shows)
    }),
    ("cluster::control_plane_runs_nested_containers", "a second scheduler", Some(&[Reason::WrongVersion]), || {
        let mut seen = objects::nested(NATIVE)?;
        for containers in seen.control_planes.values_mut().flatten() {
            let scheduler = containers.iter().find(|one| one.image.contains("kube-scheduler") && one.task.is_some());
            let mut second = scheduler.ok_or("no scheduler that runs")?.clone();
            second.image = "k8s.gcr.io/kube-scheduler:v1.19.0".into();
            containers.push(second);
        }
        decide(Ok(seen), cluster::control_plane_runs_nested_containers)
    }),
    ("cilium::components_are_ok", "a pod of the DNS that never starts", Some(&[Reason::PodNotManaged]), || {
        let mut seen = objects::components(NATIVE)?;
        let dns = seen.pods.iter_mut().find(|pod| pod.name.starts_with("coredns-")).ok_or("no DNS")?;
        (dns.phase, dns.address, dns.ready) = ("Pending".into(), None, false);
        decide(Ok(seen), cilium::components_are_ok)
    }),
    ("cluster::control_plane_runs_nested_containers", "the pins alone", Some(&[Reason::WrongVersion]), || {
        Ok(cluster::control_plane_runs_nested_containers(&objects::nested(NATIVE)?, &pinned()?))
    }),
    ("cluster::control_plane_runs_nested_containers", "no scheduler", Some(&[Reason::ContainerMissing]), || {
        let mut seen = objects::nested(NATIVE)?;
        for containers in seen.control_planes.values_mut().flatten() {
            containers.retain(|one| !one.image.contains("kube-scheduler"));
        }
        decide(Ok(seen), cluster::control_plane_runs_nested_containers)
    }),
    (
        "cilium::release_has_the_articles_values",
        "a control plane that moved",
        Some(&[Reason::StaleServiceHost]),
        || {
            let mut seen = objects::release(NATIVE)?;
            let moved = "172.18.0.3".parse().map_err(|_not_an_address| "172.18.0.3")?;
            seen.control_planes.values_mut().for_each(|address| *address = Some(moved));
            decide(Ok(seen), cilium::release_has_the_articles_values)
        },
    ),
    ("cilium::images_are_the_pinned_ones", "the pins alone", Some(&[Reason::WrongRepositoryDigest]), || {
        Ok(cilium::images_are_the_pinned_ones(&objects::images(NATIVE)?, &pinned()?))
    }),
    ("cilium::images_are_the_pinned_ones", "another image under the tag", Some(&[Reason::AnotherImage]), || {
        let mut seen = objects::images(NATIVE)?;
        let another = format!("sha256:{}", "9".repeat(64));
        let is_operator = |tag: &String| tag.contains("operator-generic");
        for images in seen.on_nodes.values_mut().flatten() {
            images.iter_mut().filter(|image| image.tags.iter().any(is_operator)).for_each(|image| {
                image.id.clone_from(&another);
            });
        }
        for container in seen.pods.iter_mut().flat_map(|pod| &mut pod.containers) {
            if container.name == "cilium-operator" {
                container.image_id.clone_from(&another);
            }
        }
        decide(Ok(seen), cilium::images_are_the_pinned_ones)
    }),
    ("cilium::components_are_ok", "a pod without an endpoint", Some(&[Reason::PodNotManaged]), || {
        let mut seen = objects::components(NATIVE)?;
        seen.endpoints.pop();
        decide(Ok(seen), cilium::components_are_ok)
    }),
    // Of the same build, with the same values: 7 has what agents run with, 3 the rest.
    ("cilium::routes_natively", "running configurations of 7 and the rest of 3", None, || {
        native_of(NATIVE_WIRE).and_then(|seen| decide(Ok(seen), cilium::routes_natively))
    }),
    // Turned on in the ConfigMap alone, it is not what runs.
    ("cilium::routes_natively", "running configurations of 8", Some(&[Reason::WrongAgentConfig]), || {
        native_of(VXLAN_WIRE).and_then(|seen| decide(Ok(seen), cilium::routes_natively))
    }),
    // As after its pod was deleted by force: seen on a real cluster, Ready since 07:52:59, the agent since 07:55:52.
    ("cluster::nodes_become_ready", "an agent's pod that was replaced", None, || {
        let mut seen = built_and_now()?;
        later(&mut seen.agents)?;
        decide(Ok(seen), cluster::nodes_become_ready)
    }),
    ("cluster::nodes_become_ready", "a first agent that started later", Some(&[Reason::ReadyBeforeAgent]), || {
        let mut seen = built_and_now()?;
        later(&mut seen.first.as_mut().ok_or("no first look")?.agents)?;
        decide(Ok(seen), cluster::nodes_become_ready)
    }),
    ("cluster::nodes_become_ready", "a node that is not Ready any more", Some(&[Reason::NodeNotReady]), || {
        let mut seen = built_and_now()?;
        let conditions = seen.nodes.iter_mut().flat_map(|node| &mut node.conditions);
        conditions.filter(|one| one.kind == "Ready").last().ok_or("no condition")?.status = "Unknown".into();
        decide(Ok(seen), cluster::nodes_become_ready)
    }),
];

/// Nodes and agents of 3, with those of 2, which is the same lab once Cilium was ready, as what was seen when it was
/// built.
fn built_and_now() -> Read<ReadySeen> {
    let ReadySeen { nodes, agents, .. } = objects::ready(CILIUM)?;
    let first = Some(FirstReadySeen { age: Duration::from_mins(5), nodes, agents });
    Ok(ReadySeen { first, ..objects::ready(NATIVE)? })
}

/// The first of these agents is one of 173 seconds later.
fn later(agents: &mut [KubePod]) -> Read<()> {
    let agent = agents.iter_mut().flat_map(|pod| &mut pod.containers).next().ok_or("no agent")?;
    let Some(ContainerState::Running { started: Some(started) }) = &mut agent.state else {
        return Err("an agent that does not run".into());
    };
    *started += chrono::TimeDelta::seconds(173);
    Ok(())
}

/// Without a first look, as in labs of older programs, the same agent decides nothing.
#[test]
fn without_a_first_look_an_agent_that_is_younger_than_its_nodes_condition_decides_nothing() {
    let judged = || -> Read<Judgement> {
        let mut seen = objects::ready(NATIVE)?;
        later(&mut seen.agents)?;
        decide(Ok(seen), cluster::nodes_become_ready)
    };
    let judgement = judged().expect("read");
    let Err(NotHeld::Unobserved(why)) = &judgement else { panic!("should be unobserved: {judgement:#?}") };
    assert!(why.contains("may be in the place of an earlier one"), "{why}");
}

/// The rest of what an Engine such as the recorded one tells: Debian's 20.10, with cgroup v1.
fn engine_with(change: fn(&mut EngineFacts), privileged: Option<Privileged>) -> Read<Judgement> {
    let mut seen = objects::engine(NATIVE)?;
    let facts = seen.engine.as_mut().map_err(|why| why.clone())?;
    facts.storage_driver = Some("overlay2".into());
    facts.cgroup_version = Some("1".into());
    facts.rootless = Some(false);
    change(facts);
    if let Some(privileged) = privileged {
        seen.privileged = privileged;
    }
    decide(Ok(seen), engine::docker_engine_answers)
}

/// What agents of one recording run with, beside the `ConfigMap` and the status of 3.
fn native_of(running: Recording) -> Read<lab_model::seen::NativeSeen> {
    let mut seen = objects::native(NATIVE)?;
    for (node, agent) in objects::native(running)?.agents {
        seen.agents.get_mut(&node).ok_or("another node")?.config = agent.config;
    }
    Ok(seen)
}

#[test]
fn what_was_changed_is_refuted_for_that_alone() {
    let mut complaints = Vec::new();
    for (case, what, must, judge) in CONTROLS {
        let judgement = judge();
        let is_right = match (must, &judgement) {
            (None, Ok(Ok(proof))) => !proof.summary.is_empty(),
            (Some(reasons), Ok(Err(NotHeld::Refuted(findings)))) => {
                let found: BTreeSet<_> = findings.iter().map(|finding| finding.reason).collect();
                found == reasons.iter().copied().collect()
            }
            _ => false,
        };
        if !is_right {
            complaints.push(format!("{case}, {what}: {judgement:#?}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A case without both shows nothing by holding.
#[test]
fn every_case_of_kind_has_a_control_that_accepts_and_one_that_refutes() {
    let on_kind_alone = cases::ALL.iter().filter(|case| case.body(BackendKind::Netns).is_none());
    let names: Vec<&str> = on_kind_alone.map(|case| case.name).collect();
    assert_eq!(names.len(), 11);
    assert_eq!(TABLE.len(), names.len());
    for name in names {
        let row = TABLE.iter().find(|row| row.case == name);
        let rows = row.iter().flat_map(|row| row.on);
        let changed = CONTROLS.iter().filter(|(case, ..)| *case == name).map(|(_, _, must, _)| match must {
            None => Hold,
            Some(reasons) => Refute(reasons),
        });
        let all: Vec<Must> = rows.chain(changed).collect();
        assert!(all.iter().any(|must| matches!(must, Hold)), "{name} has no control that accepts it");
        let refutes = |must: &Must| matches!(must, Refute(reasons) if !reasons.is_empty());
        assert!(all.iter().any(refutes), "{name} has no control that refutes it for a reason");
    }
    for (case, ..) in CONTROLS {
        assert!(TABLE.iter().any(|row| row.case == *case), "{case} is no case of kind");
    }
}

/// What the program `cilium` says of 6 is errors and exit code 0; the judge says which agents, and what they do.
#[test]
fn agents_that_are_not_ready_are_named() {
    let judgement = decide(objects::components(WRONG_HOST), cilium::components_are_ok).expect("read");
    let Err(NotHeld::Refuted(findings)) = judgement else { panic!("should be refuted: {judgement:#?}") };
    let observed = &findings[0].observed;
    assert!(observed.starts_with("1 of 3 ready"), "{observed}");
    assert!(observed.contains("cilium-5hdjt on kind-control-plane ended with exit code 1 (Error)"), "{observed}");
    assert!(observed.contains("cilium-qjbcr on kind-worker runs and is not ready"), "{observed}");
}

#[test]
fn host_routing_is_named() {
    let judgement = native_of(NATIVE_WIRE).and_then(|seen| decide(Ok(seen), cilium::routes_natively));
    let proof = judgement.expect("read").expect("held");
    assert_eq!(proof.details.len(), 3);
    assert!(proof.details.iter().all(|line| line.contains("host routing BPF")), "{proof:#?}");
}
