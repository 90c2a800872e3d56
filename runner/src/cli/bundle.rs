//! `lab bundle` and `lab replay`: which run is handed over, and which bundle is judged.

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
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
    /// The folder in which runs are kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// Say what would be bundled, and end
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
