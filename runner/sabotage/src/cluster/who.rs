//! The names, addresses and pod CIDRs of a cluster's nodes, for the commands of faults.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lab_base::failure::chain;
use lab_kind::KindLab;
use lab_manifest::DEFAULT_CLUSTER;
use lab_model::observe::{NodeName, PodCidrs};

/// A cluster's nodes, with their addresses and pod CIDRs, for the commands of a fault.
#[derive(Debug, Clone)]
pub struct Who {
    cluster: String,
    addresses: BTreeMap<NodeName, Ipv4Addr>,
    pod_cidrs: PodCidrs,
}

impl Who {
    /// Asks the Engine and the API server.
    ///
    /// # Errors
    /// A text that says why one of them does not answer.
    pub async fn of(lab: &KindLab) -> Result<Self, String> {
        let addresses = lab.addresses().await.map_err(|error| chain(&error))?;
        let pod_cidrs = lab.pod_cidrs().await.map_err(|error| chain(&error))?;
        Ok(Self { cluster: lab.spec().cluster.clone(), addresses, pod_cidrs })
    }

    /// The name in this cluster of a node that the article calls `article`.
    pub fn node(&self, article: &str) -> String {
        own_name(&self.cluster, article)
    }

    /// A node's address on the lab's network.
    ///
    /// # Errors
    /// A text that says that it has none.
    pub fn address(&self, article: &str) -> Result<Ipv4Addr, String> {
        let node = self.node(article);
        let found = self.addresses.get(&NodeName(node.clone())).copied();
        found.ok_or_else(|| format!("{node} has no address on the lab's network"))
    }

    /// A node's pod CIDR.
    ///
    /// # Errors
    /// A text that says that it has none.
    pub fn pods_of(&self, article: &str) -> Result<Ipv4Net, String> {
        let node = self.node(article);
        let found = self.pod_cidrs.by_node.get(&NodeName(node.clone())).copied();
        found.ok_or_else(|| format!("{node} has no pod CIDR"))
    }

    /// The two halves of a node's pod CIDR. Routes to them are more specific than Cilium's own route, and Cilium does not
    /// remove them.
    ///
    /// # Errors
    /// A text that says that it has no pod CIDR, or none that can be halved.
    pub fn halves_of(&self, article: &str) -> Result<Vec<Ipv4Net>, String> {
        let whole = self.pods_of(article)?;
        let halves = whole.subnets(whole.prefix_len() + 1).map_err(|error| format!("{whole}: {error}"))?;
        Ok(halves.collect())
    }
}

/// The name in this cluster of a node that the article calls `article`.
pub(super) fn own_name(cluster: &str, article: &str) -> String {
    match article.strip_prefix(DEFAULT_CLUSTER) {
        Some(rest) => format!("{cluster}{rest}"),
        None => article.to_owned(),
    }
}
