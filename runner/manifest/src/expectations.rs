//! Derives from the manifests, and from `--nodes` and `--replicas`, what a lab should be.

use serde_json::Value;
use std::ops::RangeInclusive;

use super::Manifests;
use crate::pins::Image;
use lab_model::expect::{ClusterExpectations, Expectations, ImageExpected};
use lab_model::observe::{NodeName, Role};

/// The name of kind's Docker network, which does not depend on the cluster's name
/// (kind v0.17.0: `fixedNetworkName` of its Docker provider).
const NETWORK: &str = "kind";

/// The default name of a kind cluster (kind v0.17.0: the default of `kind create cluster --name`).
pub const DEFAULT_CLUSTER: &str = "kind";

/// Values that the lab sets besides the article's. A node gets its images through a stream that has no repository digests,
/// so the chart (1.12.4, `image.useDigest`, `operator.image.useDigest`) must ask for them by tag. Whether they are the
/// pinned images is judged by their config digests.
const OWN_VALUES: [(&str, bool); 2] = [("image.useDigest", false), ("operator.image.useDigest", false)];

/// The numbers that `--nodes` accepts: at least a control plane and a worker, at most what one host can carry.
const NODES: RangeInclusive<usize> = 2..=100;

/// Why no lab can have the numbers that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationsError {
    /// `--nodes` is out of range.
    #[error("--nodes: expected {} to {} (one control plane, the others workers), found {asked}", NODES.start(), NODES.end())]
    Nodes {
        /// The number that was asked for.
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
        /// The number of replicas.
        replicas: usize,
        /// Where that number comes from: an option, or a file and a key.
        source_of_replicas: &'static str,
        /// The number of workers.
        workers: usize,
        /// Where that number comes from: an option, or a file and a key.
        source_of_nodes: &'static str,
    },
    /// The pool has fewer pod CIDRs than there would be nodes.
    #[error("--nodes: expected {pod_cidrs} at most, as many as the pool in cilium.yaml has pod CIDRs, found {asked}")]
    TooFewPodCidrs {
        /// The number that was asked for.
        asked: usize,
        /// The number of pod CIDRs in the pool.
        pod_cidrs: usize,
    },
}

impl Manifests {
    /// What a lab should be. `nodes` replaces the nodes of `kind.yaml` by one control plane and workers; `replicas` replaces
    /// the number in `hello-app.yaml`.
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
            // If a lab with fewer nodes was asked for, it gets at most one replica for each worker.
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
            racks: None,
            cluster: None,
            foreign: None,
        })
    }

    /// What a kind cluster of this name should be, in addition to [`Self::expectations`].
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
            service_cidr: Some(self.kind.networking.service_cidr()),
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
    /// number, the next has 2 (its `MakeNodeNamer`). The manifests do not name the cluster.
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
