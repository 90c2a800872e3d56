//! A lab for one control.

use std::path::Path;
use std::time::Duration;

use lab::backend::Lab;
use lab::backend::Routing;
use lab::backend::netns::plan::{Plan, Spec};
use lab::backend::netns::{Lifetime, NetnsLab};
use lab::case::{Case, Look};
use lab::cases;
use lab::cli::{LabArgs, On, OverrideArgs};
use lab::clock;
use lab::expect::Expectations;
use lab::failure::chain;
use lab::harness::{Setup, setup};
use lab::observe::{NodeName, Place};
use lab::stage::Stage;
use lab::state::StateDir;
use lab::tamper::{Act, Tampered};
use serde_json::Value;

/// For one look: longer than all its own deadlines.
const LOOK_DEADLINE: Duration = Duration::from_mins(1);

/// A lab, what is expected of one, and the fault that is made in it.
pub(crate) struct Bench {
    lab: Lab,
    expect: Expectations,
    fault: Option<Tampered>,
    /// The lab's state: apart from the user's, so that no other command finds it.
    _state: tempfile::TempDir,
}

impl Bench {
    /// Starts a lab that is the article's but for this change. What is expected stays the article's.
    pub(crate) async fn start(shape: fn(&mut Spec)) -> Result<Self, String> {
        let Setup { mut spec, expect, .. } = setup(&article()).map_err(|failure| failure.to_string())?;
        shape(&mut spec);
        let folder = tempfile::tempdir().map_err(|error| format!("making a folder for the lab's state: {error}"))?;
        let state = StateDir::claim_in(folder.path(), "control").map_err(|error| chain(&error))?;
        let lab = NetnsLab::start_in(Path::new(env!("CARGO_BIN_EXE_lab")), state, spec, Lifetime::Tied).await;
        let lab = lab.map_err(|error| chain(&error))?;
        Ok(Self { lab: Lab::Netns(Box::new(lab)), expect, fault: None, _state: folder })
    }

    pub(crate) fn netns(&self) -> &NetnsLab {
        self.lab.netns().expect("it was started as one")
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.netns().plan()
    }

    pub(crate) const fn expect(&self) -> &Expectations {
        &self.expect
    }

    /// Builds one stage, or observes what it observes; the ones before it must have been.
    pub(crate) async fn step(&self, stage: Stage) -> Result<(), String> {
        match stage {
            Stage::Doctor => Ok(()),
            Stage::BaseObserved => self.netns().observe_base().await.map(drop).map_err(|error| chain(&error)),
            Stage::TrafficObserved => {
                let seen = cases::observe_traffic(&self.lab, &self.expect).await?;
                self.netns().keep_traffic(seen);
                Ok(())
            }
            Stage::ClusterCreated | Stage::RoutingInstalled | Stage::NodesReady | Stage::WorkloadReady => {
                self.netns().build(stage).await.map(drop).map_err(|error| chain(&error))
            }
        }
    }

    /// Makes a fault, which stands until the lab ends.
    pub(crate) async fn tamper(&mut self, acts: Vec<(Place, Act)>) -> Result<(), String> {
        self.fault = Some(self.netns().tamper(acts).await.map_err(|error| chain(&error))?);
        Ok(())
    }

    /// Stops a node.
    pub(crate) async fn stop(&self, node: &str) -> Result<(), String> {
        self.netns().stop_node(&NodeName::from(node)).await.map_err(|error| chain(&error))
    }

    /// Gathers what a case judges.
    pub(crate) async fn look(&self, case: &Case, look: for<'a> fn(&'a Lab) -> Look<'a>) -> Result<Value, String> {
        match clock::within(LOOK_DEADLINE, case.name, look(&self.lab)).await {
            Ok(seen) => seen,
            Err(passed) => Err(passed.to_string()),
        }
    }

    pub(crate) async fn end(self) -> Result<(), String> {
        let Self { lab, fault, .. } = self;
        drop(fault);
        Box::pin(lab.down()).await.map(drop).map_err(|error| error.to_string())
    }
}

/// `lab run --on netns`.
fn article() -> LabArgs {
    LabArgs {
        on: On::Netns,
        name: None,
        routing: Routing::Native,
        nodes: None,
        replicas: None,
        manifests: None,
        overrides: OverrideArgs::default(),
    }
}
