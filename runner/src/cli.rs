//! The command line.

mod bundle;
mod cluster;
mod explain;
mod kit;
mod lab;
mod report;
mod sabotage;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use bundle::{BundleArgs, ReplayArgs};
pub use cluster::{ClusterArgs, Tier};
pub use explain::ExplainArgs;
pub use kit::{KitArgs, KitCommand, KitPackArgs, KitShowArgs};
pub use lab::{LabArgs, On, OverrideArgs};
pub use report::{ReportArgs, ReportFormat};
pub use sabotage::{Backend, SabotageArgs};

use lab_netns::holder::HolderArgs;
use lab_netns::tamper::TamperArgs;

/// `lab`.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    version,
    about = "Kubernetes and Cilium native routing, step by step, as test cases that can fail",
    after_help = "Examples:\n  \
        lab run                                    build a lab, run every case, take it down\n  \
        lab run routing::                          only the cases about routes\n  \
        lab run --routing vxlan                    a tunnel instead of native routing: four cases are refuted\n  \
        lab up && lab shell kind-worker            build a lab that stays, open a shell in one of its nodes\n  \
        lab doctor                                 what this machine lacks, and what to do about it\n\n\
        Exit codes:\n  \
        0    all selected cases held\n  \
        1    a case was refuted or unobserved\n  \
        2    wrong usage, or no case selected\n  \
        3    unusable input or output\n  \
        4    the doctor found that this machine cannot run the lab\n  \
        5    a stage failed\n  \
        6    a deadline passed\n  \
        130  interrupted"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A command of `lab`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a lab, run the cases, report, take the lab down
    #[command(after_help = "Examples:\n  lab run\n  lab run wire:: --skip mtu\n  lab run --nodes 10 --replicas 4\n  \
        lab run --routing none --keep-on-failure")]
    Run(RunArgs),
    /// Build a lab that stays until `lab down`
    #[command(after_help = "Examples:\n  lab up\n  lab up --name second --routing vxlan\n  lab up --dry-run")]
    Up(UpArgs),
    /// Run the cases in the lab that is up, or build a lab for them and take it down afterwards
    #[command(
        after_help = "Examples:\n  lab verify\n  lab verify --list\n  lab verify --exact l2::peers_are_adjacent\n  \
        lab verify --name second wire::\n  lab verify --on cluster --context production\n  \
        lab verify --on cluster --context production --dry-run"
    )]
    Verify(VerifyArgs),
    /// Take a lab down; does nothing if it is already down
    #[command(
        after_help = "Examples:\n  lab down\n  lab down --name second\n  lab down --all\n  lab down --all --images\n  \
        lab down --on cluster --context production"
    )]
    Down(DownArgs),
    /// Show the labs that are up
    #[command(after_help = "Examples:\n  lab status\n  lab status --format json")]
    Status(StatusArgs),
    /// Open a shell, or run a command, in a node, a pod or the bridge's namespace of a lab that is up
    #[command(after_help = "Examples:\n  lab shell kind-worker\n  lab shell kind-worker -- ip route\n  \
        lab shell hello-app-1 -- curl -s http://10.96.37.61:8080\n  lab shell bridge -- tcpdump -ni kind")]
    Shell(ShellArgs),
    /// Check what a lab needs of this machine
    #[command(
        after_help = "Examples:\n  lab doctor\n  lab doctor --on netns --nodes 100\n  lab doctor --format json\n  \
        lab doctor --on cluster --context production"
    )]
    Doctor(DoctorArgs),
    /// Show a run's report again
    #[command(
        after_help = "Examples:\n  lab report k3f2\n  lab report k3f2 --beside\n  lab report ./lab-runs/k3f2 --format json"
    )]
    Report(ReportArgs),
    /// Explain a case: the article's step, what is read where, how to see it by hand, what breaks it
    #[command(
        after_help = "Examples:\n  lab explain\n  lab explain routing::direct_route_to_every_peer\n  lab explain wire::\n  \
        lab explain mtu --format json"
    )]
    Explain(ExplainArgs),
    /// Write a run's evidence, reports and captures into one file, to pass it on
    #[command(after_help = "Examples:\n  lab bundle k3f2\n  lab bundle ./lab-runs/k3f2.partial -o run.tar.zst\n  \
        lab bundle k3f2 --dry-run")]
    Bundle(BundleArgs),
    /// Judge a run again from its bundle; needs no lab and no root, and writes nothing
    #[command(after_help = "Examples:\n  lab replay lab-k3f2.tar.zst\n  lab replay lab-k3f2.tar.zst --format json\n\n\
        Exit codes:\n  0  every verdict that has evidence was reproduced\n  1  one differs\n  \
        2  wrong usage, or no verdict that could be judged\n  3  the bundle was refused")]
    Replay(ReplayArgs),
    /// Break sound labs on purpose, one fault at a time; the cases must notice each, and hold again once it is undone
    #[command(after_help = "Examples:\n  lab sabotage\n  lab sabotage --list\n  lab sabotage mtu route\n  \
        lab sabotage --exact node-stopped --format json")]
    Sabotage(SabotageArgs),
    /// Pack everything that a lab on kind needs into one file, or list the contents of such a file
    Kit(KitArgs),
    /// Observe network namespaces (used by the other commands)
    #[command(hide = true)]
    Probe {
        /// The arguments of `lab-probe`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Make faults in a lab (used by `lab sabotage` and the tests)
    #[command(hide = true)]
    Tamper(TamperArgs),
    /// Keep a lab's namespaces alive (used by the other commands)
    #[command(hide = true)]
    Hold(HolderArgs),
    /// Try what a lab on netns needs, in namespaces that are removed at once (used by the doctor)
    #[command(hide = true)]
    TryNamespaces {
        /// How many network namespaces are made at a time
        #[arg(long, default_value_t = 1)]
        namespaces: usize,
    },
    /// Enter a namespace and become a program (used by `lab shell`)
    #[command(hide = true)]
    Enter(EnterArgs),
}

