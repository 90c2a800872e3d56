//! The options that say which cluster is meant with `--on cluster`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use lab_kube::access::Access;

/// The options that say which cluster is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct ClusterArgs {
    /// With `--on cluster`: the kubeconfig [default: what KUBECONFIG names, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// With `--on cluster`: the context of the kubeconfig that is meant
    #[arg(long, value_name = "NAME", conflicts_with_all = ["current_context", "in_cluster"])]
    pub context: Option<String>,
    /// With `--on cluster`: the kubeconfig's current context is meant
    #[arg(long, conflicts_with = "in_cluster")]
    pub current_context: bool,
    /// With `--on cluster`: the cluster is meant in which this program runs, with the rights of its pod's service account
    #[arg(long, conflicts_with = "kubeconfig")]
    pub in_cluster: bool,
    /// With `--on cluster`: the namespace that Cilium is in [default: where its agents are found]
    #[arg(long, value_name = "NAME")]
    pub cilium_namespace: Option<String>,
    /// With `--on cluster`: whether it is read alone, or looked at by pods of the probe's own as well, which are taken away
    /// after, or by these within the cluster's own pods too [default: probe, where the rights for it are there]
    #[arg(long, value_enum)]
    pub tier: Option<Tier>,
    /// With `--on cluster`: the namespace, which is there already, that the probe's pods are made in [default: one that is
    /// made, and taken away after]
    #[arg(long, value_name = "NAME")]
    pub probe_namespace: Option<String>,
}

/// How a foreign cluster is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// It is read, and nothing is made in it
    Read,
    /// The same, and pods of the probe's own send to each other
    Probe,
    /// The same, and the probe looks into the network namespaces of the cluster's own pods
    Inside,
}

impl Tier {
    /// Whether pods of the probe's own are made.
    pub fn makes_pods(self) -> bool {
        self != Self::Read
    }
}

impl ClusterArgs {
    /// Which cluster is meant.
    pub fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            current: self.current_context,
            in_cluster: self.in_cluster,
        }
    }

    /// Whether the cluster's own pods are to be looked into.
    pub fn looks_inside(&self) -> bool {
        self.tier == Some(Tier::Inside)
    }

    /// The first of these options that was given, as it was written.
    pub fn first(&self) -> Option<&'static str> {
        let given = [
            ("--kubeconfig", self.kubeconfig.is_some()),
            ("--context", self.context.is_some()),
            ("--current-context", self.current_context),
            ("--in-cluster", self.in_cluster),
            ("--cilium-namespace", self.cilium_namespace.is_some()),
            ("--tier", self.tier.is_some()),
            ("--probe-namespace", self.probe_namespace.is_some()),
        ];
        given.into_iter().find(|(_option, given)| *given).map(|(option, _given)| option)
    }
}
