//! What the lab should be, derived from `manifests/` and the command line: the yardstick that judges hold
//! observations against. No number here is a constant of this program.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// The yardstick of a run; written to `run.json`, so that a run can be judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// Nodes with the role control-plane (kind.yaml: `nodes[].role`).
    pub control_planes: usize,
    /// Nodes with the role worker (kind.yaml: `nodes[].role`, or `--nodes`).
    pub workers: usize,
    /// Name of the bridge or Docker network (kind's own name for it).
    pub network: String,
    /// All pod CIDRs come from this pool (cilium.yaml: `chartDefaults.clusterPoolIPv4PodCIDR`).
    pub pod_pool: Ipv4Net,
    /// Prefix length of each node's pod CIDR (cilium.yaml: `chartDefaults.clusterPoolIPv4MaskSize`).
    pub pod_cidr_prefix: u8,
    /// Packets to addresses in here are routed, not masqueraded (cilium.yaml: `values.ipv4NativeRoutingCIDR`).
    pub native_cidr: Ipv4Net,
    /// Ready pods of the workload (hello-app.yaml: `Deployment.spec.replicas`, or `--replicas`).
    pub replicas: usize,
    /// Name of the Service (hello-app.yaml: `Service.metadata.name`).
    pub service: String,
    /// Port of the Service (hello-app.yaml: `Service.spec.ports[0].port`).
    pub service_port: u16,
    /// Port of the pods (hello-app.yaml: `Service.spec.ports[0].targetPort`).
    pub target_port: u16,
}

impl Expectations {
    /// All nodes.
    pub const fn nodes(&self) -> usize {
        self.control_planes + self.workers
    }
}
