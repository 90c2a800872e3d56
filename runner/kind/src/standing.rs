//! What can be found out about a kind lab from its state folder: its spec, its stages, how it has changed; and taking it
//! down.

use async_recursion::async_recursion as boxed;
use std::path::Path;

use super::drift::{ClusterRecord, Drift, drift};
use super::ownership::members;
use super::racks;
use super::spec::KindSpec;
use super::stored::{BUILT_FILE, RECORD_FILE, SPEC_FILE};
use super::teardown::{TakenDown, take_down};
use lab_backend::LabError;
use lab_backend::state::{ClusterMark, StateDir, StateError};
use lab_engine::{Engine, EngineError, Settings};
use lab_model::observe::{NodeName, Role};
use lab_model::stage::Stage;

/// The spec of the lab with this state folder; none if its creation did not get that far.
///
/// # Errors
/// When it cannot be read.
pub fn made_from(state: &StateDir) -> Result<Option<KindSpec>, StateError> {
    state.read_json(SPEC_FILE)
}

/// The stages that the lab with this state folder has reached.
///
/// # Errors
/// When they cannot be read.
pub fn standing(state: &StateDir) -> Result<Vec<Stage>, StateError> {
    Ok(state.read_json(BUILT_FILE)?.unwrap_or_default())
}

/// Connects to the Engine that has the lab's containers.
///
/// # Errors
/// When it cannot be reached.
#[boxed(?Send)]
pub async fn engine_of(mark: &ClusterMark) -> Result<Engine, LabError> {
    let engine = Engine::connect().await;
    match engine {
        Ok(engine) if engine.endpoint() == mark.endpoint => Ok(engine),
        // The environment now names another Engine, or one that does not answer.
        _ => {
            let settings = Settings { host: Some(mark.endpoint.clone()), ..Settings::of_this_process() };
            Ok(Engine::connect_to(settings.endpoint().map_err(EngineError::from)?).await?)
        }
    }
}

/// How the lab with this state folder has changed since it was built.
///
/// # Errors
/// When the Engine does not answer or refuses.
#[boxed(?Send)]
pub async fn drift_of(state: &StateDir, mark: &ClusterMark) -> Result<Vec<Drift>, LabError> {
    let Some(record) = state.read_json::<ClusterRecord>(RECORD_FILE)? else { return Ok(Vec::new()) };
    let Some(spec) = made_from(state)? else { return Ok(Vec::new()) };
    let engine = engine_of(mark).await?;
    let now = members(&engine, Some(&mark.cluster)).await?;
    let first = spec.nodes.iter().find(|(_, role)| *role == Role::ControlPlane).map(|(name, _)| name.clone());
    let control_plane = first.unwrap_or_else(|| NodeName(format!("{}-control-plane", mark.cluster)));
    let mut found = drift(state.name(), &mark.network, &control_plane, &record, &now);
    found.extend(racks::drift(state.name(), &spec, &engine).await?);
    Ok(found)
}

/// Takes down the kind lab with this state folder.
///
/// # Errors
/// When something could not be removed.
#[boxed(?Send)]
pub async fn take_down_state(engine: &Engine, state: &StateDir, program: &Path) -> Result<TakenDown, LabError> {
    let Some(cluster) = state.read()?.and_then(|known| known.cluster) else {
        // The name was claimed, but nothing was made yet.
        state.remove()?;
        return Ok(TakenDown::default());
    };
    take_down(engine, state, &cluster, program).await
}
