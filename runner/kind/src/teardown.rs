//! Takes a kind lab down: removes its containers with their volumes, the network if lab made it and it is empty, the seal,
//! and its files. Containers without the lab's mark are not touched. It may be repeated, also after a crash.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

use super::config::mark_of;
use super::create;
use super::late::Names;
use super::ownership::{Member, members};
use super::racks;
use super::seal;
use super::snapshot::{SNAPSHOT_FILE, Snapshot};
use super::spec::KindSpec;
use super::stored::{BUILT_FILE, IMAGES_FILE, SPEC_FILE};
use lab_backend::LabError;
use lab_backend::state::{ClusterMark, Life, StateDir};
use lab_base::failure::chain;
use lab_engine::{Engine, EngineError};
use lab_images::NODE;
use lab_images::baked::remove_builders;
use lab_model::observe::{ImageSource, NodeName};
use lab_model::stage::Stage;

/// The deadline for killing and removing a node with all that runs in it.
const REMOVE_DEADLINE: Duration = Duration::from_mins(2);

/// How many differences are listed. On a busy host, other programs make hundreds.
const DIFFERENCES: usize = 4;

/// What was removed, and notes about what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenDown {
    /// Names of the containers that were removed.
    pub containers: Vec<String>,
    /// The network, if it was removed.
    pub network: Option<String>,
    /// The networks of racks and links that were removed.
    pub racks: Vec<String>,
    /// Notes for the user, such as a network that is kept, and why.
    pub notes: Vec<String>,
}

