//! The runner's handle on a netns lab: building its stages, what is stored about it, taking it down.

use async_recursion::async_recursion as boxed;
use std::cell::RefCell;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

use super::announce::Announcing;
use super::client::Client;
use super::control::{Built, Description};
use super::plan::Plan;
use super::start::Tie;
use super::teardown::take_down;
use lab_backend::LabError;
use lab_backend::state::StateDir;
use lab_model::StoredBase;
use lab_model::observe::{NodeName, Role};
use lab_model::seen::WireSeen;
use lab_model::stage::Stage;

/// Name of the file in the state folder with what was observed before routing was installed.
const BASE_FILE: &str = "base.json";

/// A netns lab.
#[derive(Debug)]
pub struct NetnsLab {
    pub(super) program: PathBuf,
    pub(super) state: StateDir,
    pub(super) user_namespace: bool,
    pub(super) plan: Plan,
    pub(super) client: Mutex<Client>,
    pub(super) description: RefCell<Description>,
    pub(super) scratch: tempfile::TempDir,
    pub(super) traffic: RefCell<Option<WireSeen>>,
    pub(super) doing: RefCell<String>,
    /// None for a lab that stays.
    pub(super) tie: Option<Tie>,
}

impl NetnsLab {
    /// Builds a stage; the ones before it must have been built.
    ///
    /// # Errors
    /// When it cannot be built.
    #[boxed(?Send)]
    pub async fn build(&self, stage: Stage) -> Result<Built, LabError> {
        let mut client = self.client.lock().await;
        let built = client.build(stage).await?;
        *self.description.borrow_mut() = client.describe().await?;
        Ok(built)
    }

    /// Reaches a stage: the holder builds it, or, for `base_observed`, it is observed here. Returns a summary as text.
    ///
    /// # Errors
    /// When it cannot be reached.
    #[boxed(?Send)]
    pub async fn raise(&self, stage: Stage) -> Result<String, LabError> {
        if stage == Stage::BaseObserved {
            return self.observe_base().await;
        }
        self.build(stage).await.map(|built| built.summary)
    }

    /// Removes a node with its pods, as if it had been stopped.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn stop_node(&self, node: &NodeName) -> Result<(), LabError> {
        let mut client = self.client.lock().await;
        client.stop_node(node).await?;
        *self.description.borrow_mut() = client.describe().await?;
        Ok(())
    }

    /// Builds a stopped node and its pods again.
    ///
    /// # Errors
    /// When there is no such node, or it runs.
    pub async fn start_node(&self, node: &NodeName) -> Result<(), LabError> {
        let mut client = self.client.lock().await;
        client.start_node(node).await?;
        *self.description.borrow_mut() = client.describe().await?;
        Ok(())
    }

    /// Has a node announce its pod CIDR otherwise than the plan says, or not at all, or again as it says.
    ///
    /// # Errors
    /// When there is no such node, or what it announces as planned is not learnt in time.
    pub async fn announce(&self, node: &NodeName, how: Announcing) -> Result<(), LabError> {
        self.client.lock().await.announce(node, how).await
    }

    /// The stages that are built.
    pub fn built(&self) -> Vec<Stage> {
        self.description.borrow().built.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// The plan that it was made from.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The nodes in its plan, whether they run or not.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        &self.plan.spec.nodes
    }

    /// The address of the server outside the native routing CIDR.
    pub fn outside(&self) -> SocketAddrV4 {
        self.plan.outside()
    }

    /// A folder for captures, which is removed when this handle is dropped.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The traffic that was observed last.
    pub fn traffic(&self) -> Option<WireSeen> {
        self.traffic.borrow().clone()
    }

    /// Keeps observed traffic for the cases that judge it.
    pub fn keep_traffic(&self, seen: WireSeen) {
        *self.traffic.borrow_mut() = Some(seen);
    }

    /// Stores what was observed on the nodes before routing was installed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store_base(&self, base: &StoredBase) -> Result<(), LabError> {
        Ok(self.state.write_json(BASE_FILE, base)?)
    }

    /// What [`Self::store_base`] stored; none if nothing was stored.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn base(&self) -> Result<Option<StoredBase>, LabError> {
        Ok(self.state.read_json(BASE_FILE)?)
    }

    pub(super) fn holder_pid(&self) -> i32 {
        self.client.try_lock().map_or(0, |client| client.pid())
    }

    /// Ends the lab. All its processes have ended when this returns, and the name is free.
    ///
    /// # Errors
    /// When its holder cannot be ended or its folder not removed.
    #[boxed(?Send)]
    pub async fn down(self) -> Result<(), LabError> {
        let state = self.state.clone();
        // A holder that does not obey is killed next, so the error does not matter.
        let _obeyed = self.client.lock().await.shut_down().await;
        drop(self);
        take_down(&state).await
    }
}
