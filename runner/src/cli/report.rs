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
    /// Print the article's outputs beside the outputs of this lab
    #[arg(long)]
    pub beside: bool,
    /// The format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// The format in which a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The text that the run printed
    Text,
    /// report.json, for programs
    Json,
    /// One page for a browser, made again from the run's folder
    Html,
    /// Markdown, for a CI system's summary
    Markdown,
}
