//! The judges against recordings of a real lab: kind, Kubernetes and Cilium, in native routing and in others.
//!
//! The table here says of each case that exists on both backends what a judge must say of each recording, or that what
//! the case looks at was not recorded, and which files would hold it; `recorded/kind_only.rs` has that of the cases that
//! exist on kind alone. `data/recordings/README.md` says what they are.

mod altered;
#[path = "cli/left.rs"]
mod left;
#[expect(dead_code, reason = "tests of sysdumps use the rest")]
#[path = "sysdump/made.rs"]
mod made;
#[expect(dead_code, reason = "tests of the command line use the rest")]
#[path = "cli/process.rs"]
mod process;
mod recorded;
#[path = "sysdump/text.rs"]
mod text;
#[expect(dead_code, reason = "tests of the command line use the rest")]
#[path = "cli/world.rs"]
mod world;

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

use lab_harness::cases;
use lab_judge::{adjacency, routing, service, wire};
use lab_model::expect::Expectations;
use lab_model::seen::BaseSeen;
use lab_model::{BackendKind, Judgement, NotHeld, Reason};
use recorded::{
    BEFORE, NATIVE, NATIVE_WIRE, Read, Recording, VXLAN, VXLAN_WIRE, WITHOUT_ROUTES, docker, expectations, scenes,
};

/// The recordings in the order of the table's columns.
const COLUMNS: [Recording; 5] = [NATIVE, WITHOUT_ROUTES, VXLAN, NATIVE_WIRE, VXLAN_WIRE];

