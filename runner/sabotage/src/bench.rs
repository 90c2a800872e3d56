//! A lab that faults are made in, with what is expected of it.

use async_recursion::async_recursion as boxed;
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
use lab_model::{BackendKind, Ground, Routing, Topology};
use lab_model::{Judgement, NotHeld};
use lab_netns::announce::Announcing;
use lab_netns::plan::{Plan, Spec};
use lab_netns::tamper::Tampered;
use lab_netns::{Lifetime, NetnsLab};

/// The deadline for the observations of one case; it is longer than their own deadlines.
const LOOK_DEADLINE: Duration = Duration::from_mins(1);

/// A lab, what is expected of it, and the fault that was made in it.
#[derive(Debug)]
pub struct Bench {
    lab: Lab,
    expect: Expectations,
    fault: Option<Tampered>,
    stopped: Vec<NodeName>,
    announced: Vec<NodeName>,
    configured: Vec<(&'static str, &'static str, &'static str)>,
    silenced: Option<&'static str>,
    standing: Standing,
}

/// A judgement and the observations that it was made from.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The judgement.
    pub judgement: Judgement,
    /// The observations; none if they could not be made.
    pub seen: Option<Value>,
}

/// The size of a lab, as `--nodes` and `--replicas` give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Number of nodes, one control plane included; `None` for the article's.
    pub nodes: Option<usize>,
    /// Number of pods of the workload; `None` for the article's.
    pub replicas: Option<usize>,
    /// How the nodes stand to each other.
    pub topology: Topology,
}

impl Size {
    /// The article's size.
    pub const ARTICLE: Self = Self { nodes: None, replicas: None, topology: Topology::Flat };
    /// The same, in racks.
    pub const RACKS: Self = Self { topology: Topology::Racks, ..Self::ARTICLE };
}

/// The setup of `lab run --on netns`, which the faults on netns are made in, with this size.
///
/// # Errors
/// As [`setup`].
fn on_netns(size: Size) -> Result<Setup, Failure> {
    setup(&Wanted {
        on: On::Netns,
        name: None,
        routing: if size.topology == Topology::Racks { Routing::Bgp } else { Routing::Native },
        topology: size.topology,
        racks: None,
        nodes: size.nodes,
        replicas: size.replicas,
        manifests: None,
        overrides: Given::default(),
        stream_images: false,
    })
}

impl Bench {
    /// Starts a netns lab of this size with the article's spec, changed by `shape`. What is expected is not changed by
    /// `shape`. The lab's namespaces exist when this returns, with nothing in them yet.
    ///
    /// # Errors
    /// When it cannot be started. Its state folder is removed then.
    pub async fn start(program: &Path, state: StateDir, size: Size, shape: fn(&mut Spec)) -> Result<Self, Failure> {
        let Setup { mut spec, expect, .. } = on_netns(size)?;
        shape(&mut spec);
        let lab = NetnsLab::start_in(program, state, spec, Lifetime::Tied).await?;
        Ok(Self::of(Lab::Netns(Box::new(lab)), expect))
    }

    /// Claims the name of a lab on kind. Nothing else of it is made yet.
    ///
    /// # Errors
    /// When Docker does not answer, or the name is taken.
    #[boxed(?Send)]
    pub async fn claim_on_kind(program: &Path, setup: &Setup, doing: &Doing) -> Result<Self, Failure> {
        let name = setup.name.as_deref().unwrap_or(DEFAULT_CLUSTER);
        let lab = KindLab::planned(program, name, setup.kind_spec(), doing).await?;
        lab.claim().await?;
        setup.remember(name)?;
        Ok(Self::of(Lab::Kind(Box::new(lab)), setup.expect.clone()))
    }

    fn of(lab: Lab, expect: Expectations) -> Self {
        let (stopped, announced, configured) = (Vec::new(), Vec::new(), Vec::new());
        let standing = Standing::default();
        Self { lab, expect, fault: None, stopped, announced, configured, silenced: None, standing }
    }

    /// Its backend.
    pub const fn backend(&self) -> BackendKind {
        self.lab.kind()
    }

    /// Which cases exist in it.
    pub fn ground(&self) -> Ground {
        self.expect.ground(self.backend())
    }

    /// The lab.
    ///
    /// # Panics
    /// Never: it was started on netns.
    pub fn netns(&self) -> &NetnsLab {
        self.lab.netns().expect("it was started as one")
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        self.netns().plan()
    }

    /// The expectations of the judges.
    pub const fn expect(&self) -> &Expectations {
        &self.expect
    }

    /// Reaches one stage; the ones before it must have been reached.
    ///
    /// # Errors
    /// A text that says why it cannot be reached.
    pub async fn step(&self, stage: Stage) -> Result<(), String> {
        match stage {
            Stage::Doctor => Ok(()),
            Stage::TrafficObserved => {
                if let Lab::Kind(lab) = &self.lab
                    && (self.standing.is_empty() || lab.agents_are_ready().await)
                {
                    // If this fails, traffic is observed nevertheless, and the cases say what is wrong.
                    let _unloaded = Box::pin(lab.until_datapath_loaded()).await;
                }
                self.lab.keep_traffic(cases::observe_traffic(&self.lab, &self.expect).await?);
                Ok(())
            }
            Stage::ClusterCreated
            | Stage::BaseObserved
            | Stage::RoutingInstalled
            | Stage::NodesReady
            | Stage::WorkloadReady => {
                self.lab.raise(stage, Stage::WorkloadReady).await.map(drop).map_err(|error| chain(&error))
            }
        }
    }