/// The format in which a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// The options that select cases.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// Run only cases whose names contain one of these
    pub filter: Vec<String>,
    /// Filters must match whole names
    #[arg(long)]
    pub exact: bool,
    /// Leave out cases whose names contain this; may be repeated
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
}

/// The options for the folder of runs, and for a case's deadline.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// The folder in which each run's evidence and reports are kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// Seconds that a case may take for its observations
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub case_deadline: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a number of seconds from 0.001 to 3600, found {text:?}");
    let seconds: f64 = text.parse().map_err(|_not_a_number| wrong())?;
    if !(0.001..=3600.0).contains(&seconds) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_out_of_range| wrong())
}

/// `lab run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Which cases
    #[command(flatten)]
    pub select: SelectArgs,
    /// What kind of lab
    #[command(flatten)]
    pub lab: LabArgs,
    /// Where runs are kept
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Leave the lab up after the run
    #[arg(long)]
    pub keep: bool,
    /// Leave the lab up after the run if not all cases held
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Only print what would be built and run
    #[arg(long)]
    pub dry_run: bool,
}

/// `lab up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// What kind of lab
    #[command(flatten)]
    pub lab: LabArgs,
    /// Only print what would be built
    #[arg(long)]
    pub dry_run: bool,
}

/// `lab verify`: the arguments of a libtest program, and those of lab.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The arguments that every Rust test program has
    #[command(flatten)]
    pub libtest: libtest_mimic::Arguments,
    /// What kind of lab, if one is built
    #[command(flatten)]
    pub lab: LabArgs,
    /// Where runs are kept
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Which cluster, with `--on cluster`
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// With `--on cluster`: only print what would be read, made and taken away
    #[arg(long)]
    pub dry_run: bool,
    /// Instead of a cluster, the zip that `cilium sysdump` made of it; nobody is asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kubeconfig", "context", "current_context", "in_cluster", "dry_run", "tier", "probe_namespace"])]
    pub sysdump: Option<PathBuf>,
}

/// `lab down`.
#[derive(Debug, Clone, Args)]
pub struct DownArgs {
    /// The lab's name [default: `lab` if it exists, else the only lab]
    #[arg(long, conflicts_with = "all")]
    pub name: Option<String>,
    /// Take down all labs of this user
    #[arg(long)]
    pub all: bool,
    /// Also remove the node images that were baked for labs on kind
    #[arg(long)]
    pub images: bool,
    /// Take away what earlier runs have left in a foreign cluster: what has expired, with `--name` that of one run, with
    /// `--all` all of it
    #[arg(long, value_enum, value_name = "ON")]
    pub on: Option<OnDown>,
    /// Which cluster, with `--on cluster`
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Where `lab down` takes something away that is no lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnDown {
    /// A foreign cluster
    Cluster,
}

/// `lab status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Only this lab
    #[arg(long)]
    pub name: Option<String>,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `lab shell`.
#[derive(Debug, Clone, Args)]
pub struct ShellArgs {
    /// A node (`kind-worker`), a pod (`hello-app-1`), or `bridge`
    pub place: String,
    /// The command to run instead of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
    /// The lab's name [default: `lab` if it is up, else the only lab that is up]
    #[arg(long)]
    pub name: Option<String>,
}

/// `lab doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// What kind of lab
    #[command(flatten)]
    pub lab: LabArgs,
    /// The folder in which runs would be kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Which cluster, with `--on cluster`
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// With `--on cluster`: print the roles and bindings that give this user the rights, for an administrator; asks nobody
    #[arg(long, value_name = "USER")]
    pub rbac_for: Option<String>,
}

/// `lab enter`.
#[derive(Debug, Clone, Args)]
pub struct EnterArgs {
    /// The user namespace to enter first
    #[arg(long)]
    pub userns: Option<PathBuf>,
    /// The network namespace to enter
    #[arg(long)]
    pub netns: PathBuf,
    /// The text in the prompt of a shell
    #[arg(long)]
    pub label: String,
    /// The program to run in the namespace, with its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}
