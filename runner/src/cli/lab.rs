//! Which lab is made: the options of every command that makes or checks one.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use lab_harness::wanted::{self, Wanted};
use lab_manifest::overrides::{Assignment, Given, LocalImage, PodPool, Reference};

/// How pod traffic gets from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Routing {
    /// Direct routes, as Cilium's `autoDirectNodeRoutes` installs them: what the article builds
    Native,
    /// A VXLAN overlay: a contrast that must be refuted
    Vxlan,
    /// No pod routes at all: a contrast that must be refuted
    None,
}

impl From<Routing> for lab_model::Routing {
    fn from(routing: Routing) -> Self {
        match routing {
            Routing::Native => Self::Native,
            Routing::Vxlan => Self::Vxlan,
            Routing::None => Self::None,
        }
    }
}

/// Which backend is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// kind where the doctor finds all it needs, else netns
    Auto,
    /// Network namespaces
    Netns,
    /// Docker, kind, Kubernetes and Cilium
    Kind,
}

/// What a lab is made like.
#[derive(Debug, Clone, Args)]
pub struct LabArgs {
    /// What the lab is made of
    #[arg(long, value_enum, default_value_t = On::Auto)]
    pub on: On,
    /// The lab's name; `lab verify` needs it to be up [default: kind on kind; on netns lab, or the run's id]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How pod traffic gets from node to node; vxlan and none are contrasts that must be refuted
    #[arg(long, value_enum, default_value_t = Routing::Native)]
    pub routing: Routing,
    /// Number of nodes, one control plane included: 2 to 100
    #[arg(long, value_name = "N")]
    pub nodes: Option<usize>,
    /// Number of pods of the workload, one on each worker at most
    #[arg(long, value_name = "M")]
    pub replicas: Option<usize>,
    /// A folder whose pins.json, kind.yaml, cilium.yaml and hello-app.yaml replace the built-in ones
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// What is used in place of a pin
    #[command(flatten)]
    pub overrides: OverrideArgs,
}

impl From<On> for wanted::On {
    fn from(on: On) -> Self {
        match on {
            On::Auto => Self::Auto,
            On::Netns => Self::Netns,
            On::Kind => Self::Kind,
        }
    }
}

impl LabArgs {
    /// The lab that they ask for.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            on: self.on.into(),
            name: self.name.clone(),
            routing: self.routing.into(),
            nodes: self.nodes,
            replicas: self.replicas,
            manifests: self.manifests.clone(),
            overrides: self.overrides.given(),
        }
    }
}

/// What is used in place of a pin. Cases that are judged against such a pin say so.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "In place of the pins, for experiments")]
pub struct OverrideArgs {
    /// Pod CIDRs come from this network, which is the native routing CIDR too
    #[arg(long, value_name = "CIDR")]
    pub pod_pool: Option<PodPool>,
    /// Nodes are made of this image, and Kubernetes' version is what it brings; kind only
    #[arg(long, value_name = "REF")]
    pub node_image: Option<Reference>,
    /// A local image for cilium, operator-generic or hello-app; may be repeated; kind only
    #[arg(long = "image", value_name = "NAME=REF")]
    pub images: Vec<LocalImage>,
    /// The archive of Cilium's Helm chart; kind only
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// Sets a value of the chart, as Helm does; may be repeated; kind only
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub values: Vec<Assignment>,
    /// Take images and chart from this kit, and nothing from a network; kind only
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
}

impl OverrideArgs {
    /// What they put in place of pins.
    pub fn given(&self) -> Given {
        let Self { pod_pool, node_image, images, chart, values, kit } = self.clone();
        Given { pod_pool, node_image, images, chart, values, kit }
    }
}

#[cfg(test)]
mod tests;
