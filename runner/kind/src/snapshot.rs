//! A snapshot of Docker and the host before a lab is made, to compare with after it was taken down.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptions};
use lab_netlink::{Protocol, Socket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab_backend::captures::Captures;
use lab_base::exec::Invocation;
use lab_engine::{Engine, EngineError};
use lab_model::observe::{NetnsView, NextHop, Place, TABLE_LOCAL};
use lab_model::request::{Answer, Ask, Request};
use lab_model::words;

/// The deadline for each answer of the Engine and the probe.
const DEADLINE: Duration = Duration::from_secs(20);

/// Name of the file in the state folder with the snapshot.
pub const SNAPSHOT_FILE: &str = "before.json";

/// The names of everything that a lab could leave behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Docker's containers, including stopped ones, by name.
    pub containers: BTreeSet<String>,
    /// Docker's networks.
    pub networks: BTreeSet<String>,
    /// Docker's volumes.
    pub volumes: BTreeSet<String>,
    /// The host's links and their addresses; none if they cannot be read.
    pub links: Option<BTreeSet<String>>,
    /// The host's IPv4 routes of all tables except `local`; none if they cannot be read.
    pub routes: Option<BTreeSet<String>>,
    /// The host's nftables tables; none if this user may not read them.
    pub tables: Option<BTreeSet<String>>,
}

impl Snapshot {
    /// Takes a snapshot of Docker and this host.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses. Parts of the host that cannot be read are none instead.
    #[boxed(?Send)]
    pub async fn take(engine: &Engine, program: &Path) -> Result<Self, EngineError> {
        let client = engine.client();
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let containers = engine.call("list containers", DEADLINE, client.list_containers(Some(all))).await?;
        let volumes = engine.call("list volumes", DEADLINE, client.list_volumes(None::<ListVolumesOptions>)).await?;
        let networks = engine.networks().await?;
        let view = view(program).await;
        Ok(Self {
            containers: containers
                .into_iter()
                .filter_map(|container| Some(container.names?.first()?.trim_start_matches('/').to_owned()))
                .collect(),
            networks: networks.into_iter().map(|network| network.name).collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect(),
            links: view.as_ref().map(links),
            routes: view.as_ref().map(routes),
            tables: tables().await,
        })
    }

    /// A line for each thing that exists now and did not before, or the other way round. Changes that other programs made
    /// meanwhile are included.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let kinds = [
            ("container", Some(&self.containers), Some(&now.containers)),
            ("Docker network", Some(&self.networks), Some(&now.networks)),
            ("volume", Some(&self.volumes), Some(&now.volumes)),
            ("link", self.links.as_ref(), now.links.as_ref()),
            ("route", self.routes.as_ref(), now.routes.as_ref()),
            ("nftables table", self.tables.as_ref(), now.tables.as_ref()),
        ];
        for (kind, before, now) in kinds {
            let (Some(before), Some(now)) = (before, now) else { continue };
            lines.extend(now.difference(before).map(|new| format!("{kind} {new} exists now and did not before")));
            lines.extend(before.difference(now).map(|gone| format!("{kind} {gone} existed before and does not now")));
        }
        lines
    }

    /// How many things of each kind are compared, as text.
    pub fn counts(&self) -> String {
        let mut counts = vec![
            format!("{} containers", self.containers.len()),
            format!("{} networks", self.networks.len()),
            format!("{} volumes", self.volumes.len()),
        ];
        counts.extend(self.links.as_ref().map(|links| format!("{} links", links.len())));
        counts.extend(self.routes.as_ref().map(|routes| format!("{} routes", routes.len())));
        counts.extend(self.tables.as_ref().map(|tables| format!("{} nftables tables", tables.len())));
        counts.join(", ")
    }
}

/// The view of this host's own network namespace, by the same probe that looks into nodes.
async fn view(program: &Path) -> Option<NetnsView> {
    let ask = vec![Ask { place: Place::Bridge, netns: None, request: Request::View }];
    let input = serde_json::to_vec(&ask).ok()?;
    let finished = Invocation::new(program).args(["probe"]).stdin(input).run(DEADLINE).await.ok()?;
    match Captures::answers(&finished).ok()?.into_iter().next()?.answer {
        Ok(Answer::View(view)) => Some(view),
        Ok(_) | Err(_) => None,
    }
}

fn links(view: &NetnsView) -> BTreeSet<String> {
    let links = view.links.iter().map(|link| link.name.clone());
    let addresses = view.addresses.iter().map(|address| format!("{} {}", address.device, address.address));
    links.chain(addresses).collect()
}

fn routes(view: &NetnsView) -> BTreeSet<String> {
    view.routes
        .iter()
        .filter(|route| route.table != TABLE_LOCAL)
        .map(|route| {
            let hop = |hop: &NextHop| {
                let gateway = hop.gateway.map(|gateway| format!(" {}", words::via(gateway))).unwrap_or_default();
                let device = hop.device.as_deref().map(|device| format!(" dev {device}")).unwrap_or_default();
                format!("{gateway}{device}")
            };
            let hops: String = route.hops.iter().map(hop).collect();
            format!("{}{hops} table {}", route.destination, route.table)
        })
        .collect()
}

async fn tables() -> Option<BTreeSet<String>> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let tables = Socket::open(Protocol::Nftables).ok()?.nft_tables().await.ok()?;
    Some(tables.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(containers: &[&str], tables: Option<&[&str]>) -> Snapshot {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Snapshot { containers: set(containers), tables: tables.map(set), ..Snapshot::default() }
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_told_and_what_was_not_read_is_not() {
        let before = with(&["db"], Some(&["ip nat"]));
        assert_eq!(before.differences(&before), [""; 0]);
        assert_eq!(
            before.differences(&with(&["kind-worker"], Some(&["ip nat", "ip lab_seal_kind"]))),
            [
                "container kind-worker exists now and did not before",
                "container db existed before and does not now",
                "nftables table ip lab_seal_kind exists now and did not before",
            ]
        );
        assert_eq!(before.differences(&with(&["db"], None)), [""; 0]);
        assert_eq!(before.counts(), "1 containers, 0 networks, 0 volumes, 1 nftables tables");
        assert_eq!(with(&[], None).counts(), "0 containers, 0 networks, 0 volumes");
    }
}
