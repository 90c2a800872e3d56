//! `lab explain`: which cases.

use clap::Args;

use super::Format;

/// `lab explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A case's name, or a part of names; all cases are listed without it
    #[arg(value_name = "CASE")]
    pub case: Option<String>,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