    /// Sets what is being done, to be shown.
    pub fn is_doing(&self, what: &str) {
        if let Lab::Kind(lab) = &self.lab {
            lab.doing().now(what);
        }
    }

    /// The translation of the lab's own names to those in the tables of faults.
    pub async fn names(&self) -> Names {
        match &self.lab {
            Lab::Netns(_) | Lab::Foreign(_) => Names::default(),
            // If the pods cannot be listed, no case mentions a pod.
            Lab::Kind(lab) => Names::of(&lab.spec().cluster, &lab.pods().await.unwrap_or_default()),
        }
    }

    /// Breaks a cluster. It stays so until [`Self::undo`] or the lab's end.
    ///
    /// # Errors
    /// A text that says why something could not be done.
    #[boxed(?Send)]
    pub async fn break_cluster(&mut self, how: Breakage) -> Result<(), String> {
        let lab = self.lab.cluster_mut()?;
        Box::pin(self.standing.make(lab, how)).await
    }

    /// Makes changes, which stay until [`Self::undo`] or the lab's end.
    ///
    /// # Errors
    /// A text that says why one could not be made.
    pub async fn tamper(&mut self, acts: Vec<PlacedAct>) -> Result<(), String> {
        self.fault = Some(self.netns().tamper(acts).await.map_err(|error| chain(&error))?);
        Ok(())
    }

    /// Makes changes that [`Self::undo`] does not undo.
    ///
    /// # Errors
    /// A text that says why one could not be made.
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

    /// Has a node announce its pod CIDR otherwise.
    ///
    /// # Errors
    /// Why it could not be made to, or that routers had not withdrawn it in time.
    pub async fn announce(&mut self, node: &str, how: Announcing) -> Result<(), String> {
        let node = NodeName::from(node);
        self.netns().announce(&node, how).await.map_err(|error| chain(&error))?;
        self.announced.push(node);
        Ok(())
    }

    /// Changes a text in the configuration of BIRD at a router.
    ///
    /// # Errors
    /// Why it could not be changed.
    pub async fn configure(
        &mut self,
        at: &'static str,
        text: &'static str,
        instead: &'static str,
    ) -> Result<(), String> {
        self.netns().reconfigure(at, text, instead).await?;
        self.configured.push((at, text, instead));
        Ok(())
    }

    /// Silences BIRD of a router, which goes on to run.
    ///
    /// # Errors
    /// Why it could not be silenced, or that others believed it for too long.
    pub async fn silence(&mut self, at: &'static str) -> Result<(), String> {
        self.silenced = Some(at);
        self.netns().silence(at).await.map_err(|error| chain(&error))
    }

    /// Undoes all changes: restores the state from before, and starts stopped nodes again.
    ///
    /// # Errors
    /// When something could not be restored.
    pub async fn undo(&mut self) -> Result<(), LabError> {
        if let Some(fault) = self.fault.take() {
            fault.undo().await?;
        }
        if let Some(at) = self.silenced.take() {
            self.netns().wake(at).await?;
            self.announced.extend(self.plan().nodes.first().map(|node| node.name.clone()));
        }
        for (at, text, instead) in std::mem::take(&mut self.configured) {
            let back = self.netns().reconfigure(at, instead, text).await;
            back.map_err(|why| LabError::NotUndone { why })?;
            // Announcing as planned waits until all is learnt.
            self.announced.extend(self.plan().nodes.first().map(|node| node.name.clone()));
        }
        for node in std::mem::take(&mut self.announced) {
            self.netns().announce(&node, Announcing::AsPlanned).await?;
        }
        for node in std::mem::take(&mut self.stopped) {
            self.netns().start_node(&node).await?;
        }
        let standing = std::mem::take(&mut self.standing);
        if let Lab::Kind(lab) = &mut self.lab {
            Box::pin(standing.undo(lab)).await.map_err(|why| LabError::NotUndone { why })?;
        }
        Ok(())
    }

    /// Makes the observations of a case.
    ///
    /// # Errors
    /// A text that says why they could not be made.
    pub async fn look(&self, case: &Case, look: for<'a> fn(&'a Lab) -> Look<'a>) -> Result<Value, String> {
        match clock::within(LOOK_DEADLINE, case.name, look(&self.lab)).await {
            Ok(seen) => seen,
            Err(passed) => Err(passed.to_string()),
        }
    }

    /// Makes the observations of a case and judges them. With `at_once` a look does not wait for the cluster to become as it
    /// should be. None for a case that does not exist on the backend.
    #[boxed(?Send)]
    pub async fn judge(&self, case: &Case, at_once: bool) -> Option<Judged> {
        let body = case.body(self.ground())?;
        let look = body.at_once.filter(|_look| at_once).unwrap_or(body.look);
        Some(match self.look(case, look).await {
            Ok(seen) => Judged { judgement: (body.judge)(&seen, &self.expect), seen: Some(seen) },
            // Unobserved, as a session reports it.
            Err(broke) => Judged { judgement: Err(NotHeld::Unobserved(broke)), seen: None },
        })
    }

    /// Takes the lab down.
    ///
    /// # Errors
    /// When something could not be removed.
    #[boxed(?Send)]
    pub async fn end(self) -> Result<(), String> {
        let Self { lab, fault, .. } = self;
        drop(fault);
        Box::pin(lab.down()).await.map(drop).map_err(|error| error.to_string())
    }
}
