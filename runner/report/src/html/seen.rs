//! What a run's folder shows, read back: evidence that is whole and was not altered, and nothing else.

use serde::de::DeserializeOwned;
use std::path::Path;

use lab_base::failure::chain;
use lab_evidence::{Evidence, case_folder};
use lab_model::BackendKind;
use lab_model::observe::{PodCidrs, PodSeen};
use lab_model::report::Report;
use lab_model::seen::{
    AnswersSeen, BaseSeen, EndpointsSeen, NodesSeen, RoutersSeen, RoutingSeen, SegmentsSeen, WireSeen, WorkloadSeen,
};

/// The cases whose evidence holds a look of each kind, the best first.
const NODES: &[&str] = &["cluster::three_nodes_run"];
const SEGMENTS: &[&str] = &["l2::nodes_share_one_bridge"];
const ROUTERS: &[&str] = &["bgp::pod_cidrs_are_learnt", "bgp::sessions_are_established"];
const BASE: &[&str] = &["routing::only_base_routes_before"];
const ROUTING: &[&str] = &[
    "routing::direct_route_to_every_peer",
    "routing::no_tunnel_device",
    "routing::own_pods_are_local",
    "routing::peers_by_the_tor_alone",
];
const WORKLOAD: &[&str] = &["service::two_replicas_on_two_workers"];
const ENDPOINTS: &[&str] = &["service::cluster_ip_has_both_backends"];
pub(super) const ANSWERS: &[&str] = &["service::answers_from_the_control_plane", "service::answers_from_each_pod"];
/// Where all cases about frames are: they have the one observation of all traffic.
const WIRE: &str = "wire::";

/// All that was seen of what the page draws. What is none was not seen, and is not drawn.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) nodes: Option<NodesSeen>,
    pub(super) segments: Option<SegmentsSeen>,
    /// Of a lab in racks.
    pub(super) routers: Option<RoutersSeen>,
    /// Before routing was installed.
    pub(super) base: Option<BaseSeen>,
    /// After it.
    pub(super) routing: Option<RoutingSeen>,
    pub(super) endpoints: Option<EndpointsSeen>,
    pub(super) answers: Vec<AnswersSeen>,
    pub(super) wire: Option<WireSeen>,
    pub(super) pods: Vec<PodSeen>,
    pub(super) cidrs: Option<PodCidrs>,
    /// Evidence that the report names and that could not be used, and why.
    pub(super) unreadable: Vec<String>,
}

/// The cases of an area that a report has. Names become paths, so only those made of the letters of a case are taken.
fn of_area<'a>(report: &'a Report, area: &str) -> Vec<&'a str> {
    let is_name =
        |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:".contains(&b));
    let names = report.cases.iter().map(|case| case.name.as_str());
    names.filter(|name| name.starts_with(area)).filter(is_name).collect()
}

impl Shown {
    /// Reads the folder of this run.
    pub(super) fn read(folder: &Path, report: &Report) -> Self {
        // What is looked at in a foreign cluster has forms of its own, and nothing of it is drawn.
        if report.head.backend == BackendKind::Cluster {
            return Self::default();
        }
        let mut reader = Reader { folder, report, unreadable: Vec::new() };
        let workload: Option<WorkloadSeen> = reader.first(WORKLOAD);
        let mut shown = Self {
            nodes: reader.first(NODES),
            segments: reader.first(SEGMENTS),
            routers: reader.first(ROUTERS),
            base: reader.first(BASE),
            routing: reader.first(ROUTING),
            endpoints: reader.first(ENDPOINTS),
            answers: ANSWERS.iter().filter_map(|name| reader.first(&[*name])).collect(),
            wire: reader.first(&of_area(report, WIRE)),
            ..Self::default()
        };
        let routed = shown.routing.as_ref().map(|routing| &routing.pod_cidrs);
        shown.cidrs = routed.or(workload.as_ref().map(|seen| &seen.pod_cidrs)).cloned();
        let pods = [
            shown.wire.as_ref().map(|seen| &seen.pods),
            workload.as_ref().map(|seen| &seen.pods),
            shown.endpoints.as_ref().map(|seen| &seen.pods),
            shown.answers.first().map(|seen| &seen.pods),
        ];
        shown.pods = pods.into_iter().flatten().next().cloned().unwrap_or_default();
        shown.unreadable = reader.unreadable;
        shown
    }
}

struct Reader<'a> {
    folder: &'a Path,
    report: &'a Report,
    unreadable: Vec<String>,
}

impl Reader<'_> {
    /// What the first of these cases looked at, of those that have evidence.
    fn first<T: DeserializeOwned>(&mut self, names: &[&str]) -> Option<T> {
        names.iter().find_map(|name| self.read(name))
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let case = self.report.cases.iter().find(|case| case.name == name)?;
        if case.evidence.is_empty() {
            return None;
        }
        let folder = case_folder(name);
        let unusable = match Evidence::read(&self.folder.join(&folder)) {
            // A case that saw nothing has no record: its verdict says so.
            Ok(evidence) => match serde_json::from_value(evidence.records.into_iter().next()?.data) {
                Ok(seen) => return Some(seen),
                Err(error) => format!("{}/evidence.jsonl: not what this case looks at: {error}", folder.display()),
            },
            Err(error) => chain(&error),
        };
        self.unreadable.push(unusable);
        None
    }
}
