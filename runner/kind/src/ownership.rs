//! Recognises a lab's containers in Docker: they have kind's label with the lab's cluster, and the lab's mark.

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptions, ListContainersOptionsBuilder};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::MARK_IN_NODE;
use lab_engine::{CLUSTER_LABEL, Engine, EngineError};

/// The deadline for listing containers.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// A container of a kind cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Docker's id of it.
    pub id: String,
    /// Its name, which is the node's.
    pub name: String,
    /// The cluster's name, from its label.
    pub cluster: String,
    /// Whether it runs; paused counts as running.
    pub running: bool,
    /// Docker's name of its state: `running`, `exited`, `paused`.
    pub state: String,
    /// Its address on each Docker network; a stopped container has none.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    /// The source of the mount that marks a lab's nodes; none if it is not a lab's node.
    pub mark: Option<PathBuf>,
}

impl Member {
    /// Whether it has exactly this mark.
    pub fn is_marked(&self, mark: &Path) -> bool {
        self.mark.as_deref() == Some(mark)
    }
}

/// The containers of a kind cluster, including stopped ones; without a name, those of all clusters.
///
/// # Errors
/// When the Engine does not answer or refuses.
pub async fn members(engine: &Engine, cluster: Option<&str>) -> Result<Vec<Member>, EngineError> {
    let label = cluster.map_or_else(|| CLUSTER_LABEL.to_owned(), |name| format!("{CLUSTER_LABEL}={name}"));
    let options: ListContainersOptions = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&HashMap::from([("label", vec![label.as_str()])]))
        .build();
    let listed = engine.client().list_containers(Some(options));
    let listed = engine.call("list the containers of kind clusters", LIST_DEADLINE, listed).await?;
    let mut members: Vec<Member> = listed.into_iter().filter_map(member).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

fn member(container: ContainerSummary) -> Option<Member> {
    let state = container.state;
    let mark = container
        .mounts
        .unwrap_or_default()
        .into_iter()
        .find(|mount| mount.destination.as_deref() == Some(MARK_IN_NODE))
        .and_then(|mount| mount.source)
        .map(PathBuf::from);
    let networks = container.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let address = |endpoint: bollard::models::EndpointSettings| endpoint.ip_address?.parse().ok();
    Some(Member {
        id: container.id?,
        name: container.names?.first()?.trim_start_matches('/').to_owned(),
        cluster: container.labels?.remove(CLUSTER_LABEL)?,
        running: matches!(state, Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::PAUSED)),
        state: state.map(|state| state.to_string()).unwrap_or_default(),
        addresses: networks.into_iter().filter_map(|(network, endpoint)| Some((network, address(endpoint)?))).collect(),
        mark,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::MountPoint;

    fn summary(mounts: Vec<MountPoint>) -> ContainerSummary {
        ContainerSummary {
            id: Some("c0ffee".to_owned()),
            names: Some(vec!["/kind-worker".to_owned()]),
            labels: Some(HashMap::from([(CLUSTER_LABEL.to_owned(), "kind".to_owned())])),
            state: Some(ContainerSummaryStateEnum::EXITED),
            mounts: Some(mounts),
            ..ContainerSummary::default()
        }
    }

    #[test]
    fn only_the_mount_at_the_marks_place_marks_a_container() {
        let other = MountPoint {
            source: Some("/state/lab/kind/mark".to_owned()),
            destination: Some("/var/lib/other".to_owned()),
            ..MountPoint::default()
        };
        let mark = MountPoint { destination: Some(MARK_IN_NODE.to_owned()), ..other.clone() };
        let foreign = member(summary(vec![other.clone()])).unwrap();
        assert!(!foreign.is_marked(Path::new("/state/lab/kind/mark")));
        let ours = member(summary(vec![other, mark])).unwrap();
        assert!(ours.is_marked(Path::new("/state/lab/kind/mark")));
        assert!(!ours.is_marked(Path::new("/state/lab/other/mark")));
        assert_eq!((ours.name.as_str(), ours.running, ours.state.as_str()), ("kind-worker", false, "exited"));
    }
}
