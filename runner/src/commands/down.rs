//! `lab down`: takes labs down, also what is left of them after a crash.

use super::{cluster, print, program};
use crate::cli::{DownArgs, On, OnDown};
use lab_backend::LabError;
use lab_backend::state::{StateDir, StateError};
use lab_base::failure::{Failure, code};
use lab_engine::Engine;
use lab_harness::lab::take_down;
use lab_images::baked::remove_all;
use lab_kind::teardown::remove_strays;

/// Removes containers that carry the mark of a lab whose state folder no longer exists. Returns whether there were any; if
/// no Docker Engine answers, there were none.
fn remove_marked_containers(name: Option<&str>) -> Result<bool, Failure> {
    let root = StateDir::root()?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let removed = runtime.block_on(async {
        match Engine::connect().await {
            Ok(engine) => remove_strays(&engine, &root, name).await,
            Err(_no_engine) => Ok(Vec::new()),
        }
    })?;
    if !removed.is_empty() {
        print(&format!(
            "removed containers that a killed lab had left behind, with their volumes: {}\n",
            removed.join(", ")
        ))?;
    }
    Ok(!removed.is_empty())
}

pub(super) fn down(args: &DownArgs) -> Result<u8, Failure> {
    if args.on == Some(OnDown::Cluster) {
        return cluster::down(args);
    }
    cluster::refuse_without(On::Auto, &args.cluster, &[])?;
    let code = take_down_labs(args)?;
    if args.images {
        remove_images()?;
    }
    Ok(code)
}

/// Removes the node images that were baked, and says which stay since a lab uses them.
fn remove_images() -> Result<(), Failure> {
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let records = lab_kind::records()?;
    let (removed, kept) = runtime.block_on(async {
        let engine = Engine::connect().await.map_err(|error| Failure::stage(&error))?;
        remove_all(&engine, &records).await.map_err(|error| Failure::stage(&error))
    })?;
    print(&match removed.as_slice() {
        [] => "no baked node image was removed\n".to_owned(),
        names => format!("removed the baked node images {}\n", names.join(", ")),
    })?;
    if kept.is_empty() {
        return Ok(());
    }
    print(&format!("kept, since containers are made of them: {}\n", kept.join(", ")))
}

fn take_down_labs(args: &DownArgs) -> Result<u8, Failure> {
    let labs = if args.all {
        StateDir::all()?
    } else {
        match &args.name {
            None => StateDir::unnamed(StateDir::all_that_stay()?)?.into_iter().collect(),
            Some(name) => match StateDir::open(name) {
                Ok(state) => vec![state],
                Err(StateError::Missing { name, .. }) => {
                    if remove_marked_containers(Some(&name))? {
                        return Ok(0);
                    }
                    return print(&format!("there is no lab named {name}; nothing to do\n")).map(|()| 0);
                }
                Err(error) => return Err(error.into()),
            },
        }
    };
    if labs.is_empty() {
        if args.all && remove_marked_containers(None)? {
            return Ok(0);
        }
        return print("no lab is up; nothing to do\n").map(|()| 0);
    }
    let program = program()?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let mut failures: Vec<Failure> = Vec::new();
    for lab in labs {
        match runtime.block_on(take_down(&lab, &program)) {
            Ok(lines) => {
                print(&format!("lab {} is down{}\n", lab.name(), lines.first().map_or("", |_| ":")))?;
                lines.iter().try_for_each(|line| print(&format!("  {line}\n")))?;
            }
            Err(LabError::State(error)) => failures.push(error.into()),
            Err(error) => failures.push(Failure { code: code::STAGE, message: format!("lab {}: {error}", lab.name()) }),
        }
    }
    let Some(code) = failures.iter().map(|failure| failure.code).max() else {
        let _any = args.all && remove_marked_containers(None)?;
        return Ok(0);
    };
    let messages: Vec<String> = failures.into_iter().map(|failure| failure.message).collect();
    Err(Failure { code, message: messages.join("\n") })
}
