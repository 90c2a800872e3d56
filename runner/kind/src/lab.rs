//! The runner's handle on a kind lab: claiming its name, asking about it, taking it down.

use async_recursion::async_recursion as boxed;
use std::cell::{OnceCell, RefCell};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use super::api::Api;
use super::config::mark_of;
use super::create::kubeconfig_of;
use super::ownership::members;
use super::snapshot::{SNAPSHOT_FILE, Snapshot};
use super::spec::KindSpec;
use super::standing::take_down_state;
use super::stored::SPEC_FILE;
use lab_backend::state::{ClusterMark, LabState, StateDir};
use lab_backend::{Doing, LabError};
use lab_engine::{Engine, NodeProbe};
use lab_images::kit::Kit;
use lab_model::observe::{NodeName, Role};
use lab_model::seen::WireSeen;

/// The gateway's port that requests to the outside are sent to: discard (RFC 863). Nothing need listen there, because only
/// the frames of the request are observed.
const OUTSIDE_PORT: u16 = 9;

/// A kind lab.
#[derive(Debug)]
pub struct KindLab {
    pub(super) program: PathBuf,
    pub(super) name: String,
    pub(super) spec: KindSpec,
    pub(super) engine: Engine,
    pub(super) doing: Doing,
    pub(super) state: OnceCell<StateDir>,
    pub(super) probe: OnceCell<NodeProbe>,
    pub(super) api: OnceCell<Api>,
    pub(super) gateway: OnceCell<Ipv4Addr>,
    pub(super) kit: OnceCell<Kit>,
    pub(super) distribution: RefCell<Option<super::distribution::Distribution>>,
    scratch: tempfile::TempDir,
    traffic: RefCell<Option<WireSeen>>,
}

impl KindLab {
    /// A lab that is to be made. Only the connection to the Engine exists yet.
    ///
    /// # Errors
    /// When the Engine cannot be reached.
    #[boxed(?Send)]
    pub async fn planned(program: &Path, name: &str, spec: KindSpec, doing: &Doing) -> Result<Self, LabError> {
        let engine = Engine::connect().await?;
        Self::assemble(program, name, spec, engine, doing)
    }

    fn assemble(program: &Path, name: &str, spec: KindSpec, engine: Engine, doing: &Doing) -> Result<Self, LabError> {
        let scratch = tempfile::Builder::new()
            .prefix("lab-captures")
            .tempdir()
            .map_err(|source| LabError::Scratch { path: std::env::temp_dir(), source })?;
        Ok(Self {
            program: program.to_owned(),
            name: name.to_owned(),
            spec,
            engine,
            doing: doing.clone(),
            state: OnceCell::new(),
            probe: OnceCell::new(),
            api: OnceCell::new(),
            gateway: OnceCell::new(),
            kit: OnceCell::new(),
            distribution: RefCell::new(None),
            scratch,
            traffic: RefCell::new(None),
        })
    }

    /// Attaches to a lab that is up.
    ///
    /// # Errors
    /// When there is none of this name, or its Engine cannot be reached.
    #[boxed(?Send)]
    pub async fn attach(program: &Path, name: &str, doing: &Doing) -> Result<Self, LabError> {
        let state = StateDir::open(name)?;
        let gone = |why: &str| LabError::Refused {
            name: name.to_owned(),
            order: "be entered".to_owned(),
            why: format!("{why}; `lab down --name {name}` removes what is left"),
        };
        let Some(spec) = state.read_json::<KindSpec>(SPEC_FILE)? else {
            return Err(gone("it was never completely started"));
        };
        let engine = Engine::connect().await?;
        if members(&engine, Some(&spec.cluster)).await?.is_empty() {
            return Err(gone("Docker has none of its containers"));
        }
        let lab = Self::assemble(program, name, spec, engine, doing)?;
        // The cell is empty, since the lab was just assembled.
        let _first = lab.state.set(state);
        lab.connect().await?;
        Ok(lab)
    }

