//! Arguments of `lab bundle` and `lab replay`.

use clap::Args;
use std::path::PathBuf;

use super::Format;

/// `lab bundle`.
#[derive(Debug, Clone, Args)]
pub struct BundleArgs {
    /// A run's id or folder
    pub run: String,
    /// The file to write [default: lab-RUN.tar.zst]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// The folder in which runs are kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// Replace names and addresses of the cluster that the run is about, so that the file can be given away
    #[arg(long)]
    pub anonymise: bool,
    /// Only print what would be bundled
    #[arg(long)]
    pub dry_run: bool,
}

/// `lab replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The bundle
    pub file: PathBuf,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
