//! Tables, all of one shape.

use askama::Template;

/// A table with a caption. On a narrow screen each row becomes a block, its cells named by the heading.
#[derive(Debug, Template)]
#[template(path = "table.html")]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Classes of `report.css`: `code`, `good`, `bad`, `open`.
    pub(super) class: &'static str,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "" }
    }

    /// Addresses, names, routes.
    pub(super) fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "code" }
    }

    pub(super) fn of(class: &'static str, text: impl Into<String>) -> Self {
        Self { text: text.into(), class }
    }

    /// What was not seen.
    pub(super) fn or_unseen(text: Option<String>) -> Self {
        text.map_or_else(|| Self::of("open", "not seen"), Self::code)
    }
}

impl Table {
    /// The cells of a row, each with its column's heading.
    fn cells<'a>(&self, row: &'a [Cell]) -> Vec<(&'static str, &'a Cell)> {
        self.head.iter().copied().zip(row).collect()
    }
}
