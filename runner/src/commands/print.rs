//! Standard output: the one place that cleans what commands print. Texts have names, errors and outputs in them that came
//! from other programs and other machines, and a terminal acts on what it finds there.

use serde::Serialize;
use std::io::Write;

use lab_base::failure::{Failure, code};
use lab_base::text::{clean, clean_json};

/// Prints a text of which any part may have come from elsewhere.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(&clean(text))
}

/// Prints a value as JSON, for programs; a reader of JSON gets it as it is.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::input(&error))?;
    print_json_text(&(text + "\n"))
}

/// Prints a text that should be JSON.
pub(super) fn print_json_text(text: &str) -> Result<(), Failure> {
    write(&clean_json(text))
}

/// Prints a text whose parts were cleaned as it was put together: one that has colours, or a page.
pub(super) fn print_made(text: &str) -> Result<(), Failure> {
    write(text)
}

/// Writes to standard output. A closed pipe (`lab status | head`) is not a failure.
fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure { code: code::INPUT, message: format!("writing to standard output: {error}") })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
