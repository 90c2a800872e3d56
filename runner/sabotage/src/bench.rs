//! A lab that faults are made in, and what is expected of one.

use serde_json::Value;
use std::path::Path;
use std::time::Duration;

use super::acts::PlacedAct;
use super::cluster::{Breakage, Names, Standing};
use lab_backend::state::StateDir;
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::failure::{Failure, chain};
use lab_harness::case::{Case, Look};
use lab_harness::cases;
use lab_harness::lab::Lab;
use lab_harness::wanted::{On, Wanted};
use lab_harness::{Setup, setup};
use lab_kind::KindLab;
use lab_manifest::DEFAULT_CLUSTER;
use lab_manifest::overrides::Given;
use lab_model::expect::Expectations;
use lab_model::observe::NodeName;
use lab_model::stage::Stage;
use lab_model::{BackendKind, Routing};
use lab_model::{Judgement, NotHeld};
use lab_netns::plan::{Plan, Spec};
use lab_netns::tamper::Tampered;
use lab_netns::{Lifetime, NetnsLab};

/// For one look: longer than all its own deadlines.
const LOOK_DEADLINE: Duration = Duration::from_mins(1);

/// A lab, what is expected of it, and the fault that is made in it.
#[derive(Debug)]
pub struct Bench {
    lab: Lab,
    expect: Expectations,
    fault: Option<Tampered>,
    stopped: Vec<NodeName>,
    standing: Standing,
}

/// What a case says, and what it saw.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What it says.
    pub judgement: Judgement,
    /// What it saw; none if its look broke.
    pub seen: Option<Value>,
}

/// How large a lab is: what stands for `--nodes` and `--replicas`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Nodes, one control plane among them.
    pub nodes: Option<usize>,
    /// Pods of the workload.
    pub replicas: Option<usize>,
}

impl Size {
    /// The article's.
    pub const ARTICLE: Self = Self { nodes: None, replicas: None };
}

/// `lab run --on netns`: the one lab that the faults on netns are about, but for its size.
///
/// # Errors
/// As [`setup`].
fn on_netns(size: Size) -> Result<Setup, Failure> {
    setup(&Wanted {
        on: On::Netns,
        name: None,
        routing: Routing::Native,
        nodes: size.nodes,
        replicas: size.replicas,
        manifests: None,
        overrides: Given::default(),
    })
}

impl Bench {
    /// Starts a lab that is the article's, in this size, but for this change: its namespaces exist, nothing is in them
    /// yet. What is expected stays what the article's would be in this size.
    ///
    /// # Errors
    /// When it cannot be started. Its state folder is removed then.
    pub async fn start(program: &Path, state: StateDir, size: Size, shape: fn(&mut Spec)) -> Result<Self, Failure> {
        let Setup { mut spec, expect, .. } = on_netns(size)?;
        shape(&mut spec);
        let lab = NetnsLab::start_in(program, state, spec, Lifetime::Tied).await?;
        Ok(Self::of(Lab::Netns(Box::new(lab)), expect))
    }

    /// Claims the name of a lab on kind: nothing else of it is made yet.
    ///
    /// # Errors
    /// When Docker does not answer, or somebody has the name.
    pub async fn claim_on_kind(program: &Path, setup: &Setup, doing: &Doing) -> Result<Self, Failure> {
        let name = setup.name.as_deref().unwrap_or(DEFAULT_CLUSTER);
        let lab = KindLab::planned(program, name, setup.kind_spec(), doing).await?;
        lab.claim().await?;
        setup.remember(name)?;
        Ok(Self::of(Lab::Kind(Box::new(lab)), setup.expect.clone()))
    }

    fn of(lab: Lab, expect: Expectations) -> Self {
        Self { lab, expect, fault: None, stopped: Vec::new(), standing: Standing::default() }
    }

    /// What it is made of.
    pub const fn backend(&self) -> BackendKind {
        self.lab.kind()
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
            Stage::TrafficObserved => {
                if let Lab::Kind(lab) = &self.lab {
                    // Traffic can be observed all the same, and then the cases say what is wrong.
                    let _unloaded = Box::pin(lab.until_datapath_loaded()).await;
                }
                self.lab.keep_traffic(cases::observe_traffic(&self.lab, &self.expect).await?);
                Ok(())
            }
            Stage::ClusterCreated
            | Stage::BaseObserved
            | Stage::RoutingInstalled
            | Stage::NodesReady
            | Stage::WorkloadReady => self.lab.raise(stage).await.map(drop).map_err(|error| chain(&error)),
        }
    }

    /// What is being done, for who shows it.
    pub fn is_doing(&self, what: &str) {
        if let Lab::Kind(lab) = &self.lab {
            lab.doing().now(what);
        }
    }

    /// From the lab's own names to those of the tables of faults.
    pub async fn names(&self) -> Names {
        match &self.lab {
            Lab::Netns(_) => Names::default(),
            // Where pods cannot be seen, no case says anything about one.
            Lab::Kind(lab) => Names::of(&lab.spec().cluster, &lab.pods().await.unwrap_or_default()),
        }
    }

    /// Breaks a cluster, until it is undone or the lab ends.
    ///
    /// # Errors
    /// Why something could not be done.
    pub async fn break_cluster(&mut self, how: Breakage) -> Result<(), String> {
        let lab = self.lab.cluster()?;
        Box::pin(self.standing.make(lab, how)).await
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
        let standing = std::mem::take(&mut self.standing);
        if let Lab::Kind(lab) = &self.lab {
            Box::pin(standing.undo(lab)).await.map_err(|why| LabError::NotUndone { why })?;
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
    pub async fn judge(&self, case: &Case) -> Option<Judged> {
        let body = case.body(self.backend())?;
        Some(match self.look(case, body.look).await {
            Ok(seen) => Judged { judgement: (body.judge)(&seen, &self.expect), seen: Some(seen) },
            // As a session reports it: a look that broke saw nothing.
            Err(broke) => Judged { judgement: Err(NotHeld::Unobserved(broke)), seen: None },
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
