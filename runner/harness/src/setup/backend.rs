//! Which backend is taken: the one that was asked for, or the best that this machine can have.

use std::path::Path;

use super::{Setup, setup_on};
use crate::wanted::{On, Wanted};
use lab_base::failure::Failure;
use lab_doctor as doctor;
use lab_model::BackendKind;

/// Reads the manifests and decides on the backend.
///
/// # Errors
/// Exit code 2 for options that no lab can have, 3 for a manifest or a chart that cannot be used.
pub fn setup(args: &Wanted) -> Result<Setup, Failure> {
    match args.on {
        On::Netns => setup_on(BackendKind::Netns, Vec::new(), args),
        On::Kind => setup_on(BackendKind::Kind, Vec::new(), args),
        On::Auto => automatic(args),
        On::Cluster => Err(Failure::usage(
            "--on cluster: a cluster that is there already is neither built nor changed; it is read by `lab verify --on cluster`",
        )),
    }
}

/// Chooses kind if the doctor refuses nothing; otherwise netns, with a note that says why.
fn automatic(args: &Wanted) -> Result<Setup, Failure> {
    let missing: Vec<&str> =
        ["docker", "kind", "helm"].into_iter().filter(|program| which::which(program).is_err()).collect();
    let why = if missing.is_empty() {
        let setup = setup_on(BackendKind::Kind, Vec::new(), args)?;
        match refusal_of_kind(&setup)? {
            None => return Ok(setup),
            Some(why) => why,
        }
    } else {
        format!("not in PATH: {}", missing.join(", "))
    };
    setup_on(BackendKind::Netns, vec![format!("kind was not taken: {why}")], args)
}

/// The first reason for which the doctor refuses a lab on kind.
fn refusal_of_kind(setup: &Setup) -> Result<Option<String>, Failure> {
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let rows = runtime.block_on(crate::examine(Path::new(""), setup, Path::new(".")));
    let refused = rows.iter().find(|row| row.outcome == doctor::Outcome::Refusal);
    Ok(refused.map(|row| format!("{}: {}", row.id, row.found)))
}