/// What must come of a case on a recording.
#[derive(Clone, Copy)]
enum Must {
    /// The judge holds it.
    Hold,
    /// The judge refutes it for these reasons, all of them and no other.
    Refute(&'static [Reason]),
    /// What was recorded does not decide it; the judge says so, in words with these among them.
    Undecided(&'static str),
    /// What the case looks at was not recorded: why, and how the names of the files that would hold it end.
    NotRecorded(&'static str, &'static [&'static str]),
}
use Must::{Hold, NotRecorded, Refute, Undecided};

struct Row {
    case: &'static str,
    judge: fn(Recording) -> Read<Judgement>,
    /// What is judged, as evidence keeps it.
    seen: fn(Recording) -> Read<Value>,
    on: [Must; 5],
}

const NO_ROLES: Must = NotRecorded("the nodes' roles were not", &["kube/nodes.json"]);
const NO_NETWORK: Must =
    NotRecorded("Docker's networks were not", &["docker/network-kind.json", "docker/networks.json"]);
const NO_NEIGHBOURS: Must = NotRecorded("neighbour tables were not, and no node asked for another", &["ip-neigh.json"]);
const NO_READINESS: Must = NotRecorded("pods.txt has no readiness", &["kube/pods.json"]);
const NO_ENDPOINTS: Must =
    NotRecorded("service.txt has no endpoints", &["kube/endpointslices.json", "kube/endpoints.json"]);
const NO_TABLES: Must = NotRecorded("the agents were not asked", &[".bpf-lb-list.json", ".service-list.json"]);
const NO_NODES_ASKED: Must = NotRecorded("only pods asked the Service", &["from-nodes.txt"]);
const NO_BEFORE: Must = NotRecorded(
    "of this lab nothing was recorded before its CNI, and nothing says that it is the one of 1",
    &["docker/network-kind.json", "before-cni"],
);
const NO_PING: Must = NotRecorded("no packets of the whole MTU were sent", &["/traffic.txt", "ping.txt"]);
const NO_POD_VIEW: Must = Undecided("nothing was captured on hello-app-");
const NO_OUTSIDE: Must = NotRecorded(
    "no pod asked the outside, and the bridge was captured on ports 8080, 8472 and 6081 only",
    &["/traffic.txt", ".eth0.pcap"],
);

const TABLE: &[Row] = &[
    Row {
        case: "cluster::three_nodes_run",
        judge: |recording| decide(scenes::members(recording), adjacency::three_nodes_run),
        seen: |recording| stored(scenes::members(recording)),
        on: [Hold, Hold, Hold, NO_ROLES, NO_ROLES],
    },
    Row {
        case: "l2::nodes_share_one_bridge",
        judge: |recording| decide(scenes::segments(recording), adjacency::nodes_share_one_bridge),
        seen: |recording| stored(scenes::segments(recording)),
        on: [Hold, Hold, Hold, NO_NETWORK, NO_NETWORK],
    },
    Row {
        case: "l2::peers_are_adjacent",
        // By the kernel's neighbour table, entries that are reachable; no resolution was made for the recording.
        judge: |recording| decide(scenes::adjacency(recording), adjacency::peers_are_adjacent),
        seen: |recording| stored(scenes::adjacency(recording)),
        on: [Hold, Hold, Hold, NO_NEIGHBOURS, NO_NEIGHBOURS],
    },
    Row {
        case: "routing::only_base_routes_before",
        // 3, 4 and 5 are of the lab that 1 was recorded of before its CNI, which a test checks.
        judge: |recording| decide(before(recording), routing::only_base_routes_before),
        seen: |recording| stored(before(recording)),
        on: [Hold, Hold, Hold, NO_BEFORE, NO_BEFORE],
    },
    Row {
        case: "routing::direct_route_to_every_peer",
        // The kernel's own lookups were not recorded anywhere: by `tables_lead_directly`, on rules and routes alone.
        judge: |recording| decide(scenes::routing(recording), routing::tables_lead_directly),
        seen: |recording| stored(scenes::routing(recording)),
        on: [
            Hold,
            Refute(&[Reason::RouteMissing]),
            Refute(&[Reason::ThroughTunnel]),
            Hold,
            Refute(&[Reason::ThroughTunnel]),
        ],
    },
    Row {
        case: "routing::no_tunnel_device",
        judge: |recording| decide(scenes::routing(recording), routing::no_tunnel_device),
        seen: |recording| stored(scenes::routing(recording)),
        on: [Hold, Hold, Refute(&[Reason::TunnelDevice]), Hold, Refute(&[Reason::TunnelDevice])],
    },
    Row {
        case: "routing::own_pods_are_local",
        // In 7 and 8 the pod CIDRs are derived from the address of cilium_host.
        judge: |recording| decide(scenes::routing(recording), routing::own_pods_are_local),
        seen: |recording| stored(scenes::routing(recording)),
        on: [Hold, Hold, Hold, Hold, Hold],
    },
    Row {
        case: "service::two_replicas_on_two_workers",
        judge: |recording| decide(scenes::workload(recording), service::two_replicas_on_two_workers),
        seen: |recording| stored(scenes::workload(recording)),
        on: [Hold, Hold, Hold, NO_READINESS, NO_READINESS],
    },
    Row {
        case: "service::cluster_ip_has_both_backends",
        judge: |recording| decide(scenes::endpoints(recording), service::cluster_ip_has_both_backends),
        seen: |recording| stored(scenes::endpoints(recording)),
        on: [Hold, Hold, Hold, NO_ENDPOINTS, NO_ENDPOINTS],
    },
    Row {
        case: "service::load_balancer_table_matches",
        judge: |recording| decide(scenes::tables(recording), service::load_balancer_table_matches),
        seen: |recording| stored(scenes::tables(recording)),
        on: [Hold, Hold, Hold, NO_TABLES, NO_TABLES],
    },
    Row {
        case: "service::answers_from_the_control_plane",
        judge: |recording| decide(scenes::answers_to_control_plane(recording), service::answers_from_the_control_plane),
        seen: |recording| stored(scenes::answers_to_control_plane(recording)),
        on: [Hold, Refute(&[Reason::NoAnswer]), Hold, NO_NODES_ASKED, NO_NODES_ASKED],
    },
    Row {
        case: "service::answers_from_each_pod",
        judge: |recording| decide(scenes::answers_to_pods(recording), service::answers_from_each_pod),
        seen: |recording| stored(scenes::answers_to_pods(recording)),
        on: [Hold, Refute(&[Reason::SomeUnanswered]), Hold, Hold, Hold],
    },
    Row {
        case: "wire::pods_reach_each_other_directly",
        judge: |recording| decide(recorded::wire::seen(recording), wire::pods_reach_each_other_directly),
        seen: |recording| stored(recorded::wire::seen(recording)),
        on: [Hold, Refute(&[Reason::PodUnreachable]), Hold, Hold, Hold],
    },
    Row {
        case: "wire::frames_are_not_encapsulated",
        judge: |recording| decide(recorded::wire::seen(recording), wire::frames_are_not_encapsulated),
        seen: |recording| stored(recorded::wire::seen(recording)),
        on: [
            Hold,
            Undecided("no frame from pod to pod"),
            Refute(&[Reason::Encapsulated]),
            Hold,
            Refute(&[Reason::Encapsulated]),
        ],
    },
    Row {
        case: "wire::no_router_between_nodes",
        judge: |recording| decide(recorded::wire::seen(recording), wire::no_router_between_nodes),
        seen: |recording| stored(recorded::wire::seen(recording)),
        on: [Hold, Undecided("no packet hello-app"), Undecided("seen leaving"), Hold, Undecided("seen leaving")],
    },
    Row {
        case: "wire::source_address_is_kept",
        judge: |recording| decide(recorded::wire::seen(recording), wire::source_address_is_kept),
        seen: |recording| stored(recorded::wire::seen(recording)),
        // What the pods' own links saw was not captured.
        on: [NO_POD_VIEW, NO_POD_VIEW, NO_POD_VIEW, NO_POD_VIEW, NO_POD_VIEW],
    },
    Row {
        case: "wire::full_mtu_fits",
        judge: |recording| decide(recorded::wire::seen(recording), wire::full_mtu_fits),
        seen: |recording| stored(recorded::wire::seen(recording)),
        on: [NO_PING, NO_PING, NO_PING, Hold, Refute(&[Reason::MtuDoesNotFit])],
    },
    Row {
        case: "wire::masqueraded_outside_the_native_cidr",
        judge: |recording| decide(recorded::wire::seen(recording), wire::masqueraded_outside_the_native_cidr),
        seen: |recording| stored(recorded::wire::seen(recording)),
        on: [NO_OUTSIDE, NO_OUTSIDE, NO_OUTSIDE, Hold, Hold],
    },
    Row {
        case: "wire::nothing_leaks_to_the_uplink",
        judge: |recording| decide(recorded::wire::seen(recording), wire::nothing_leaks_to_the_uplink),
        seen: |recording| stored(recorded::wire::seen(recording)),
        // A leak is proof by itself; that there is none needs a request to the gateway beside it.
        on: [NO_OUTSIDE, Refute(&[Reason::LeaksToGateway]), NO_OUTSIDE, Hold, Hold],
    },
];

/// A case, what is judged, and what must come of it.
type Judged = (&'static str, fn(Recording) -> Read<Value>, Must);

/// What the table says of a recording.
fn rows(recording: Recording) -> Vec<Judged> {
    let Some(column) = COLUMNS.iter().position(|column| *column == recording) else { return Vec::new() };
    TABLE.iter().map(|row| (row.case, row.seen, row.on[column])).collect()
}

/// What the nodes of this recording's lab showed before routing was installed.
fn before(recording: Recording) -> Read<BaseSeen> {
    if docker::containers(recording)? != docker::containers(BEFORE)? {
        return Err(format!("{} is of another lab than {}", recording.0, BEFORE.0));
    }
    scenes::base(BEFORE)
}

fn stored<Seen: Serialize>(seen: Read<Seen>) -> Read<Value> {
    lab_harness::case::store(&seen?)
}

fn decide<Seen>(seen: Read<Seen>, judge: fn(&Seen, &Expectations) -> Judgement) -> Read<Judgement> {
    Ok(judge(&seen?, &expectations()?))
}

/// What is wrong about a cell of the table, if anything is.
fn complaint(judge: fn(Recording) -> Read<Judgement>, recording: Recording, must: Must) -> Read<Option<String>> {
    if let NotRecorded(why, files) = must {
        let listing = recording.listing()?;
        let found: Vec<_> = listing.iter().filter(|file| files.iter().any(|end| file.ends_with(end))).collect();
        let judgement = judge(recording);
        // Without the files there is nothing to look at, or a look that decides nothing.
        let is_silent = matches!(&judgement, Err(_) | Ok(Err(NotHeld::Unobserved(_))));
        return Ok(match (files, found.as_slice()) {
            ([], _) => Some(format!("not recorded ({why}), and no file that would hold it is named")),
            (_, []) if is_silent => None,
            (_, []) => Some(format!("decided although not recorded ({why}): {judgement:#?}")),
            (_, found) => Some(format!("not recorded ({why}), and yet there is {found:?}")),
        });
    }
    let judgement = judge(recording)?;
    Ok((!must.fits(&judgement)).then(|| format!("{judgement:#?}")))
}

impl Must {
    fn fits(self, judgement: &Judgement) -> bool {
        match (self, judgement) {
            (Hold, Ok(proof)) => !proof.summary.is_empty(),
            (Refute(reasons), Err(NotHeld::Refuted(findings))) => {
                let found: BTreeSet<_> = findings.iter().map(|finding| finding.reason).collect();
                found == reasons.iter().copied().collect()
            }
            (Undecided(words), Err(NotHeld::Unobserved(why))) => why.contains(words),
            _ => false,
        }
    }
}

#[test]
fn every_case_on_every_recording() {
    let mut complaints = Vec::new();
    for row in TABLE {
        for (recording, must) in COLUMNS.into_iter().zip(row.on) {
            let complaint = complaint(row.judge, recording, must).unwrap_or_else(Some);
            complaints.extend(complaint.map(|what| format!("{} on {}: {what}", row.case, recording.0)));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_table_is_complete() {
    let names: BTreeSet<_> = TABLE.iter().map(|row| row.case).collect();
    assert_eq!(names.len(), TABLE.len(), "a case is in the table twice");
    let on_both: BTreeSet<_> = cases::on(BackendKind::Netns).map(|case| case.name).collect();
    assert_eq!(names, on_both, "the cases that exist on both backends");
}

#[test]
fn what_is_kept_here_was_recorded() {
    for recording in recorded::kind_only::COLUMNS {
        let listing = recording.listing().expect("the listing");
        let copied = recording.copied().expect("the folder");
        assert!(!copied.is_empty(), "{} is empty", recording.0);
        for file in copied {
            assert!(listing.contains(&file), "{}/{file} is not in listing.txt", recording.0);
        }
    }
}

#[test]
fn the_first_recordings_are_of_one_lab() {
    let before = docker::containers(BEFORE).expect("the network's members");
    assert_eq!(before.len(), 3);
    for recording in [NATIVE, WITHOUT_ROUTES, VXLAN] {
        assert_eq!(docker::containers(recording).as_ref(), Ok(&before), "{}", recording.0);
    }
}

/// curl prints no status; the captures have it.
#[test]
fn every_recorded_response_has_status_200() {
    let mut responses = 0;
    for recording in COLUMNS {
        for file in recorded::wire::pcaps(recording) {
            for frame in recorded::wire::raw(recording, &file).expect("a capture") {
                let lines = frame.bytes.split(|octet| *octet == b'\n').map(String::from_utf8_lossy);
                for line in lines.filter(|line| line.contains("HTTP/1.") && !line.contains("GET ")) {
                    assert!(line.contains("HTTP/1.1 200 OK") || line.contains("HTTP/1.0 200 OK"), "{file}: {line}");
                    responses += 1;
                }
            }
        }
    }
    assert!(responses > 50, "only {responses} responses were captured");
}

/// How many frames were lost was not recorded in 7 and 8. Each frame between the workers passes both their links.
#[test]
fn captures_of_both_workers_agree() {
    for recording in [NATIVE_WIRE, VXLAN_WIRE] {
        let seen = recorded::wire::seen(recording).expect("traffic");
        let workers: Vec<_> = ["kind-worker", "kind-worker2"]
            .into_iter()
            .map(|node| seen.nodes[&node.into()].link("eth0").and_then(|link| link.mac).expect("eth0"))
            .collect();
        let between: Vec<Vec<_>> = seen.traffic.captures[1..]
            .iter()
            .map(|capture| {
                let frames = capture.frames.iter();
                let between =
                    frames.filter(|frame| workers.contains(&frame.source) && workers.contains(&frame.destination));
                between.map(|frame| (frame.source, frame.ip.clone())).collect()
            })
            .collect();
        assert!(between[0].len() > 80, "{}", between[0].len());
        assert!(between[0] == between[1], "{}: the captures differ", recording.0);
    }
}

#[test]
fn what_vxlan_costs_is_told_in_octets() {
    match decide(recorded::wire::seen(VXLAN_WIRE), wire::full_mtu_fits).expect("read") {
        Err(NotHeld::Refuted(findings)) => {
            let observed: Vec<_> = findings.iter().map(|finding| finding.observed.as_str()).collect();
            assert_eq!(observed, ["1500 octets: too big, 1450 fits; 1450 octets pass"; 2]);
        }
        other => panic!("should be refuted: {other:#?}"),
    }
}

/// A leak is found by the gateway's address; one that is not known hides it, and is said so.
#[test]
fn without_the_gateways_address_nothing_is_said_of_leaks() {
    let mut seen = recorded::wire::seen(NATIVE_WIRE).expect("traffic");
    seen.traffic.gateway_macs.remove(&"kind-control-plane".into());
    let judgement = wire::nothing_leaks_to_the_uplink(&seen, &expectations().expect("expectations"));
    assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:#?}");
}

/// What a look yields, with this done to it.
fn changed<Seen>(seen: Read<Seen>, change: impl FnOnce(&mut Seen)) -> Seen {
    let mut seen = seen.expect("what was recorded");
    change(&mut seen);
    seen
}

#[track_caller]
fn undecided(judgement: &Judgement, words: &'static str) {
    assert!(Undecided(words).fits(judgement), "{words:?}: {judgement:#?}");
}

/// The third has no address, or was never made.
#[test]
fn two_replicas_of_three_are_missed() {
    let three = Expectations { replicas: 3, ..expectations().expect("expectations") };
    let missing = "2 of 3 replicas have an address";
    let wire = recorded::wire::seen(NATIVE_WIRE).expect("traffic");
    undecided(&wire::pods_reach_each_other_directly(&wire, &three), missing);
    undecided(&wire::frames_are_not_encapsulated(&wire, &three), missing);
    undecided(&wire::no_router_between_nodes(&wire, &three), missing);
    undecided(&wire::full_mtu_fits(&wire, &three), missing);
    undecided(&wire::masqueraded_outside_the_native_cidr(&wire, &three), missing);
    undecided(&wire::nothing_leaks_to_the_uplink(&wire, &three), missing);
    let missing = "2 of 3 replicas are ready";
    let endpoints = scenes::endpoints(NATIVE).expect("endpoints");
    undecided(&service::cluster_ip_has_both_backends(&endpoints, &three), missing);
    undecided(&service::load_balancer_table_matches(&scenes::tables(NATIVE).expect("tables"), &three), missing);
    let answers = scenes::answers_to_pods(NATIVE).expect("replies");
    undecided(&service::answers_from_each_pod(&answers, &three), missing);
}

#[test]
fn a_capture_that_saw_nothing_proves_no_absence() {
    let blind = changed(recorded::wire::seen(NATIVE_WIRE), |seen| seen.traffic.captures[0].frames.clear());
    let judgement = wire::nothing_leaks_to_the_uplink(&blind, &expectations().expect("expectations"));
    undecided(&judgement, "not one frame was seen on kind-control-plane's eth0");
}

#[test]
fn a_cluster_ip_may_lie_in_a_pod_cidr_that_is_not_known() {
    let expect = expectations().expect("expectations");
    let unknown = changed(scenes::endpoints(NATIVE), |seen| {
        seen.pod_cidrs.by_node.remove(&"kind-worker2".into()).expect("its pod CIDR");
    });
    undecided(&service::cluster_ip_has_both_backends(&unknown, &expect), "the pod CIDRs of 2 of 3 nodes are known");
    let within = changed(scenes::endpoints(NATIVE), |seen| {
        let pods = seen.pod_cidrs.by_node[&"kind-worker2".into()];
        seen.service.cluster_ip = Some(std::net::SocketAddrV4::new(pods.network(), expect.service_port));
    });
    let refuted = service::cluster_ip_has_both_backends(&within, &expect);
    assert!(Refute(&[Reason::ClusterIpWithinPodCidr]).fits(&refuted), "{refuted:#?}");
}

/// What pods were answered says nothing about the control plane, and the other way round.
#[test]
fn replies_asked_elsewhere_hold_neither_claim() {
    let expect = expectations().expect("expectations");
    let to_pods = scenes::answers_to_pods(NATIVE).expect("replies");
    let to_control_plane = scenes::answers_to_control_plane(NATIVE).expect("replies");
    let none = "0 of 1 control planes were asked from";
    undecided(&service::answers_from_the_control_plane(&to_pods, &expect), none);
    undecided(&service::answers_from_each_pod(&to_control_plane, &expect), "nothing was asked from hello-app-");
    let from_worker = changed(scenes::answers_to_control_plane(NATIVE), |seen| {
        seen.replies[0].0 = lab_model::observe::Place::Node("kind-worker".into());
    });
    undecided(&service::answers_from_the_control_plane(&from_worker, &expect), none);
}

/// The kernel was not asked: the case itself must not hold on routes and rules alone.
#[test]
fn without_the_kernels_lookups_direct_routes_are_not_proved() {
    for recording in [NATIVE, NATIVE_WIRE] {
        let judgement = decide(scenes::routing(recording), routing::direct_route_to_every_peer).expect("read");
        assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{}: {judgement:#?}", recording.0);
    }
}

#[test]
fn routes_that_are_there_too_early_refute() {
    let judgement = decide(scenes::base(NATIVE), routing::only_base_routes_before).expect("read");
    let reasons: BTreeSet<_> = judgement.expect_err("should be refuted").reasons().into_iter().collect();
    assert_eq!(reasons, [Reason::RouteBeforeRouting].into());
}
