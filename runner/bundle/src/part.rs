//! The files that can be in a bundle, by name: those that a run writes.

use std::fmt;

use lab_evidence::RUN_FILE;
use lab_kind::artefacts;
use lab_report::beside;
use lab_report::{HTML_FILE, JSON_FILE, JUNIT_FILE, MARKDOWN_FILE};

/// The longest part of a name between slashes. A case's folder has the case's name.
const LONGEST: usize = 128;

/// A member of a bundle. The order of the variants is that of the members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `run.json`.
    Run,
    /// `report.json`.
    Report,
    /// `junit.xml`.
    Junit,
    /// `report.html`.
    Page,
    /// `report.md`.
    Markdown,
    /// `beside.json`.
    Beside,
    /// A file in a case's folder.
    Case {
        /// The folder's name: `l2__peers_are_adjacent`.
        folder: String,
        /// The file.
        file: InCase,
    },
    /// A file that was kept because something failed in a lab on kind, by its name.
    Artefact(String),
}

/// The kinds of files in a case's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum InCase {
    /// `case.json`.
    Verdict,
    /// `evidence.jsonl`.
    Evidence,
    /// Captured frames: `kind-worker-eth0.pcap`.
    Capture(String),
}

impl Part {
    /// Parses a name, with `/` between folders; none for a name that a run does not write.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let part = match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            (RUN_FILE, None, ..) => Self::Run,
            (JSON_FILE, None, ..) => Self::Report,
            (JUNIT_FILE, None, ..) => Self::Junit,
            (HTML_FILE, None, ..) => Self::Page,
            (MARKDOWN_FILE, None, ..) => Self::Markdown,
            (beside::FILE, None, ..) => Self::Beside,
            ("cases", Some(folder), Some(file), None) if is_plain(folder) => {
                Self::Case { folder: folder.to_owned(), file: InCase::parse(file)? }
            }
            (artefacts::FOLDER, Some(file), None, _) if artefacts::is_artefact(file) => Self::Artefact(file.to_owned()),
            _ => return None,
        };
        Some(part)
    }

    /// Whether it is a text, rather than captured frames.
    pub const fn is_text(&self) -> bool {
        !matches!(self, Self::Case { file: InCase::Capture(_), .. })
    }

    /// Whether it is needed to judge the run again.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Run | Self::Report | Self::Case { file: InCase::Verdict | InCase::Evidence, .. })
    }
}

impl InCase {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "case.json" => Some(Self::Verdict),
            "evidence.jsonl" => Some(Self::Evidence),
            capture if capture.strip_suffix(".pcap").is_some_and(is_plain) => Some(Self::Capture(capture.to_owned())),
            _ => None,
        }
    }
}

/// Whether it is a name that [`case_folder`](lab_evidence::case_folder) or
/// [`CaseFolder::capture`](lab_evidence::CaseFolder::capture) can produce.
fn is_plain(part: &str) -> bool {
    (1..=LONGEST).contains(&part.len())
        && part.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str(RUN_FILE),
            Self::Report => f.write_str(JSON_FILE),
            Self::Junit => f.write_str(JUNIT_FILE),
            Self::Page => f.write_str(HTML_FILE),
            Self::Markdown => f.write_str(MARKDOWN_FILE),
            Self::Beside => f.write_str(beside::FILE),
            Self::Case { folder, file } => {
                let file = match file {
                    InCase::Verdict => "case.json",
                    InCase::Evidence => "evidence.jsonl",
                    InCase::Capture(name) => name,
                };
                write!(f, "cases/{folder}/{file}")
            }
            Self::Artefact(name) => write!(f, "{}/{name}", artefacts::FOLDER),
        }
    }
}
