//! Selects the faults to make.

use super::fault::Fault;
use lab_base::failure::Failure;
use lab_harness::{Selection, nearest_of};

/// The selected faults of a table, in its order.
///
/// # Errors
/// Exit code 2 when none is selected, or when a filter matches no fault, which is probably a mistake.
pub fn selected(faults: &[Fault], selection: &Selection) -> Result<Vec<Fault>, Failure> {
    for filter in &selection.filter {
        let alone = Selection { filter: vec![filter.clone()], exact: selection.exact, skip: Vec::new() };
        if !faults.iter().any(|fault| alone.takes(fault.name)) {
            let nearest = nearest_of(filter, faults.iter().map(|fault| fault.name));
            let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            let exactly = if selection.exact { " exactly" } else { "" };
            return Err(Failure::usage(format!(
                "no fault is called {filter:?}{exactly}{hint}; `lab sabotage --list` shows them all"
            )));
        }
    }
    let meant: Vec<Fault> = faults.iter().filter(|fault| selection.takes(fault.name)).copied().collect();
    if meant.is_empty() {
        return Err(Failure::usage("no fault is selected: --skip leaves none; `lab sabotage --list` shows them all"));
    }
    Ok(meant)
}
