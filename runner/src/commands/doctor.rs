//! `lab doctor`: checks whether this machine has what a lab needs.

use super::{cluster, print, print_json, program};
use crate::cli::{DoctorArgs, Format, On};
use lab_base::failure::{Failure, code};
use lab_doctor as doctor;
use lab_harness::setup;

pub(super) fn doctor(args: &DoctorArgs) -> Result<u8, Failure> {
    cluster::refuse_without(args.lab.on, &args.cluster, &[("--rbac-for", args.rbac_for.is_some())])?;
    if args.lab.on == On::Cluster {
        return cluster::doctor(args);
    }
    let setup = setup(&args.lab.wanted())?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let rows = runtime.block_on(lab_harness::examine(&program()?, &setup, &args.runs_dir));
    match args.format {
        Format::Json => print_json(&rows)?,
        Format::Text => {
            let notes: Vec<String> = setup.notes.iter().map(|note| format!("  ({note})\n")).collect();
            print(&(notes.concat() + &doctor::table(&rows)))?;
        }
    }
    Ok(if doctor::refusals(&rows).is_some() { code::DOCTOR } else { 0 })
}
