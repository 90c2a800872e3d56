//! The options that say which lab is built. Every command that builds or checks one has them.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use lab_harness::wanted::{self, Wanted};
use lab_manifest::ServiceCidr;
use lab_manifest::overrides::{Assignment, Given, LocalImage, PodPool, Reference};

/// How pod traffic gets from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Routing {
    /// Direct routes, as Cilium's `autoDirectNodeRoutes` installs them: what the article builds
    Native,
    /// By routers that learn over BGP where pods are, as with Cilium's BGP control plane: needs racks
    Bgp,
    /// A VXLAN overlay, as a contrast: cases about native routing must be refuted
    Vxlan,
    /// No routes to pods on other nodes, as a contrast: cases about native routing must be refuted
    None,
}

impl From<Routing> for lab_model::Routing {
    fn from(routing: Routing) -> Self {
        match routing {
            Routing::Native => Self::Native,
            Routing::Bgp => Self::Bgp,
            Routing::Vxlan => Self::Vxlan,
            Routing::None => Self::None,
        }
    }
}

/// How the nodes stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topology {
    /// All on one L2 network: the article's first case
    Flat,
    /// In racks, each with a router of its own: the article's second case
    Racks,
}

impl Topology {
    /// What the article says is needed there.
    const fn usual_routing(self) -> lab_model::Routing {
        match self {
            Self::Flat => lab_model::Routing::Native,
            Self::Racks => lab_model::Routing::Bgp,
        }
    }
}

impl From<Topology> for lab_model::Topology {
    fn from(topology: Topology) -> Self {
        match topology {
            Topology::Flat => Self::Flat,
            Topology::Racks => Self::Racks,
        }
    }
}

/// The backend that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// kind if the doctor finds all that it needs, else netns
    Auto,
    /// Network namespaces
    Netns,
    /// Docker, kind, Kubernetes and Cilium
    Kind,
    /// A cluster that is there already, which is read and not changed: `lab verify` and `lab doctor` only
    Cluster,
}

/// The options that say which lab is built.
#[derive(Debug, Clone, Args)]
pub struct LabArgs {
    /// What the lab is made of
    #[arg(long, value_enum, default_value_t = On::Auto)]
    pub on: On,
    /// The lab's name; for `lab verify`, of a lab that is up [default: `kind` on kind; on netns `lab`, or the run's id]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How pod traffic gets from node to node; with vxlan or none, cases about native routing must be refuted
    /// [default: native; in racks bgp]
    #[arg(long, value_enum)]
    pub routing: Option<Routing>,
    /// How the nodes stand to each other: on one L2 network, or in racks with routers between them
    #[arg(long, value_enum, default_value_t = Topology::Flat)]
    pub topology: Topology,
    /// Number of racks [default: 2]
    #[arg(long, value_name = "N")]
    pub racks: Option<usize>,
    /// Number of nodes, one control plane included: 2 to 100
    #[arg(long, value_name = "N")]
    pub nodes: Option<usize>,
    /// Number of pods of the workload, at most one on each worker
    #[arg(long, value_name = "M")]
    pub replicas: Option<usize>,
    /// A folder whose pins.json, kind.yaml, cilium.yaml and hello-app.yaml replace the built-in ones
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// How images get onto nodes
    #[command(flatten)]
    pub images: ImageArgs,
    /// The options that replace pins
    #[command(flatten)]
    pub overrides: OverrideArgs,
}

impl From<On> for wanted::On {
    fn from(on: On) -> Self {
        match on {
            On::Auto => Self::Auto,
            On::Netns => Self::Netns,
            On::Kind => Self::Kind,
            On::Cluster => Self::Cluster,
        }
    }
}

impl LabArgs {
    /// The lab that these options ask for.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            on: self.on.into(),
            name: self.name.clone(),
            routing: self.routing.map_or_else(|| self.topology.usual_routing(), Into::into),
            topology: self.topology.into(),
            racks: self.racks,
            nodes: self.nodes,
            replicas: self.replicas,
            manifests: self.manifests.clone(),
            overrides: self.overrides.given(),
            stream_images: self.images.stream_images,
        }
    }
}

/// How images get onto nodes.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ImageArgs {
    /// Send Cilium's images to each node, as `kind load` does, instead of baking them once into an image that nodes are made
    /// of; kind only
    #[arg(long)]
    pub stream_images: bool,
}

/// The options that replace pins. Cases that are judged against a replaced pin say so.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "In place of the pins, for experiments")]
pub struct OverrideArgs {
    /// The network that pod CIDRs are taken from; it also is the native routing CIDR
    #[arg(long, value_name = "CIDR")]
    pub pod_pool: Option<PodPool>,
    /// The network that Services get their addresses from (kind's serviceSubnet); kind only
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<ServiceCidr>,
    /// The image of the nodes, which also decides Kubernetes' version; kind only
    #[arg(long, value_name = "REF")]
    pub node_image: Option<Reference>,
    /// A local image for cilium, operator-generic or hello-app; may be repeated; kind only
    #[arg(long = "image", value_name = "NAME=REF")]
    pub images: Vec<LocalImage>,
    /// The archive of Cilium's Helm chart; kind only
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// A value of the chart, in the syntax of Helm's --set; may be repeated; kind only
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub values: Vec<Assignment>,
    /// A kit to take images and chart from, so that nothing is downloaded; kind only
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
}

impl OverrideArgs {
    /// The values that replace pins.
    pub fn given(&self) -> Given {
        let Self { pod_pool, service_cidr, node_image, images, chart, values, kit } = self.clone();
        Given { pod_pool, service_cidr, node_image, images, chart, values, kit }
    }
}

#[cfg(test)]
mod tests;