    /// Claims the name. Also records, before anything is made, how to find everything that will be made.
    ///
    /// # Errors
    /// When a lab or a cluster has the name.
    #[boxed(?Send)]
    pub async fn claim(&self) -> Result<(), LabError> {
        let cluster = &self.spec.cluster;
        let foreign = members(&self.engine, Some(cluster)).await?;
        let state = StateDir::claim(&self.name)?;
        if let Some(member) = foreign.first() {
            let ours = member.is_marked(&mark_of(state.path()));
            state.remove()?;
            if ours {
                return Err(LabError::Refused {
                    name: self.name.clone(),
                    order: "be made".to_owned(),
                    why: format!(
                        "the container {} still exists, from a lab of this name that was killed; `lab down --name {}` \
                         removes it",
                        member.name, self.name
                    ),
                });
            }
            return Err(LabError::Refused {
                name: self.name.clone(),
                order: "be made".to_owned(),
                why: format!(
                    "a kind cluster {cluster} exists already (container {}) that lab did not make; choose another \
                     --name, or `kind delete cluster --name {cluster}` if nobody needs it",
                    member.name
                ),
            });
        }
        let before = Snapshot::take(&self.engine, &self.program).await?;
        let network = self.spec.expect.network.clone();
        let mark = ClusterMark {
            endpoint: self.engine.endpoint(),
            cluster: cluster.clone(),
            network_was_there: self.engine.network(&network).await?.is_some(),
            network,
        };
        state.write(&LabState::clustered(&self.name, self.spec.routing, mark))?;
        state.write_json(SPEC_FILE, &self.spec)?;
        state.write_json(SNAPSHOT_FILE, &before)?;
        let folder = mark_of(state.path());
        std::fs::create_dir_all(&folder).map_err(|source| LabError::Scratch { path: folder, source })?;
        let _first = self.state.set(state);
        Ok(())
    }

    /// Its state folder.
    ///
    /// # Errors
    /// When it was not claimed.
    pub fn state(&self) -> Result<&StateDir, LabError> {
        self.state.get().ok_or_else(|| LabError::Refused {
            name: self.name.clone(),
            order: "be asked".to_owned(),
            why: "it has not been made".to_owned(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The spec that it is made from.
    pub const fn spec(&self) -> &KindSpec {
        &self.spec
    }

    /// The Docker Engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Has the Engine asked by another connection from now on. Returns the one before.
    pub const fn ask_through(&mut self, engine: Engine) -> Engine {
        std::mem::replace(&mut self.engine, engine)
    }

    /// The API server.
    ///
    /// # Errors
    /// When the cluster has not been created.
    pub fn api(&self) -> Result<&Api, LabError> {
        self.api.get().ok_or_else(|| LabError::Refused {
            name: self.name.clone(),
            order: "be asked for its API server".to_owned(),
            why: "its cluster has not been created".to_owned(),
        })
    }

    /// The path of the lab's own kubeconfig.
    ///
    /// # Errors
    /// When the lab was not claimed.
    pub fn kubeconfig(&self) -> Result<PathBuf, LabError> {
        Ok(kubeconfig_of(self.state()?.path()))
    }

    /// The nodes in its spec, whether they run or not.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        &self.spec.nodes
    }

    /// The first control plane.
    pub fn control_plane(&self) -> NodeName {
        let first = self.spec.nodes.iter().find(|(_, role)| *role == Role::ControlPlane);
        first.map_or_else(|| NodeName(format!("{}-control-plane", self.spec.cluster)), |(name, _)| name.clone())
    }

    /// The address for requests that leave the native routing CIDR: the bridge's gateway, or between racks the router's own.
    /// The address is 0.0.0.0 before the network is known.
    pub fn outside(&self) -> SocketAddrV4 {
        let gateway = self.layout().map(|layout| layout.router).or_else(|| self.gateway.get().copied());
        SocketAddrV4::new(gateway.unwrap_or(Ipv4Addr::UNSPECIFIED), OUTSIDE_PORT)
    }

    /// A folder for captures, which is removed when this handle is dropped.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// What the lab is doing at the moment.
    pub const fn doing(&self) -> &Doing {
        &self.doing
    }

    /// The traffic that was observed last.
    pub fn traffic(&self) -> Option<WireSeen> {
        self.traffic.borrow().clone()
    }

    /// Keeps observed traffic for the cases that judge it.
    pub fn keep_traffic(&self, seen: WireSeen) {
        *self.traffic.borrow_mut() = Some(seen);
    }

    /// Records that the lab stays until `lab down`. Docker keeps its containers either way.
    ///
    /// # Errors
    /// When its state cannot be written.
    pub fn stay(self) -> Result<(), LabError> {
        let state = self.state()?;
        if let Some(known) = state.read()? {
            state.write(&LabState { stays: true, ..known })?;
        }
        Ok(())
    }

    /// Takes the lab down. Returns notes for the user.
    ///
    /// # Errors
    /// When something could not be removed.
    #[boxed(?Send)]
    pub async fn down(self) -> Result<Vec<String>, LabError> {
        if let Some(distribution) = self.distribution.take() {
            distribution.abort();
        }
        let Some(state) = self.state.get() else { return Ok(Vec::new()) };
        self.doing.now("removing the nodes");
        Ok(take_down_state(&self.engine, state, &self.program).await?.notes)
    }
}
