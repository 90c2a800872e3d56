//! `service::…`: the workload, its Service, and who answers.

use std::time::Duration;

use super::both;
use super::look::{broke, node_views};
use crate::case::Case;
use crate::lab::Lab;
use lab_judge::service as judge;
use lab_model::deviation::{ImageName, Pinned};
use lab_model::observe::{Place, PodSeen, Role};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_model::seen::{AnswersSeen, EndpointsSeen, TablesSeen, WorkloadSeen};
use lab_model::stage::Stage;

/// hello-app's pods.
pub(super) const TWO_REPLICAS_ON_TWO_WORKERS: Case = Case {
    name: "service::two_replicas_on_two_workers",
    article: "kubectl scale --replicas=2 deployment/hello-app; kubectl get pods -o wide",
    claim: "The replicas are ready, each on a worker of its own, with addresses from their nodes' pod CIDRs.",
    against: &[],
    needs: Stage::WorkloadReady,
    on: both!(workload, judge::two_replicas_on_two_workers),
};

/// The Service's endpoints.
pub(super) const CLUSTER_IP_HAS_BOTH_BACKENDS: Case = Case {
    name: "service::cluster_ip_has_both_backends",
    article: "kubectl expose deployment hello-app --port=8080 --target-port=8080",
    claim: "The Service has a ClusterIP outside the pod CIDRs, and its endpoints are exactly the ready pods.",
    against: &[],
    needs: Stage::WorkloadReady,
    on: both!(endpoints, judge::cluster_ip_has_both_backends),
};

/// The datapath's table.
pub(super) const LOAD_BALANCER_TABLE_MATCHES: Case = Case {
    name: "service::load_balancer_table_matches",
    article: "cilium service list",
    claim: "On every node the datapath's own table has the ClusterIP with exactly the endpoints, all active.",
    against: &[],
    needs: Stage::WorkloadReady,
    on: both!(tables, judge::load_balancer_table_matches),
};

/// curl on the control plane.
pub(super) const ANSWERS_FROM_THE_CONTROL_PLANE: Case = Case {
    name: "service::answers_from_the_control_plane",
    article: "curl http://10.96.37.61:8080 in kind-control-plane",
    claim: "From the control plane, the ClusterIP answers with hello-app's three lines, from each backend.",
    against: &[Pinned::Image(ImageName::HelloApp)],
    needs: Stage::WorkloadReady,
    on: both!(from_control_plane, judge::answers),
};

/// curl in the pods.
pub(super) const ANSWERS_FROM_EACH_POD: Case = Case {
    name: "service::answers_from_each_pod",
    article: "curl the service in a hello-app pod",
    claim: "From inside each pod, the ClusterIP answers with hello-app's three lines, from each backend, itself included.",
    against: &[Pinned::Image(ImageName::HelloApp)],
    needs: Stage::WorkloadReady,
    on: both!(from_pods, judge::answers),
};

async fn workload(lab: &Lab) -> Result<WorkloadSeen, String> {
    let nodes = node_views(lab).await?;
    let pods = lab.pods(&nodes).await.map_err(|error| broke(&error))?;
    let pod_cidrs = lab.pod_cidrs(&nodes).await.map_err(|error| broke(&error))?;
    Ok(WorkloadSeen { pods, roles: lab.nodes().iter().cloned().collect(), pod_cidrs })
}

async fn endpoints(lab: &Lab) -> Result<EndpointsSeen, String> {
    let WorkloadSeen { pods, pod_cidrs, .. } = workload(lab).await?;
    let service = lab.service().await.map_err(|error| broke(&error))?;
    Ok(EndpointsSeen { service, pods, pod_cidrs })
}

async fn tables(lab: &Lab) -> Result<TablesSeen, String> {
    let EndpointsSeen { service, pods, .. } = endpoints(lab).await?;
    let places: Vec<Place> = lab.nodes().iter().map(|(name, _)| Place::Node(name.clone())).collect();
    let tables = lab.service_tables(&places).await.map_err(|error| broke(&error))?;
    Ok(TablesSeen { cluster_ip: service.cluster_ip, pods, tables })
}

async fn from_control_plane(lab: &Lab) -> Result<AnswersSeen, String> {
    let places = lab
        .nodes()
        .iter()
        .filter(|(_, role)| *role == Role::ControlPlane)
        .map(|(name, _)| Place::Node(name.clone()))
        .collect();
    answers(lab, places).await
}

async fn from_pods(lab: &Lab) -> Result<AnswersSeen, String> {
    let nodes = node_views(lab).await?;
    let pods = lab.pods(&nodes).await.map_err(|error| broke(&error))?;
    answers(lab, pods.into_iter().map(|pod| Place::Pod(pod.name)).collect()).await
}

/// New connections until both backends have answered, 64 at most: enough that a
/// backend that takes its share is missed once in 2^63 runs).
const ATTEMPTS: usize = 64;
/// In a larger workload: enough that one of n backends picked at random is missed once in n⁻¹e²⁴ runs.
const ATTEMPTS_PER_POD: usize = 24;
/// A connection within one machine takes well under a millisecond; a lost SYN is sent again after one second.
const ATTEMPT_DEADLINE: Duration = Duration::from_millis(1200);
/// No attempt is begun after it.
const DEADLINE: Duration = Duration::from_secs(3);

async fn answers(lab: &Lab, places: Vec<Place>) -> Result<AnswersSeen, String> {
    let EndpointsSeen { service, pods, .. } = endpoints(lab).await?;
    let Some(to) = service.cluster_ip else {
        return Ok(AnswersSeen { cluster_ip: None, pods, replies: Vec::new() });
    };
    let ask = HttpAsk {
        to,
        path: "/".to_owned(),
        until_bodies: ready(&pods),
        attempts: ATTEMPTS.max(ATTEMPTS_PER_POD * pods.len()),
        attempt_deadline: ATTEMPT_DEADLINE,
        deadline: DEADLINE,
    };
    let asks = places.iter().map(|place| (place.clone(), Request::Http(ask.clone()))).collect();
    let answered = lab.ask(asks).await.map_err(|error| broke(&error))?;
    let replies = answered
        .into_iter()
        .map(|answered| {
            let replies = answered.answer.and_then(|answer| match answer {
                Answer::Http(replies) => Ok(replies),
                other => Err(other.not("HTTP replies")),
            });
            (answered.place, replies)
        })
        .collect();
    Ok(AnswersSeen { cluster_ip: Some(to), pods, replies })
}

fn ready(pods: &[PodSeen]) -> usize {
    pods.iter().filter(|pod| pod.ready).count()
}
