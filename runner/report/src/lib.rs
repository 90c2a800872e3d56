//! What a run tells: to a reader on a terminal, and to machines in files.
//!
//! [`Report`] is the one source: it is filled while the run goes on, and every format is a view of it.

pub mod beside;
mod by_node;
mod counts;
mod html;
mod json;
mod junit;
mod markdown;
mod progress;
#[cfg(test)]
mod samples;
mod style;
mod terminal;
#[cfg(test)]
mod verdicts;

pub use by_node::{NodeFinding, NodeFindings, PeerAstray, by_node};
pub use html::to_html;
pub use json::{JsonError, from_json, to_json};
pub use junit::{junit, to_junit};
pub use markdown::to_markdown;
pub use progress::Progress;
pub use style::Style;
pub use terminal::{Closing, LabAfter, Terminal};

use lab_evidence::{EvidenceError, RunFolder};
use lab_model::report::Report;

/// Name of the machine-readable report in a run's folder.
pub const JSON_FILE: &str = "report.json";
/// Name of the report for CI systems in a run's folder.
pub const JUNIT_FILE: &str = "junit.xml";
/// Name of the report for a browser in a run's folder.
pub const HTML_FILE: &str = "report.html";
/// Name of the report for a CI system's summary in a run's folder.
pub const MARKDOWN_FILE: &str = "report.md";

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file could not be written.
    #[error(transparent)]
    Folder(#[from] EvidenceError),
    /// The report could not be turned into JSON.
    #[error("report.json: the report cannot be written as JSON")]
    Json(#[source] JsonError),
    /// The report could not be turned into `junit.xml`.
    #[error("junit.xml: the report cannot be written as XML")]
    Junit(#[source] quick_junit::SerializeError),
    /// The page could not be made.
    #[error("report.html: the report cannot be written as HTML")]
    Html(#[source] askama::Error),
}

/// Writes `report.json`, `junit.xml`, `report.html` and `report.md` into a run's folder, each whole or not at all. May
/// be called again as the run goes on: a run that dies has then left its last report.
///
/// # Errors
/// [`ReportError`], naming the file.
pub fn write_files(folder: &RunFolder, report: &Report) -> Result<(), ReportError> {
    folder.write(JSON_FILE, to_json(report).map_err(ReportError::Json)?.as_bytes())?;
    folder.write(JUNIT_FILE, to_junit(report).map_err(ReportError::Junit)?.as_bytes())?;
    folder.write(HTML_FILE, to_html(folder.path(), report).map_err(ReportError::Html)?.as_bytes())?;
    folder.write(MARKDOWN_FILE, to_markdown(report).as_bytes())?;
    Ok(())
}

/// The heading of an area of cases on a terminal: `routing` is `Routes`.
pub fn heading(area: &str) -> &str {
    match area {
        "cluster" => "The cluster",
        "l2" => "The nodes share one L2 network",
        "routing" => "Routes",
        "cilium" => "Cilium",
        "service" => "The Service",
        "wire" => "On the wire",
        "bgp" => "BGP between racks",
        other => other,
    }
}
