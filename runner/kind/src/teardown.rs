//! Taking a kind lab away: its containers with their volumes, the network if it is ours and empty, the seal, its
//! files. Nothing that does not carry the lab's mark is touched. May be repeated, also after a crash.

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

use super::config::mark_of;
use super::create;
use super::lab::{BUILT_FILE, IMAGES_FILE, SPEC_FILE};
use super::late::Names;
use super::ownership::{Member, members};
use super::seal;
use super::snapshot::{SNAPSHOT_FILE, Snapshot};
use super::spec::KindSpec;
use lab_backend::LabError;
use lab_backend::state::{ClusterMark, StateDir};
use lab_base::failure::chain;
use lab_engine::{Engine, EngineError};
use lab_images::NODE;
use lab_model::observe::{ImageSource, NodeName};
use lab_model::stage::Stage;

/// For Docker to kill and remove a node with all that runs in it.
const REMOVE_DEADLINE: Duration = Duration::from_mins(2);

/// Differences that are told one by one: on a busy host there are hundreds, by others.
const DIFFERENCES: usize = 4;

/// What was taken away, and what was not ours to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenDown {
    /// Names of the containers that are gone.
    pub containers: Vec<String>,
    /// The network, if it is gone.
    pub network: Option<String>,
    /// What a reader should know: a network that stays, and why.
    pub notes: Vec<String>,
}

impl TakenDown {
    /// All of it in words, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.containers.is_empty() {
            lines.push(format!("removed the containers {} with their volumes", self.containers.join(", ")));
        }
        if let Some(network) = &self.network {
            lines.push(format!("removed the network {network}"));
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

/// Takes away what this lab has in Docker and on the host, and then its state folder, which frees its name.
///
/// # Errors
/// All that went wrong, in one text; the state folder stays then, so that it can be tried again.
pub async fn take_down(
    engine: &Engine,
    state: &StateDir,
    mark: &ClusterMark,
    program: &Path,
) -> Result<TakenDown, LabError> {
    let mut gone = TakenDown::default();
    let mut failures = Vec::new();
    // First: it would make anew what is taken away.
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
                format!("the container {} of a cluster {} is not this lab's, and stays", other.name, other.cluster)
            }));
            remove_containers(engine, ours, &mut gone, &mut failures).await;
        }
    }
    if failures.is_empty()
        && let Err(why) = remove_late(engine, state, &mark.cluster, &mut gone).await
    {
        failures.push(why);
    }
    if failures.is_empty() && !mark.network_was_there {
        match remove_network(engine, &mark.network).await {
            Ok(Removal::Gone) => gone.network = Some(mark.network.clone()),
            Ok(Removal::NotThere) => {}
            Ok(Removal::InUse(users)) => {
                gone.notes.push(format!("the network {} stays: {} on it", mark.network, users.join(", ")));
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
            order: "go down whole; `lab down` may be repeated".to_owned(),
            why: failures.join("; "),
        });
    }
    gone.notes.push(compared(engine, state, program).await?);
    state.remove()?;
    Ok(gone)
}

/// What Docker was still making when kind was ended half-way. Nothing is waited for where kind had ended by itself, or
/// had not begun.
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

/// Removes containers of labs in this folder of states whose own state folder is gone: nobody else would. Of one name,
/// or of all. Their names.
///
/// # Errors
/// When Docker does not list them, or one stays.
pub async fn remove_strays(engine: &Engine, root: &Path, name: Option<&str>) -> Result<Vec<String>, LabError> {
    let stray = |member: &Member| {
        let folder = member.mark.as_deref().and_then(Path::parent);
        folder.is_some_and(|folder| {
            folder.parent() == Some(root)
                && name.is_none_or(|name| folder.file_name().is_some_and(|own| own == name))
                && !folder.join(lab_backend::state::STATE_FILE).exists()
        })
    };
    let strays = members(engine, None).await?.into_iter().filter(stray).collect();
    let (mut gone, mut failures) = (TakenDown::default(), Vec::new());
    remove_containers(engine, strays, &mut gone, &mut failures).await;
    if failures.is_empty() {
        return Ok(gone.containers);
    }
    Err(LabError::Refused {
        name: name.unwrap_or("of containers that a killed lab left").to_owned(),
        order: "go down whole; `lab down --all` may be repeated".to_owned(),
        why: failures.join("; "),
    })
}

/// Docker and the host, before and after.
async fn compared(engine: &Engine, state: &StateDir, program: &Path) -> Result<String, LabError> {
    let Some(before) = state.read_json::<Snapshot>(SNAPSHOT_FILE)? else {
        return Ok("nothing was noted before this lab was made: Docker and this host cannot be compared".to_owned());
    };
    let differences = before.differences(&Snapshot::take(engine, program).await?);
    Ok(if differences.is_empty() {
        format!("Docker and this host are as before: {}", before.compared())
    } else {
        not_as_before(&differences)
    })
}

fn not_as_before(differences: &[String]) -> String {
    let (told, more) = differences.split_at(differences.len().min(DIFFERENCES));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    format!("not as before, by this lab's doing or somebody else's: {}{more}", told.join("; "))
}

/// All at once: each takes seconds in which nothing is computed.
async fn remove_containers(engine: &Engine, ours: Vec<Member>, gone: &mut TakenDown, failures: &mut Vec<String>) {
    let mut removals = JoinSet::new();
    for member in ours {
        let engine = engine.clone();
        removals.spawn(async move {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let doing = format!("remove the container {}", member.name);
            let removal = engine.client().remove_container(&member.id, Some(options));
            let outcome = match engine.call(&doing, REMOVE_DEADLINE, removal).await {
                Err(EngineError::Answered { status: 404, .. }) => Ok(()),
                // Somebody else is removing it at this moment.
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
    use super::not_as_before;

    #[test]
    fn of_many_differences_the_first_are_told_and_the_others_counted() {
        let links: Vec<String> = (1..=6).map(|link| format!("link veth{link} is there now")).collect();
        let whose = "not as before, by this lab's doing or somebody else's:";
        assert_eq!(not_as_before(&links[..1]), format!("{whose} {}", links[0]));
        assert_eq!(not_as_before(&links[..4]), format!("{whose} {}", links[..4].join("; ")));
        assert_eq!(not_as_before(&links), format!("{whose} {}; and 2 more", links[..4].join("; ")));
    }
}
