//! A lab as cases and commands use it: one interface to both backends.

use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use lab_backend::captures::Captures;
use lab_backend::state::StateDir;
use lab_backend::{Doing, LabError};
use lab_cluster::ForeignCluster;
use lab_kind as kind;
use lab_kind::KindLab;
use lab_model::observe::{
    NetnsView, NodeName, Place, PodCidrs, PodName, PodSeen, Role, RouterSeen, Segment, ServiceSeen, ServiceTable,
};
use lab_model::request::{Answered, Request};
use lab_model::seen::WireSeen;
use lab_model::stage::Stage;
use lab_model::{BackendKind, StoredBase};
use lab_netns as netns;
use lab_netns::NetnsLab;

/// A lab.
#[derive(Debug)]
pub enum Lab {
    /// The embedded one.
    Netns(Box<NetnsLab>),
    /// The article's.
    Kind(Box<KindLab>),
    /// A foreign cluster, which is read alone.
    Foreign(Box<ForeignCluster>),
}

/// Why something that labs do is not done in a foreign cluster.
const READ_ALONE: &str = "a foreign cluster is read, and nothing is made or sent in it";

fn read_alone() -> LabError {
    LabError::Unasked(READ_ALONE.to_owned())
}

impl Lab {
    /// Attaches to a lab that is up, on either backend.
    ///
    /// # Errors
    /// When there is none of this name, or its process or its containers are gone.
    #[boxed(?Send)]
    pub async fn attach(program: &Path, name: &str, doing: &Doing) -> Result<Self, LabError> {
        match StateDir::open(name)?.read()?.map(|known| known.backend) {
            Some(BackendKind::Kind) => Ok(Self::Kind(Box::new(Box::pin(KindLab::attach(program, name, doing)).await?))),
            Some(BackendKind::Netns | BackendKind::Cluster) | None => {
                Ok(Self::Netns(Box::new(NetnsLab::attach(program, name).await?)))
            }
        }
    }