impl TakenDown {
    /// A line of text for each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.containers.is_empty() {
            lines.push(format!("removed the containers {} with their volumes", self.containers.join(", ")));
        }
        if !self.racks.is_empty() {
            lines.push(format!("removed the networks {}", self.racks.join(", ")));
        }
        if let Some(network) = &self.network {
            lines.push(format!("removed the network {network}"));
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

/// Removes what this lab has in Docker and on the host, and then its state folder, which frees its name.
///
/// # Errors
/// All errors in one text. The state folder is kept then, so that it can be tried again. While it cannot be told whether
/// the command that makes the lab still runs, nothing is removed: kind would go on making containers.
#[boxed(?Send)]
pub async fn take_down(
    engine: &Engine,
    state: &StateDir,
    mark: &ClusterMark,
    program: &Path,
) -> Result<TakenDown, LabError> {
    if let Ok(Some(known)) = state.read()
        && let Life::Untold(why) = state.life(&known)
    {
        return Err(state.untold(&why).into());
    }
    let mut gone = TakenDown::default();
    let mut failures = Vec::new();
    // First, because kind would make containers again while they are removed.
    failures.extend(create::end_left_behind(state).await.err());
    match members(engine, Some(&mark.cluster)).await {
        Err(error) => {
            failures.push(format!("the containers of {} could not be listed: {}", mark.cluster, chain(&error)));
        }
        Ok(all) => {
            let folder = mark_of(state.path());
            let (ours, others): (Vec<Member>, Vec<Member>) =
                all.into_iter().partition(|member| member.is_marked(&folder));
            gone.notes.extend(others.iter().map(|other| {
                format!(
                    "the container {} of a cluster {} does not belong to this lab and is kept",
                    other.name, other.cluster
                )
            }));
            remove_containers(engine, ours, &mut gone, &mut failures).await;
        }
    }
    // A command that was killed while it baked has left a container that is no node.
    match remove_builders(engine, &mark_of(state.path()).display().to_string()).await {
        Ok(builders) => gone.containers.extend(builders),
        Err(error) => failures.push(chain(&error)),
    }
    if failures.is_empty()
        && let Err(why) = remove_late(engine, state, &mark.cluster, &mut gone).await
    {
        failures.push(why);
    }
    // After the nodes, since a network with containers on it stays.
    match racks::remove(engine, &mark_of(state.path()).display().to_string()).await {
        Ok(removed) => {
            gone.containers.extend(removed.containers);
            gone.racks = removed.networks;
        }
        Err(why) => failures.push(why),
    }
    if failures.is_empty() && !mark.network_was_there {
        match remove_network(engine, &mark.network).await {
            Ok(Removal::Gone) => gone.network = Some(mark.network.clone()),
            Ok(Removal::NotThere) => {}
            Ok(Removal::InUse(users)) => {
                gone.notes.push(format!(
                    "the network {} is kept, because it has containers: {}",
                    mark.network,
                    users.join(", ")
                ));
            }
            Err(error) => failures.push(format!("the network {}: {}", mark.network, chain(&error))),
        }
    }
    if nix::unistd::geteuid().is_root()
        && let Err(error) = seal::unseal(state.name()).await
    {
        failures.push(format!("the table {}: {}", seal::table_name(state.name()), chain(&error)));
    }
    if !failures.is_empty() {
        return Err(LabError::Refused {
            name: state.name().to_owned(),
            order: "be removed completely; run `lab down` again".to_owned(),
            why: failures.join("; "),
        });
    }
    gone.notes.push(comparison_with_before(engine, state, program).await?);
    state.remove()?;
    Ok(gone)
}

/// Removes containers that Docker was still making when kind was ended. If kind had ended by itself, or had not begun,
/// there is nothing to wait for.
async fn remove_late(engine: &Engine, state: &StateDir, cluster: &str, gone: &mut TakenDown) -> Result<(), String> {
    let read = |error: lab_backend::state::StateError| chain(&error);
    let built: Vec<Stage> = state.read_json(BUILT_FILE).map_err(read)?.unwrap_or_default();
    let images: Vec<ImageSource> = state.read_json(IMAGES_FILE).map_err(read)?.unwrap_or_default();
    let spec: Option<KindSpec> = state.read_json(SPEC_FILE).map_err(read)?;
    let image = images.into_iter().find(|image| image.name == NODE);
    let image = image.map(|image| image.engine_id.unwrap_or(image.reference));
    let (Some(spec), Some(image), false) = (spec, image, built.contains(&Stage::ClusterCreated)) else {
        return Ok(());
    };
    let mark = mark_of(state.path());
    let nodes = spec.nodes.iter().map(|(name, _)| name.clone()).collect();
    let names = Names { nodes, image, mark: &mark };
    let removed = names.until_free(engine, async || {
        let all = members(engine, Some(cluster)).await.map_err(|error| chain(&error))?;
        let (ours, others): (Vec<Member>, Vec<Member>) = all.into_iter().partition(|member| member.is_marked(&mark));
        let mut failures = Vec::new();
        remove_containers(engine, ours, gone, &mut failures).await;
        if failures.is_empty() {
            Ok(others.into_iter().map(|other| NodeName(other.name)).collect())
        } else {
            Err(failures.join("; "))
        }
    });
    removed.await
}

/// Removes containers of labs whose state folder, below this root, is gone, since no other command would find them. With a
/// name, those of that lab only. Returns the names of the removed containers.
///
/// # Errors
/// When Docker does not list them, or one could not be removed.
#[boxed(?Send)]
pub async fn remove_strays(engine: &Engine, root: &Path, name: Option<&str>) -> Result<Vec<String>, LabError> {
    let is_stray = |mark: Option<&Path>| {
        let folder = mark.and_then(Path::parent);
        folder.is_some_and(|folder| {
            folder.parent() == Some(root)
                && name.is_none_or(|name| folder.file_name().is_some_and(|own| own == name))
                && !folder.join(lab_backend::state::STATE_FILE).exists()
        })
    };
    let strays = members(engine, None).await?.into_iter().filter(|member| is_stray(member.mark.as_deref())).collect();
    let (mut gone, mut failures) = (TakenDown::default(), Vec::new());
    remove_containers(engine, strays, &mut gone, &mut failures).await;
    for mark in racks::marks(engine).await?.into_iter().filter(|mark| is_stray(Some(Path::new(mark)))) {
        match racks::remove(engine, &mark).await {
            Ok(removed) => gone.containers.extend(removed.containers),
            Err(why) => failures.push(why),
        }
    }
    if failures.is_empty() {
        return Ok(gone.containers);
    }
    Err(LabError::Refused {
        name: name.unwrap_or("whose state is gone").to_owned(),
        order: "be removed completely; run `lab down --all` again".to_owned(),
        why: failures.join("; "),
    })
}

/// A text that says whether Docker and the host are as before the lab was made.
async fn comparison_with_before(engine: &Engine, state: &StateDir, program: &Path) -> Result<String, LabError> {
    let Some(before) = state.read_json::<Snapshot>(SNAPSHOT_FILE)? else {
        return Ok(
            "there is no snapshot from before this lab was made, so Docker and this host cannot be compared with it"
                .to_owned(),
        );
    };
    let differences = before.differences(&Snapshot::take(engine, program).await?);
    Ok(if differences.is_empty() {
        format!("Docker and this host are as before: {}", before.counts())
    } else {
        differences_text(&differences)
    })
}

fn differences_text(differences: &[String]) -> String {
    let (listed, more) = differences.split_at(differences.len().min(DIFFERENCES));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    format!(
        "Docker or this host differ from before, because of this lab or other programs: {}{more}",
        listed.join("; ")
    )
}

/// Removes containers at the same time, because each takes seconds of waiting.
async fn remove_containers(engine: &Engine, ours: Vec<Member>, gone: &mut TakenDown, failures: &mut Vec<String>) {
    racks::leave(engine, &ours).await;
    let mut removals = JoinSet::new();
    for member in ours {
        let engine = engine.clone();
        removals.spawn(async move {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let doing = format!("remove the container {}", member.name);
            let removal = engine.client().remove_container(&member.id, Some(options));
            let outcome = match engine.call(&doing, REMOVE_DEADLINE, removal).await {
                Err(EngineError::Answered { status: 404, .. }) => Ok(()),
                // Another program is removing it at this moment.
                Err(EngineError::Answered { status: 409, message, .. }) if message.contains("already in progress") => {
                    Ok(())
                }
                other => other,
            };
            (member.name, outcome)
        });
    }
    while let Some(joined) = removals.join_next().await {
        match joined {
            Ok((name, Ok(()))) => gone.containers.push(name),
            Ok((_, Err(error))) => failures.push(chain(&error)),
            Err(error) => failures.push(error.to_string()),
        }
    }
    gone.containers.sort();
}

enum Removal {
    Gone,
    NotThere,
    InUse(Vec<String>),
}

async fn remove_network(engine: &Engine, name: &str) -> Result<Removal, EngineError> {
    let Some(network) = engine.network(name).await? else { return Ok(Removal::NotThere) };
    if !network.members.is_empty() {
        return Ok(Removal::InUse(network.members.into_iter().map(|member| member.name).collect()));
    }
    let removal = engine.client().remove_network(name);
    match engine.call(&format!("remove the network {name}"), REMOVE_DEADLINE, removal).await {
        Ok(()) => Ok(Removal::Gone),
        Err(EngineError::Answered { status: 404, .. }) => Ok(Removal::NotThere),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::differences_text;

    #[test]
    fn of_many_differences_the_first_are_told_and_the_others_counted() {
        let links: Vec<String> = (1..=6).map(|link| format!("link veth{link} is there now")).collect();
        let beginning = "Docker or this host differ from before, because of this lab or other programs:";
        assert_eq!(differences_text(&links[..1]), format!("{beginning} {}", links[0]));
        assert_eq!(differences_text(&links[..4]), format!("{beginning} {}", links[..4].join("; ")));
        assert_eq!(differences_text(&links), format!("{beginning} {}; and 2 more", links[..4].join("; ")));
    }
}
