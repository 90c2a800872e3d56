//! Arguments of `lab kit`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::Format;
use lab_manifest::overrides::{LocalImage, Reference};

/// `lab kit`.
#[derive(Debug, Clone, Args)]
pub struct KitArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KitCommand,
}

/// A command of `lab kit`.
#[derive(Debug, Clone, Subcommand)]
pub enum KitCommand {
    /// Write all images (pulled by digest if the Engine lacks them) and the chart of a lab on kind into one file
    #[command(
        after_help = "Examples:\n  lab kit pack\n  lab kit pack -o /media/stick/lab.tar --chart cilium-1.12.4.tgz\n  \
        lab kit pack --image hello-app=registry.example/hello-app:1.0 --dry-run"
    )]
    Pack(KitPackArgs),
    /// Check a kit, and list its contents with their digests
    #[command(after_help = "Examples:\n  lab kit show lab-kit.tar\n  lab kit show lab-kit.tar --format json")]
    Show(KitShowArgs),
}

/// `lab kit pack`.
#[derive(Debug, Clone, Args)]
pub struct KitPackArgs {
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "lab-kit.tar")]
    pub output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// The archive of the pinned chart [default: `$LAB_CHART`, else what `helm pull` downloads]
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// A folder whose pins.json, kind.yaml, cilium.yaml and hello-app.yaml replace the built-in ones
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// The image of the nodes, in place of the pinned one
    #[arg(long, value_name = "REF")]
    pub node_image: Option<Reference>,
    /// A local image for cilium, operator-generic or hello-app, in place of the pinned one; may be repeated
    #[arg(long = "image", value_name = "NAME=REF")]
    pub images: Vec<LocalImage>,
    /// Only print what would be packed
    #[arg(long)]
    pub dry_run: bool,
}

/// `lab kit show`.
#[derive(Debug, Clone, Args)]
pub struct KitShowArgs {
    /// The kit
    pub file: PathBuf,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
