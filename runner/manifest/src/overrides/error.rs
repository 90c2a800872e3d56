//! Overrides that no lab can be made with.

use ipnet::Ipv4Net;

use super::chart::ChartError;
use lab_model::CiliumVersion;

/// Overrides that contradict each other, the manifests, or what a lab does itself.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// An option that says one thing was given twice.
    #[error("{0} is given twice; give it once")]
    Twice(String),
    /// A value is to be a mapping and a plain value at once.
    #[error("--set {set}: {other} is set too, and one of them would be within the other")]
    Around {
        /// The option.
        set: String,
        /// The other value.
        other: String,
    },
    /// A value is one that the lab sets itself.
    #[error("--set {set}: the lab sets that itself; give {instead}")]
    Managed {
        /// The option.
        set: String,
        /// The option that does it.
        instead: &'static str,
    },
    /// One of the article's values cannot be this.
    #[error("--set {set}: {problem}")]
    Value {
        /// The option.
        set: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// Pods would have addresses outside the range that is routed.
    #[error(
        "{by}: expected a native routing CIDR that contains the pool {pool} of the pod CIDRs, found {native}; \
         `--pod-pool CIDR` sets both"
    )]
    PoolNotRouted {
        /// The option.
        by: String,
        /// The pool.
        pool: Ipv4Net,
        /// The native routing CIDR.
        native: Ipv4Net,
    },
    /// The pool has fewer pod CIDRs than there would be nodes.
    #[error(
        "{by}: expected room for {nodes} pod CIDRs of /{prefix}, one for each node, found room for {room} in {pool}"
    )]
    PoolTooSmall {
        /// The option.
        by: String,
        /// How many nodes there would be.
        nodes: usize,
        /// Prefix length of a node's pod CIDR.
        prefix: u8,
        /// How many fit.
        room: usize,
        /// The pool.
        pool: Ipv4Net,
    },
    /// The pool has addresses that the lab uses otherwise.
    #[error("{by}: expected a network apart from {other}, {whose}, found {pool}")]
    PoolInUse {
        /// The option.
        by: String,
        /// The pool, or its part that nodes would get.
        pool: Ipv4Net,
        /// What it overlaps.
        other: Ipv4Net,
        /// What that is for.
        whose: &'static str,
    },
    /// Everything that the kit could give is taken from elsewhere.
    #[error(
        "--kit: nothing of it would be used, since --node-image, --chart and all three --image are given; leave it out"
    )]
    UselessKit,
    /// `--routing` says it already.
    #[error("--set {set}: --routing {routing} sets that too; give one of the two")]
    Routing {
        /// The option.
        set: String,
        /// The mode.
        routing: lab_model::Routing,
    },
    /// Agents would end at once.
    #[error(
        "--set {set}: Cilium 1.12 does not run with direct routes and a tunnel ({tunnel}) at once; give `--set \
         autoDirectNodeRoutes=false` too, or `--routing vxlan` for the contrast"
    )]
    TunnelWithRoutes {
        /// The option.
        set: String,
        /// The tunnel.
        tunnel: String,
    },
    /// A chart, or an agent's image, of a version of Cilium whose words this program does not know.
    #[error(
        "{by}: expected Cilium {}, the versions whose settings and agents' words are known here, found {found}",
        CiliumVersion::known()
    )]
    UnknownVersion {
        /// The option.
        by: String,
        /// The version.
        found: String,
    },
    /// A value that the chart does not know any more, or does not know in this form.
    #[error("{by}: Cilium {version} {problem}; give {instead}")]
    OtherWords {
        /// The option, or the file, that the chart comes from.
        by: String,
        /// The chart's version.
        version: CiliumVersion,
        /// What is otherwise in it.
        problem: &'static str,
        /// What to give.
        instead: &'static str,
    },
    /// `--chart` is no chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
}
