//! Removes what a lab in racks has beside its nodes, by the mark that all of it carries.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::Network;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder};
use lab_base::failure::chain;
use lab_engine::{Engine, EngineError, RACKS_LABEL};

/// The deadline for listing networks, and for removing one.
const DEADLINE: Duration = Duration::from_secs(30);

/// What was removed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers.
    pub containers: Vec<String>,
    /// Docker networks.
    pub networks: Vec<String>,
}

/// Removes the routers and networks with this mark; those of a lab without racks are none. The nodes must be gone, since a network
/// with containers on it stays.
///
/// # Errors
/// All errors in one text.
pub async fn remove(engine: &Engine, mark: &str) -> Result<Removed, String> {
    let mut failures = Vec::new();
    let mut removed = Removed::default();
    let routers = engine.containers_with(RACKS_LABEL, mark).await.map_err(|error| chain(&error))?;
    for router in routers {
        match engine.remove_container(&router).await {
            Ok(()) => removed.containers.push(router),
            Err(error) => failures.push(chain(&error)),
        }
    }
    let networks = networks(engine, mark).await.map_err(|error| chain(&error))?;
    for (id, name) in networks {
        let removal = engine.client().remove_network(&id);
        match engine.call(&format!("remove the network {name}"), DEADLINE, removal).await {
            Ok(()) => removed.networks.push(name),
            Err(error) if error.is_missing() => {}
            Err(error) => failures.push(chain(&error)),
        }
    }
    if failures.is_empty() { Ok(removed) } else { Err(failures.join("; ")) }
}

/// The marks of all routers and networks that labs in racks have.
///
/// # Errors
/// When the Engine does not list them.
pub(crate) async fn marks(engine: &Engine) -> Result<BTreeSet<String>, EngineError> {
    let filters = HashMap::from([("label", vec![RACKS_LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let containers = engine.client().list_containers(Some(options));
    let containers = engine.call("list the routers of racks", DEADLINE, containers).await?;
    let networks = listed(engine, RACKS_LABEL).await?;
    let of_containers = containers.into_iter().filter_map(|container| container.labels);
    let labels = of_containers.chain(networks.into_iter().filter_map(|network| network.labels));
    Ok(labels.filter_map(|mut labels| labels.remove(RACKS_LABEL)).collect())
}

/// Ids and names of the networks with this mark.
async fn networks(engine: &Engine, mark: &str) -> Result<Vec<(String, String)>, EngineError> {
    let listed = listed(engine, &format!("{RACKS_LABEL}={mark}")).await?;
    let mut networks: Vec<(String, String)> =
        listed.into_iter().filter_map(|network| Some((network.id?, network.name?))).collect();
    networks.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(networks)
}

/// The networks with this label.
async fn listed(engine: &Engine, label: &str) -> Result<Vec<Network>, EngineError> {
    let filters = HashMap::from([("label", vec![label.to_owned()])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    engine.call("list the networks of racks", DEADLINE, engine.client().list_networks(Some(options))).await
}
