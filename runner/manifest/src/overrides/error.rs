//! The errors of overrides that no lab can be built with.

use ipnet::Ipv4Net;

use super::chart::ChartError;
use lab_model::CiliumVersion;

/// Why overrides are refused: they contradict each other, the manifests, or values that the lab sets.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// An option that may be given once was given twice.
    #[error("{0} is given twice; give it once")]
    Twice(String),
    /// One value would be inside the other, so one of them would have to be a mapping and a plain value at once.
    #[error("--set {set}: {other} is set too, but one of the two keys is inside the other; set one of them")]
    Around {
        /// The option.
        set: String,
        /// The key of the other value.
        other: String,
    },
    /// The lab sets this value itself.
    #[error("--set {set}: the lab sets this value itself; give {instead} instead")]
    Managed {
        /// The option.
        set: String,
        /// The option to use instead.
        instead: &'static str,
    },
    /// One of the article's values cannot have this value.
    #[error("--set {set}: {problem}")]
    Value {
        /// The option.
        set: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// Pods would have addresses outside the native routing CIDR.
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
    /// Pods would get no address from the pool.
    #[error("--pod-pool {pool}: pods get no address from it with --set {set}; leave one of the two out")]
    UselessPool {
        /// The pool.
        pool: String,
        /// The option that has pods' addresses come from elsewhere.
        set: String,
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
        /// How many pod CIDRs fit into the pool.
        room: usize,
        /// The pool.
        pool: Ipv4Net,
    },
    /// The pool overlaps a network that the lab uses for something else.
    #[error("{by}: expected a network apart from {other}, {whose}, found {pool}")]
    PoolInUse {
        /// The option.
        by: String,
        /// The pod CIDR that overlaps.
        pool: Ipv4Net,
        /// The network that it overlaps.
        other: Ipv4Net,
        /// What that network is used for.
        whose: &'static str,
    },
    /// Everything that a kit contains is replaced by other options.
    #[error(
        "--kit: nothing of the kit would be used, because --node-image, --chart and all three --image are given; leave it out"
    )]
    UselessKit,
    /// `--routing` sets this value too.
    #[error("--set {set}: --routing {routing} sets that too; give one of the two")]
    Routing {
        /// The option.
        set: String,
        /// The mode.
        routing: lab_model::Routing,
    },
    /// Agents refuse to run with both a tunnel and direct routes.
    #[error(
        "--set {set}: Cilium 1.12 does not run with both direct routes and a tunnel ({tunnel}); give `--set \
         autoDirectNodeRoutes=false` too, or `--routing vxlan` for a lab with a tunnel that is judged as native routing"
    )]
    TunnelWithRoutes {
        /// The option.
        set: String,
        /// The tunnel.
        tunnel: String,
    },
    /// Agents refuse to masquerade IPv6 with BPF.
    #[error(
        "--set {set}: Cilium 1.12 does not run with both IPv6 and BPF masquerading (`BPF masquerade is not supported for \
         IPv6`), since its chart masquerades IPv6 unless it is told otherwise; give `--set enableIPv6Masquerade=false` too"
    )]
    Ipv6Masquerade {
        /// The option.
        set: String,
    },
    /// A chart, or an agent's image, is of a version of Cilium whose settings and output this program cannot read.
    #[error(
        "{by}: expected Cilium {}, the versions whose settings and agents' output lab can read, found {found}",
        CiliumVersion::known()
    )]
    UnknownVersion {
        /// The option.
        by: String,
        /// The version.
        found: String,
    },
    /// The chart does not have this value, or has it in another form.
    #[error("{by}: Cilium {version} {problem}; give {instead}")]
    OtherWords {
        /// The option, or the file, that the chart comes from.
        by: String,
        /// The chart's version.
        version: CiliumVersion,
        /// What that version does differently.
        problem: &'static str,
        /// The option to give.
        instead: &'static str,
    },
    /// The file of `--chart` is not a chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
}
