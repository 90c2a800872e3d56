//! A lab that faults are made in, and what is expected of one.

use serde_json::Value;
use std::path::Path;
use std::time::Duration;

use super::acts::PlacedAct;
use crate::backend::netns::plan::{Plan, Spec};
use crate::backend::netns::{Lifetime, NetnsLab};
use crate::backend::{BackendKind, Lab, LabError, Routing};
use crate::case::{Case, Look};
use crate::cases;
use crate::cli::{LabArgs, On, OverrideArgs};
use crate::clock;
use crate::expect::Expectations;
use crate::failure::{Failure, chain};
use crate::harness::{Setup, setup};
use crate::judge::{Judgement, NotHeld};
use crate::observe::NodeName;
use crate::stage::Stage;
use crate::state::StateDir;
use crate::tamper::Tampered;

/// For one look: longer than all its own deadlines.
const LOOK_DEADLINE: Duration = Duration::from_mins(1);

/// A lab on netns, what is expected of it, and the fault that is made in it.
#[derive(Debug)]
pub struct Bench {
    lab: Lab,
    expect: Expectations,
    fault: Option<Tampered>,
    stopped: Vec<NodeName>,
}

/// `lab run --on netns`: the one lab that the faults are about.
///
/// # Errors
/// As [`setup`].
pub fn article() -> Result<Setup, Failure> {
    setup(&LabArgs {
        on: On::Netns,
        name: None,
        routing: Routing::Native,
        nodes: None,
        replicas: None,
        manifests: None,
        overrides: OverrideArgs::default(),
    })
}

impl Bench {
    /// Starts a lab that is the article's but for this change: its namespaces exist, nothing is in them yet. What is
    /// expected stays the article's.
    ///
    /// # Errors
    /// When it cannot be started. Its state folder is removed then.
    pub async fn start(program: &Path, state: StateDir, shape: fn(&mut Spec)) -> Result<Self, Failure> {
        let Setup { mut spec, expect, .. } = article()?;
        shape(&mut spec);
        let lab = NetnsLab::start_in(program, state, spec, Lifetime::Tied).await?;
        Ok(Self { lab: Lab::Netns(Box::new(lab)), expect, fault: None, stopped: Vec::new() })
    }

    /// The lab.
    ///
    /// # Panics
    /// Never: it was started on netns.
    pub fn netns(&self) -> &NetnsLab {
        self.lab.netns().expect("it was started as one")
    }

    /// Who is where in it.
    pub fn plan(&self) -> &Plan {
        self.netns().plan()
    }

    /// What judges expect.
    pub const fn expect(&self) -> &Expectations {
        &self.expect
    }

    /// Builds one stage, or observes what it observes; the ones before it must have been.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub async fn step(&self, stage: Stage) -> Result<(), String> {
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

    /// Makes changes, which stand until they are undone or the lab ends.
    ///
    /// # Errors
    /// Why one could not be made.
    pub async fn tamper(&mut self, acts: Vec<PlacedAct>) -> Result<(), String> {
        self.fault = Some(self.netns().tamper(acts).await.map_err(|error| chain(&error))?);
        Ok(())
    }

    /// Makes changes for good.
    ///
    /// # Errors
    /// Why one could not be made.
    pub async fn change(&self, acts: Vec<PlacedAct>) -> Result<(), String> {
        self.netns().tamper(acts).await.map(drop).map_err(|error| chain(&error))
    }

    /// Stops a node.
    ///
    /// # Errors
    /// Why it could not be stopped.
    pub async fn stop(&mut self, node: &str) -> Result<(), String> {
        let node = NodeName::from(node);
        self.netns().stop_node(&node).await.map_err(|error| chain(&error))?;
        self.stopped.push(node);
        Ok(())
    }

    /// Takes back what was changed: what had been there before is put back, and nodes that were stopped run again.
    ///
    /// # Errors
    /// Why something could not be.
    pub async fn undo(&mut self) -> Result<(), LabError> {
        if let Some(fault) = self.fault.take() {
            fault.undo().await?;
        }
        for node in std::mem::take(&mut self.stopped) {
            self.netns().start_node(&node).await?;
        }
        Ok(())
    }

    /// Gathers what a case judges.
    ///
    /// # Errors
    /// Why nothing could be looked at.
    pub async fn look(&self, case: &Case, look: for<'a> fn(&'a Lab) -> Look<'a>) -> Result<Value, String> {
        match clock::within(LOOK_DEADLINE, case.name, look(&self.lab)).await {
            Ok(seen) => seen,
            Err(passed) => Err(passed.to_string()),
        }
    }

    /// Looks, and judges. None for a case that does not exist here.
    pub async fn judge(&self, case: &Case) -> Option<Judgement> {
        let body = case.body(BackendKind::Netns)?;
        Some(match self.look(case, body.look).await {
            Ok(seen) => (body.judge)(&seen, &self.expect),
            // As a session reports it: a look that broke saw nothing.
            Err(broke) => Err(NotHeld::Unobserved(broke)),
        })
    }

    /// Takes the lab down.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn end(self) -> Result<(), String> {
        let Self { lab, fault, .. } = self;
        drop(fault);
        Box::pin(lab.down()).await.map(drop).map_err(|error| error.to_string())
    }
}
