//! Arguments of `lab sabotage`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use super::Format;
use super::OverrideArgs;
use super::lab::{ImageArgs, Topology};
use lab_model::{BackendKind, Ground};

/// What a lab is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Linux network namespaces, made by this program: no Docker, no Kubernetes, no Cilium
    Netns,
    /// Docker, kind, Kubernetes and Cilium, as in the article
    Kind,
    /// A cluster that is there already: refused
    #[value(hide = true)]
    Cluster,
}

impl From<Backend> for BackendKind {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Netns => Self::Netns,
            Backend::Kind => Self::Kind,
            Backend::Cluster => Self::Cluster,
        }
    }
}

/// `lab sabotage`.
#[derive(Debug, Clone, Args)]
pub struct SabotageArgs {
    /// Make only faults whose names contain one of these
    #[arg(value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Filters must match whole names
    #[arg(long)]
    pub exact: bool,
    /// Leave out faults whose names contain this; may be repeated
    #[arg(long, value_name = "FAULT")]
    pub skip: Vec<String>,
    /// Only list the faults: what each does, and which cases must notice it
    #[arg(long)]
    pub list: bool,
    /// What the labs are made of; on netns four are broken at a time, on kind one
    #[arg(long, value_enum, default_value_t = Backend::Netns)]
    pub on: Backend,
    /// How the nodes stand to each other; racks have faults of their own, on netns only
    #[arg(long, value_enum, default_value_t = Topology::Flat)]
    pub topology: Topology,
    /// The lab's name; kind only [default: kind]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The folder in which each run's report is kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Only print what would be built and broken
    #[arg(long)]
    pub dry_run: bool,
    /// How images get onto nodes; kind only
    #[command(flatten)]
    pub images: ImageArgs,
    /// The options that replace pins; kind only
    #[command(flatten)]
    pub overrides: OverrideArgs,
}

impl SabotageArgs {
    /// What the labs are made of.
    pub fn backend(&self) -> BackendKind {
        self.on.into()
    }

    /// Which cases and faults exist there.
    pub fn ground(&self) -> Ground {
        Ground { backend: self.backend(), bgp: self.topology == Topology::Racks }
    }
}
