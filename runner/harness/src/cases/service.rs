//! `service::…`: the workload, its Service, and who answers.

pub(super) mod answers_from_each_pod;
pub(super) mod answers_from_the_control_plane;
pub(super) mod cluster_ip_has_both_backends;
pub(super) mod load_balancer_table_matches;
pub(super) mod two_replicas_on_two_workers;

use std::time::Duration;

use super::look::{broke, node_views};
use crate::lab::Lab;
use lab_model::observe::{Place, PodSeen, Role};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_model::seen::{AnswersSeen, EndpointsSeen, TablesSeen, WorkloadSeen};

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
/// backend that takes its share is missed once in 2^63 runs.
const ATTEMPTS: usize = 64;
/// In a larger workload, for each of its n pods: of backends that are picked at random, one is missed in n of 10^10 runs (n e^-24).
const ATTEMPTS_PER_POD: usize = 24;
/// A connection within one machine takes well under a millisecond; a lost SYN is sent again after one second.
const ATTEMPT_DEADLINE: Duration = Duration::from_millis(1200);
/// No attempt is begun after it.
const DEADLINE: Duration = Duration::from_secs(3);

async fn answers(lab: &Lab, places: Vec<Place>) -> Result<AnswersSeen, String> {
    let EndpointsSeen { service, pods, .. } = endpoints(lab).await?;
    let roles = lab.nodes().iter().cloned().collect();
    let Some(to) = service.cluster_ip else {
        return Ok(AnswersSeen { cluster_ip: None, pods, roles, replies: Vec::new() });
    };
    let ask = HttpAsk {
        to,
        path: "/".to_owned(),
        ttl: None,
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
    Ok(AnswersSeen { cluster_ip: Some(to), pods, roles, replies })
}

fn ready(pods: &[PodSeen]) -> usize {
    pods.iter().filter(|pod| pod.ready).count()
}
