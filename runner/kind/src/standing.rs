//! A kind lab by its state folder alone: what it was made from, what has become of it, its end.

use std::path::Path;

use super::drift::{ClusterRecord, Drift, drift};
use super::lab::{BUILT_FILE, RECORD_FILE, SPEC_FILE};
use super::ownership::members;
use super::spec::KindSpec;
use super::teardown::{TakenDown, take_down};
use lab_backend::LabError;
use lab_backend::state::{ClusterMark, StateDir, StateError};
use lab_engine::{Engine, EngineError, Settings};
use lab_model::observe::{NodeName, Role};
use lab_model::stage::Stage;

/// What the lab of this state folder was made from; none if it was never claimed.
///
/// # Errors
/// When it cannot be read.
pub fn made_from(state: &StateDir) -> Result<Option<KindSpec>, StateError> {
    state.read_json(SPEC_FILE)
}

/// The stages of the lab of this state folder that stand.
///
/// # Errors
/// When they cannot be read.
pub fn standing(state: &StateDir) -> Result<Vec<Stage>, StateError> {
    Ok(state.read_json(BUILT_FILE)?.unwrap_or_default())
}

/// The Engine that holds the lab of this state folder.
///
/// # Errors
/// When it cannot be reached.
pub async fn engine_of(mark: &ClusterMark) -> Result<Engine, LabError> {
    let engine = Engine::connect().await;
    match engine {
        Ok(engine) if engine.endpoint() == mark.endpoint => Ok(engine),
        // The environment names another Engine now, or none.
        _ => {
            let settings = Settings { host: Some(mark.endpoint.clone()), ..Settings::of_this_process() };
            Ok(Engine::connect_to(settings.endpoint().map_err(EngineError::from)?).await?)
        }
    }
}

/// What has become of the lab of this state folder since it was built.
///
/// # Errors
/// When Docker does not tell.
pub async fn drift_of(state: &StateDir, mark: &ClusterMark) -> Result<Vec<Drift>, LabError> {
    let Some(record) = state.read_json::<ClusterRecord>(RECORD_FILE)? else { return Ok(Vec::new()) };
    let Some(spec) = made_from(state)? else { return Ok(Vec::new()) };
    let engine = engine_of(mark).await?;
    let now = members(&engine, Some(&mark.cluster)).await?;
    let first = spec.nodes.iter().find(|(_, role)| *role == Role::ControlPlane).map(|(name, _)| name.clone());
    let control_plane = first.unwrap_or_else(|| NodeName(format!("{}-control-plane", mark.cluster)));
    Ok(drift(state.name(), &mark.network, &control_plane, &record, &now))
}

/// Takes away the kind lab of this state folder.
///
/// # Errors
/// When something stays.
pub async fn take_down_state(engine: &Engine, state: &StateDir, program: &Path) -> Result<TakenDown, LabError> {
    let Some(cluster) = state.read()?.and_then(|known| known.cluster) else {
        // Claimed, and nothing made yet.
        state.remove()?;
        return Ok(TakenDown::default());
    };
    take_down(engine, state, &cluster, program).await
}
