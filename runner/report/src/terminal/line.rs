//! A line whose words are coloured.

use crate::style::Style;
use lab_base::text::columns;

/// How a word is coloured.
pub(super) type Paint = fn(Style, &str) -> String;

/// A line in the making, with its width without what only colours it.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) columns: usize,
}

impl Line {
    pub(super) fn plain(&mut self, text: &str) {
        self.painted(text, str::to_owned);
    }

    pub(super) fn painted(&mut self, text: &str, paint: impl Fn(&str) -> String) {
        self.columns += columns(text);
        self.text.push_str(&paint(text));
    }
}
