//! `lab explain`: prints the explanations of cases.

use super::{print_json, print_made};
use crate::cli::{ExplainArgs, Format};
use crate::explain;
use crate::explain::Explained;
use lab_base::failure::Failure;
use lab_report::Style;

pub(super) fn explain(args: &ExplainArgs) -> Result<u8, Failure> {
    let wanted = explain::matching(args.case.as_deref().unwrap_or_default())?;
    let text = match (args.format, &args.case) {
        (Format::Json, _) => return print_json(&wanted).map(|()| 0),
        (Format::Text, None) => explain::list(&wanted, Style::of_stdout()),
        (Format::Text, Some(_)) => {
            let texts: Vec<String> =
                wanted.iter().map(|one: &Explained| explain::text(one, Style::of_stdout())).collect();
            texts.join("\n")
        }
    };
    print_made(&text).map(|()| 0)
}
