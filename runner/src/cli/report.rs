//! Arguments of `lab report`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `lab report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// A run's id or folder
    pub run: String,
    /// The folder in which runs are kept
    #[arg(long, value_name = "DIR", default_value = "./lab-runs")]
    pub runs_dir: PathBuf,
    /// What the article printed beside what this lab printed
    #[arg(long)]
    pub beside: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Which report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// As the run printed it
    Text,
    /// For programs: report.json
    Json,
    /// One page for a browser, made anew from the run's folder
    Html,
    /// For a CI system's summary
    Markdown,
}
