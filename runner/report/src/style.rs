//! How a report looks where it is printed. Every word stands without it.

use anstyle::{AnsiColor, Style as Ansi};
use lab_base::text::{clean, cut};
use std::io::IsTerminal;

/// Columns that the right edge is at where nobody tells the width.
const DEFAULT_WIDTH: usize = 80;
/// The right edge is never beyond this column: times there would be too far from the lines that they belong to.
const WIDEST: usize = 100;

/// Colour and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colour: bool,
    width: Option<usize>,
}

impl Style {
    /// Neither colour nor a limit to the length of a line: for pipes and files.
    pub const PLAIN: Self = Self { colour: false, width: None };

    /// Colour or not; `width` is a terminal's columns, none where lines are never cut.
    pub const fn new(colour: bool, width: Option<usize>) -> Self {
        Self { colour, width }
    }

    /// What fits an output: `width` is its columns if it is a terminal, and `variable` reads the environment.
    ///
    /// `NO_COLOR` (no-color.org: set and not empty) takes colour away, else `CLICOLOR_FORCE` (set and not `0`) gives
    /// it even to a pipe, else there is colour on a terminal unless `TERM` is `dumb` or `CLICOLOR` is `0`.
    pub fn detect(width: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let colour = if set("NO_COLOR").is_some() {
            false
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            true
        } else {
            width.is_some()
                && variable("TERM").is_some_and(|term| term != "dumb")
                && variable("CLICOLOR").is_none_or(|value| value != "0")
        };
        Self { colour, width }
    }

    /// What fits this process's standard output.
    pub fn of_stdout() -> Self {
        let width = std::io::stdout().is_terminal().then(|| {
            let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _height)| width.0);
            columns.filter(|columns| *columns > 0).map_or(DEFAULT_WIDTH, usize::from)
        });
        Self::detect(width, |name| std::env::var(name).ok())
    }

    /// Where lines are cut; none where they never are.
    pub const fn limit(self) -> Option<usize> {
        self.width
    }

    /// A line that is cut at the width of the output, where it has one.
    pub fn cut(self, line: &str) -> String {
        self.width.map_or_else(|| line.to_owned(), |width| cut(line, width))
    }

    /// The column at whose left what is aligned to the right ends.
    pub(super) fn right_edge(self) -> usize {
        self.width.unwrap_or(DEFAULT_WIDTH).min(WIDEST)
    }

    /// Of a heading.
    pub fn heading(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// Of what went well.
    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Of what is false or failed.
    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// Of what could not be decided.
    pub fn open(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    /// Of what stands beside.
    pub fn aside(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// Removes what a terminal would act on, then adds the colour.
    fn paint(self, ansi: Ansi, text: &str) -> String {
        let text = clean(text);
        if self.colour { format!("{ansi}{text}{ansi:#}") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_depends_on_output_and_environment() {
        type Environment = &'static [(&'static str, &'static str)];
        let table: [(Option<usize>, Environment, bool); 10] = [
            (Some(80), &[("TERM", "xterm")], true),
            (Some(80), &[], false),
            (Some(80), &[("TERM", "dumb")], false),
            (Some(80), &[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (Some(80), &[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (Some(80), &[("TERM", "xterm"), ("CLICOLOR", "0")], false),
            (None, &[("TERM", "xterm")], false),
            (None, &[("CLICOLOR_FORCE", "1")], true),
            (None, &[("CLICOLOR_FORCE", "0")], false),
            (None, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ];
        for (width, environment, colour) in table {
            let variable =
                |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Style::detect(width, variable), Style { colour, width }, "{width:?} {environment:?}");
        }
    }

    #[test]
    fn without_colour_there_is_only_text() {
        assert_eq!(Style::PLAIN.bad("REFUTED"), "REFUTED");
        assert_eq!(Style::new(true, None).bad("REFUTED"), "\u{1b}[1m\u{1b}[31mREFUTED\u{1b}[0m");
        assert_eq!(Style::PLAIN.aside("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    }
}
