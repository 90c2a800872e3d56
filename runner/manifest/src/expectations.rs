//! What a lab should be, from the manifests and the two numbers that the command line may replace.

use serde_json::Value;
use std::ops::RangeInclusive;

use super::Manifests;
use crate::pins::Image;
use lab_model::expect::{ClusterExpectations, Expectations, ImageExpected};
use lab_model::observe::{NodeName, Role};

/// What kind calls its Docker network, whatever the cluster's name
/// (kind v0.17.0: `fixedNetworkName` of its Docker provider).
const NETWORK: &str = "kind";

/// What kind calls a cluster that was given no name (kind v0.17.0: the default of `kind create cluster --name`).
pub const DEFAULT_CLUSTER: &str = "kind";

/// What the lab sets beside the article's values: a node gets its images through a stream, which carries no repository
/// digest, so the chart (1.12.4, `image.useDigest`, `operator.image.useDigest`) must ask for them by tag. That they are
/// the pinned ones is judged by their config digests.
const OWN_VALUES: [(&str, bool); 2] = [("image.useDigest", false), ("operator.image.useDigest", false)];

/// What `--nodes` may be: a control plane and a worker at least, and what one host can still carry.
const NODES: RangeInclusive<usize> = 2..=100;

/// Numbers that no lab can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationsError {
    /// `--nodes` is out of range.
    #[error("--nodes: expected {} to {} (one control plane, the others workers), found {asked}", NODES.start(), NODES.end())]
    Nodes {
        /// What was asked for.
        asked: usize,
    },
    /// `--replicas` is 0.
    #[error("--replicas: expected 1 or more, found 0")]
    NoReplicas,
    /// There are more replicas than workers.
    #[error(
        "{source_of_replicas}: expected {workers} at most, one on each worker ({source_of_nodes}; \
         hello-app.yaml keeps replicas apart), found {replicas}"
    )]
    TooFewWorkers {
        /// What was asked for.
        replicas: usize,
        /// Where that is said: an option, or a file and a key.
        source_of_replicas: &'static str,
        /// How many workers there are.
        workers: usize,
        /// Where that is said: an option, or a file and a key.
        source_of_nodes: &'static str,
    },
    /// The pool has fewer pod CIDRs than there would be nodes.
    #[error("--nodes: expected {pod_cidrs} at most, as many as the pool in cilium.yaml has pod CIDRs, found {asked}")]
    TooFewPodCidrs {
        /// What was asked for.
        asked: usize,
        /// How many there are.
        pod_cidrs: usize,
    },
}

impl Manifests {
    /// The yardstick of a lab. `nodes` replaces the number of nodes in `kind.yaml`, with one control plane and
    /// workers else; `replicas` that of `hello-app.yaml`.
    ///
    /// # Errors
    /// When no lab can have these numbers.
    pub fn expectations(
        &self,
        nodes: Option<usize>,
        replicas: Option<usize>,
    ) -> Result<Expectations, ExpectationsError> {
        let defaults = &self.cilium.chart_defaults;
        let (control_planes, workers, source_of_nodes) = match nodes {
            Some(asked) if !NODES.contains(&asked) => return Err(ExpectationsError::Nodes { asked }),
            Some(asked) if asked > defaults.pod_cidrs() => {
                return Err(ExpectationsError::TooFewPodCidrs { asked, pod_cidrs: defaults.pod_cidrs() });
            }
            Some(asked) => (1, asked - 1, "--nodes"),
            None => (self.kind.count(Role::ControlPlane), self.kind.count(Role::Worker), "kind.yaml: nodes"),
        };
        let (replicas, source_of_replicas) = match replicas {
            Some(0) => return Err(ExpectationsError::NoReplicas),
            Some(asked) => (asked, "--replicas"),
            // A smaller lab than the manifests': as many replicas as it has workers for.
            None if nodes.is_some() => (self.hello_app.deployment.spec.replicas.get().min(workers), "--nodes"),
            None => (self.hello_app.deployment.spec.replicas.get(), "hello-app.yaml: Deployment.spec.replicas"),
        };
        if replicas > workers {
            let error = ExpectationsError::TooFewWorkers { replicas, source_of_replicas, workers, source_of_nodes };
            return Err(error);
        }
        let service = &self.hello_app.service;
        let [port] = &service.spec.ports;
        Ok(Expectations {
            control_planes,
            workers,
            network: NETWORK.to_owned(),
            pod_pool: defaults.cluster_pool_ipv4_pod_cidr.net(),
            pod_cidr_prefix: defaults.cluster_pool_ipv4_mask_size.get(),
            native_cidr: self.cilium.values.ipv4_native_routing_cidr.net(),
            replicas,
            service: service.metadata.name.as_str().to_owned(),
            service_port: port.port.get(),
            target_port: port.target_port.get(),
            cluster: None,
        })
    }

    /// What a kind cluster of this name should be, beside [`Self::expectations`].
    pub fn cluster_expectations(&self, name: &str) -> ClusterExpectations {
        let images = &self.pins.images;
        let in_cluster = [
            ("cilium", &images.cilium),
            ("operator-generic", &images.operator_generic),
            ("hello-app", &images.hello_app),
        ];
        ClusterExpectations {
            name: name.to_owned(),
            kubernetes: Some(self.pins.kubernetes.version.as_str().to_owned()),
            os_image: self.pins.kubernetes.os_image.clone(),
            container_runtime: self.pins.kubernetes.container_runtime_version.clone(),
            node_image: image(&images.node),
            images: in_cluster.into_iter().map(|(key, pinned)| (key.to_owned(), image(pinned))).collect(),
            chart: self.cilium.release.chart.as_str().to_owned(),
            chart_version: self.pins.chart.version.as_str().to_owned(),
            release: self.cilium.release.name.as_str().to_owned(),
            namespace: self.cilium.release.namespace.as_str().to_owned(),
            values: self.cilium.values.flat(),
            own_values: OWN_VALUES.into_iter().map(|(key, value)| (key.to_owned(), Value::Bool(value))).collect(),
            engine_api_min: self.pins.docker.api_min.as_str().to_owned(),
        }
    }

    /// The nodes as kind v0.17.0 names them, after the cluster, control planes first: the first of a role has no
    /// number, the next has 2 (its `MakeNodeNamer`). No file has a say in this: `kind.yaml` gives the cluster no name.
    pub fn node_names(&self, cluster: &str, control_planes: usize, workers: usize) -> Vec<(NodeName, Role)> {
        let named = |word: &'static str, role: Role, count: usize| {
            (1..=count).map(move |number| {
                let suffix = if number == 1 { String::new() } else { number.to_string() };
                (NodeName(format!("{cluster}-{word}{suffix}")), role)
            })
        };
        named("control-plane", Role::ControlPlane, control_planes)
            .chain(named("worker", Role::Worker, workers))
            .collect()
    }
}

fn image(pinned: &Image) -> ImageExpected {
    ImageExpected {
        reference: pinned.tagged(),
        digest: pinned.digest.as_ref().map(|digest| digest.as_str().to_owned()),
    }
}
