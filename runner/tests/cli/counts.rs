//! How many cases there are, for what the program prints.

use lab_harness::cases;
use lab_model::BackendKind;

/// Those that exist on netns.
pub(crate) fn here() -> usize {
    cases::on(BackendKind::Netns).count()
}

/// Those whose names begin like this, all of which exist on netns.
pub(crate) fn of_area(area: &str) -> usize {
    cases::on(BackendKind::Netns).filter(|case| case.name.starts_with(area)).count()
}

/// Those that exist on kind alone.
pub(crate) fn elsewhere() -> usize {
    cases::ALL.len() - here()
}
