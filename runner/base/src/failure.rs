//! How a command of this program fails: one message, one documented exit code.

use std::fmt;

use crate::text::clean;

/// Exit codes of this program; libtest-mimic's are not used.
pub mod code {
    /// Usage, or no case selected.
    pub const USAGE: u8 = 2;
    /// Unusable input or output: a manifest, the runs folder.
    pub const INPUT: u8 = 3;
    /// The doctor refused.
    pub const DOCTOR: u8 = 4;
    /// A stage failed.
    pub const STAGE: u8 = 5;
    /// Interrupted by a signal: 128 and SIGINT's number.
    pub const INTERRUPTED: u8 = 130;
}

/// A command failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What failed, where, why, and what to do.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// Writes a message to standard error, after this program's name, made safe to print: it may quote another program. A
/// closed standard error is not a failure.
pub fn complain(message: &dyn fmt::Display) {
    use std::io::Write;
    let _nobody_reads = writeln!(std::io::stderr(), "lab: {}", clean(&message.to_string()));
}

/// An error with its chain of causes; a cause whose text is there already is not repeated.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl Failure {
    /// Exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: code::USAGE, message: message.into() }
    }

    /// Exit code 3.
    pub fn input(error: &dyn std::error::Error) -> Self {
        Self { code: code::INPUT, message: chain(error) }
    }

    /// Exit code 5.
    pub fn stage(error: &dyn std::error::Error) -> Self {
        Self { code: code::STAGE, message: chain(error) }
    }
}