    /// Its backend.
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Netns(_) => BackendKind::Netns,
            Self::Kind(_) => BackendKind::Kind,
            Self::Foreign(_) => BackendKind::Cluster,
        }
    }

    /// The embedded lab, if it is one.
    pub const fn netns(&self) -> Option<&NetnsLab> {
        match self {
            Self::Netns(lab) => Some(lab),
            Self::Kind(_) | Self::Foreign(_) => None,
        }
    }

    /// The foreign cluster.
    ///
    /// # Errors
    /// When it is a lab of this program's.
    pub fn foreign(&self) -> Result<&ForeignCluster, String> {
        match self {
            Self::Foreign(cluster) => Ok(cluster),
            Self::Netns(_) | Self::Kind(_) => Err("this is a lab, and no foreign cluster".to_owned()),
        }
    }

    /// The article's lab.
    ///
    /// # Errors
    /// When it is a netns lab, which has no Kubernetes.
    pub fn cluster(&self) -> Result<&KindLab, String> {
        match self {
            Self::Kind(lab) => Ok(lab),
            Self::Netns(_) => Err("this lab has no Docker, no Kubernetes and no Cilium".to_owned()),
            Self::Foreign(_) => Err("this cluster was not built by this program".to_owned()),
        }
    }

    /// The article's lab, to change how it is asked.
    ///
    /// # Errors
    /// As [`Self::cluster`].
    pub fn cluster_mut(&mut self) -> Result<&mut KindLab, String> {
        match self {
            Self::Kind(lab) => Ok(lab),
            Self::Netns(_) => Err("this lab has no Docker, no Kubernetes and no Cilium".to_owned()),
            Self::Foreign(_) => Err("this cluster was not built by this program".to_owned()),
        }
    }

    /// The nodes that it was built with, in order, whether they run or not.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        match self {
            Self::Netns(lab) => lab.nodes(),
            Self::Kind(lab) => lab.nodes(),
            Self::Foreign(cluster) => cluster.nodes(),
        }
    }

    /// Makes requests in namespaces, in different ones at the same time. Returns one answer for each, in order; the answer
    /// to a request that failed is its error.
    ///
    /// # Errors
    /// When the probe itself could not be run.
    #[boxed(?Send)]
    pub async fn ask(&self, asks: Vec<(Place, Request)>) -> Result<Vec<Answered>, LabError> {
        match self {
            Self::Netns(lab) => lab.ask(asks).await,
            Self::Kind(lab) => lab.ask(asks).await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The layer-2 segments, and the nodes on each.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn segments(&self) -> Result<Vec<Segment>, LabError> {
        match self {
            Self::Netns(lab) => lab.segments().await,
            Self::Kind(lab) => lab.segments().await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The pod CIDR of each node. `nodes` are the nodes' views, from which the netns backend reads it.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn pod_cidrs(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<PodCidrs, LabError> {
        match self {
            Self::Netns(lab) => Ok(lab.pod_cidrs(nodes)),
            Self::Kind(lab) => lab.pod_cidrs().await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The workload's pods. `nodes` are the nodes' views.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn pods(&self, nodes: &BTreeMap<NodeName, NetnsView>) -> Result<Vec<PodSeen>, LabError> {
        match self {
            Self::Netns(lab) => lab.pods(nodes).await,
            Self::Kind(lab) => lab.pods().await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The pods among these whose network namespace cannot be entered, each with the reason: on kind those of which no
    /// container runs.
    ///
    /// # Errors
    /// When the API server does not say where the pods are.
    pub async fn not_entered(&self, pods: &[PodSeen]) -> Result<BTreeMap<PodName, String>, LabError> {
        let nowhere = |pod: &&PodSeen| pod.node.is_none() && pod.address.is_none();
        let why = |pod: &PodSeen| (pod.name.clone(), format!("the pod {} is on no node yet", pod.name));
        let mut not_entered: BTreeMap<PodName, String> = pods.iter().filter(nowhere).map(why).collect();
        if let Self::Kind(lab) = self {
            not_entered.extend(lab.pods_not_entered(pods).await?);
        }
        Ok(not_entered)
    }

    /// The workload's Service and its endpoints.
    ///
    /// # Errors
    /// When they could not be observed.
    pub async fn service(&self) -> Result<ServiceSeen, LabError> {
        match self {
            Self::Netns(lab) => lab.service().await,
            Self::Kind(lab) => lab.service().await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The datapath's table at these places.
    ///
    /// # Errors
    /// When the probe itself could not be run.
    #[boxed(?Send)]
    pub async fn service_tables(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Result<ServiceTable, String>)>, LabError> {
        match self {
            Self::Netns(lab) => lab.service_tables(places).await,
            Self::Kind(lab) => lab.service_tables(places).await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The address for a request that leaves the native routing CIDR: the bridge's gateway, or between racks the router's own.
    pub fn outside(&self) -> SocketAddrV4 {
        match self {
            Self::Netns(lab) => lab.outside(),
            Self::Kind(lab) => lab.outside(),
            Self::Foreign(_) => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
        }
    }

    /// Each node's gateway, where they have not all the same: in racks, its ToR.
    pub fn gateways(&self) -> BTreeMap<NodeName, Ipv4Addr> {
        match self {
            Self::Netns(lab) => lab.gateways(),
            Self::Kind(lab) => lab.gateways(),
            Self::Foreign(_) => BTreeMap::new(),
        }
    }

    /// The links of routers between racks by which pods' packets may go; empty where there are none.
    pub fn router_links(&self) -> Vec<(Place, String)> {
        match self {
            Self::Netns(lab) => lab.router_links(),
            Self::Kind(lab) => lab.router_links(),
            Self::Foreign(_) => Vec::new(),
        }
    }

    /// The routers between racks, by what their daemons say and their kernels show.
    ///
    /// # Errors
    /// When they could not be observed.
    #[boxed(?Send)]
    pub async fn routers(&self) -> Result<Vec<RouterSeen>, LabError> {
        match self {
            Self::Netns(lab) => lab.routers().await,
            Self::Kind(lab) => lab.routers().await,
            Self::Foreign(_) => Ok(Vec::new()),
        }
    }

    /// What was observed before routing was installed; none if nothing was stored.
    ///
    /// # Errors
    /// When the stored file cannot be read.
    pub fn base(&self) -> Result<Option<StoredBase>, LabError> {
        match self {
            Self::Netns(lab) => lab.base(),
            Self::Kind(lab) => lab.base(),
            Self::Foreign(_) => Ok(None),
        }
    }

    /// Starts captures on links. They run until they are stopped.
    ///
    /// # Errors
    /// When they cannot all be started.
    #[boxed(?Send)]
    pub async fn capture(&self, wanted: Vec<(Place, Request)>) -> Result<Captures, LabError> {
        match self {
            Self::Netns(lab) => lab.capture(wanted).await,
            Self::Kind(lab) => lab.capture(wanted).await,
            Self::Foreign(_) => Err(read_alone()),
        }
    }

    /// The traffic that was observed last, if any was.
    pub fn traffic(&self) -> Option<WireSeen> {
        match self {
            Self::Netns(lab) => lab.traffic(),
            Self::Kind(lab) => lab.traffic(),
            Self::Foreign(_) => None,
        }
    }

    /// Keeps observed traffic for the cases that judge it.
    pub fn keep_traffic(&self, seen: WireSeen) {
        match self {
            Self::Netns(lab) => lab.keep_traffic(seen),
            Self::Kind(lab) => lab.keep_traffic(seen),
            Self::Foreign(_) => {}
        }
    }

    /// What the lab was doing last, for the error of a deadline that passed.
    pub fn doing(&self) -> String {
        match self {
            Self::Netns(lab) => lab.doing(),
            Self::Kind(lab) => lab.doing().text(),
            Self::Foreign(cluster) => cluster.doing().text(),
        }
    }

    /// The folder that captures are written to until a case keeps them.
    pub fn scratch(&self) -> &Path {
        match self {
            Self::Netns(lab) => lab.scratch(),
            Self::Kind(lab) => lab.scratch(),
            Self::Foreign(_) => Path::new(""),
        }
    }

    /// The stages that are reached.
    ///
    /// # Errors
    /// When the stored file cannot be read.
    pub fn built(&self) -> Result<Vec<Stage>, LabError> {
        match self {
            Self::Netns(lab) => {
                let base = lab.base()?.map(|_| Stage::BaseObserved);
                Ok(lab.built().into_iter().chain(base).collect())
            }
            Self::Kind(lab) => lab.built(),
            Self::Foreign(cluster) => Ok(cluster.built()),
        }
    }

    /// Reaches a stage; the ones before it must have been reached. `goal` is the last one that will be asked for. Returns a
    /// summary as text.
    ///
    /// # Errors
    /// When it cannot be reached.
    #[boxed(?Send)]
    pub async fn raise(&self, stage: Stage, goal: Stage) -> Result<String, LabError> {
        match self {
            Self::Netns(lab) => lab.raise(stage).await,
            Self::Kind(lab) => Box::pin(lab.raise(stage, goal)).await,
            Self::Foreign(cluster) => Box::pin(cluster.raise(stage)).await,
        }
    }

    /// Takes the lab down, with everything that it has on this host. Returns notes for the user.
    ///
    /// # Errors
    /// When something could not be removed.
    #[boxed(?Send)]
    pub async fn down(self) -> Result<Vec<String>, LabError> {
        match self {
            Self::Netns(lab) => lab.down().await.map(|()| Vec::new()),
            Self::Kind(lab) => Box::pin(lab.down()).await,
            Self::Foreign(_) => Ok(Vec::new()),
        }
    }

    /// Lets it outlive this process.
    ///
    /// # Errors
    /// When it is gone.
    pub fn stay(self) -> Result<(), LabError> {
        match self {
            Self::Netns(lab) => lab.stay(),
            Self::Kind(lab) => lab.stay(),
            Self::Foreign(_) => Ok(()),
        }
    }
}

/// Takes down the lab with this state folder, on either backend. Returns a line for each thing that was removed or kept.
///
/// # Errors
/// When something could not be removed.
#[boxed(?Send)]
pub async fn take_down(state: &StateDir, program: &Path) -> Result<Vec<String>, LabError> {
    match state.read().ok().flatten().and_then(|known| known.cluster) {
        None => netns::take_down(state).await.map(|()| Vec::new()),
        Some(mark) => {
            let engine = kind::engine_of(&mark).await?;
            Ok(kind::take_down_state(&engine, state, program).await?.lines())
        }
    }
}
