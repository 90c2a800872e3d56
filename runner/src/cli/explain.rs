//! Arguments of `lab explain`.

use clap::Args;

use super::Format;

/// `lab explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A case's name or a part of it; if left out, all cases are listed
    #[arg(value_name = "CASE")]
    pub case: Option<String>,
    /// Text or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
