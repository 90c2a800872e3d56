//! Builds a kind lab, stage by stage. Independent work runs at the same time: images are pulled and streamed into the nodes
//! while kubeadm runs.

use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::api::{Api, Patience, PullPolicy, Workload};
use super::cilium::agents::is_agent;
use super::config::{cluster_config, mark_of};
use super::create::{Creation, kubeconfig_of};
use super::lab::KindLab;
use super::node_image::NodeImage;
use super::observed::{WORKLOAD_NAMESPACE, bridge_of};
use super::seal::{self, Seal};
use super::stored::{BASE_FILE, BEFORE_FILE, BeforeCni, FIRST_FILE, FirstNodes, FirstReady, SEAL_FILE};
use super::tool;
use lab_backend::LabError;
use lab_base::clock;
use lab_base::failure::chain;
use lab_engine::NodeProbe;
use lab_images::HELLO_APP;
use lab_model::StoredBase;
use lab_model::observe::{ImageFrom, ImageSource, NodeName, Place};
use lab_model::request::{Answer, Request};
use lab_model::stage::Stage;

/// How long the API server may take to answer, and all nodes to register, after kind has ended.
const REGISTERED_DEADLINE: Duration = Duration::from_mins(2);
/// How long nodes may take to become Ready after their agents are.
const READY_DEADLINE: Duration = Duration::from_mins(2);
/// How long the workload's pods may take to be ready and its endpoints to be complete. Each node compiles BPF programs for
/// its first pod.
const WORKLOAD_DEADLINE: Duration = Duration::from_mins(5);
/// How long the agents may take to compile and load all BPF programs after all pods are ready.
const LOADED_DEADLINE: Duration = Duration::from_mins(2);
/// The same just before traffic is sent. The programs are already loaded then, unless an agent was restarted.
const STILL_LOADED_DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn failed(stage: Stage, why: impl Into<String>) -> LabError {
    LabError::Stage { stage, why: why.into() }
}

impl KindLab {
    /// Reaches a stage; the ones before it must have been reached. `goal` is the last one that will be asked for: what that
    /// needs may be begun early. Returns a summary as text.
    ///
    /// # Errors
    /// When it cannot be reached; the error says what was waited for and what was seen last.
    #[boxed(?Send)]
    pub async fn raise(&self, stage: Stage, goal: Stage) -> Result<String, LabError> {
        let summary = match stage {
            Stage::ClusterCreated => self.create().await?,
            Stage::BaseObserved => self.observe_base().await?,
            Stage::RoutingInstalled => self.install_cilium(goal).await?,
            Stage::NodesReady => self.wait_for_nodes().await?,
            Stage::WorkloadReady => self.apply_workload().await?,
            Stage::Doctor | Stage::TrafficObserved => String::new(),
        };
        self.record_stage(stage)?;
        Ok(summary)
    }

    async fn create(&self) -> Result<String, LabError> {
        let kind = tool::find("kind")?;
        let NodeImage { reference: image, told } = self.node_image().await?;
        let state = self.state()?;
        let config = cluster_config(&self.spec.manifests.kind, self.nodes(), &mark_of(state.path()), self.layout())
            .map_err(|error| failed(Stage::ClusterCreated, format!("the configuration for kind: {error}")))?;
        let creation = Creation {
            kind: &kind,
            cluster: &self.spec.cluster,
            config: &config,
            image: &image,
            state: state.path(),
            environment: self.engine.environment(),
        };
        self.begin_distribution()?;
        if let Some(layout) = self.layout() {
            self.make_racks(layout).await?;
        }
        creation.run(&self.doing).await?;
        if let Some(layout) = self.layout() {
            self.stand_in_racks(layout).await?;
            self.until_racks_are_joined(layout).await?;
        }
        let addresses = self.connect().await?;
        let seal = self.seal().await?;
        let network = &self.spec.expect.network;
        let sealed = match seal {
            Seal::Table(table) => format!("sealed: nftables table {table} keeps its packets on this host"),
            Seal::Open(_why) => "NOT sealed: packets can leave this host".to_owned(),
        };
        let of = told.map(|told| format!(" of {told}")).unwrap_or_default();
        if let Some(layout) = self.layout() {
            let (nodes, racks) = (addresses.len(), layout.racks.len());
            let range = layout.racks.iter().map(|rack| rack.gateway.trunc().to_string()).collect::<Vec<_>>().join(", ");
            return Ok(format!(
                "{nodes} nodes{of} in {racks} racks, {range}; {} routers run BIRD; management on the Docker network {network}; {sealed}",
                racks + 1
            ));
        }
        Ok(format!("{} nodes{of} on the Docker network {network}, {}; {sealed}", addresses.len(), range(&addresses)))
    }

    /// Connects to the cluster: the API server, the probe in the nodes, the network's gateway. Returns each node's address.
    pub(super) async fn connect(&self) -> Result<BTreeMap<NodeName, Ipv4Addr>, LabError> {
        let network = &self.spec.expect.network;
        let containers = self.containers().await?;
        let gateway = containers
            .iter()
            .flat_map(|container| &container.networks)
            .find(|attached| attached.network == *network)
            .and_then(|attached| attached.gateway);
        if let Some(gateway) = gateway {
            let _first = self.gateway.set(gateway);
        }
        if self.api.get().is_none() {
            let api = Api::from_kubeconfig(&kubeconfig_of(self.state()?.path())).await?;
            let _first = self.api.set(api);
        }
        if self.probe.get().is_none() {
            let running: Vec<NodeName> = containers
                .iter()
                .filter(|container| container.is_running())
                .map(|container| container.name.clone())
                .collect();
            self.doing.now(format!("copying the probe into {} nodes", running.len()));
            let probe = NodeProbe::new(&self.engine, &self.spec.cluster);
            let mut probe = probe.map_err(|error| LabError::Probe(chain(&error)))?;
            if self.layout().is_some() {
                probe = probe.with_routers(&mark_of(self.state()?.path()).display().to_string());
            }
            probe.install(&running).await?;
            let _first = self.probe.set(probe);
        }
        Ok(containers
            .iter()
            .filter_map(|container| Some((container.name.clone(), container.address_on(network)?)))
            .collect())
    }

    async fn seal(&self) -> Result<Seal, LabError> {
        let mut bridges = Vec::new();
        let mut open = None;
        for name in self.networks() {
            match self.engine.network(&name).await?.as_ref().and_then(bridge_of) {
                Some(bridge) => bridges.push(bridge),
                None => open = Some(format!("the Docker network {name} is not a bridge")),
            }
        }
        let seal = match open {
            None => {
                let native = self.spec.expect.native_cidr;
                let pool = self.spec.expect.pod_pool;
                let networks = if native.contains(&pool) { vec![native] } else { vec![native, pool] };
                seal::seal(&self.name, &bridges, &networks).await
            }
            Some(why) => Seal::Open(why),
        };
        self.state()?.write_json(SEAL_FILE, &seal)?;
        Ok(seal)
    }

    async fn observe_base(&self) -> Result<String, LabError> {
        let stage = Stage::BaseObserved;
        let api = self.api()?;
        let say = self.say();
        let patience = Patience { deadline: REGISTERED_DEADLINE, say: &say };
        let names: Vec<NodeName> = self.nodes().iter().map(|(name, _)| name.clone()).collect();
        api.until_it_answers(patience).await.map_err(|error| failed(stage, chain(&error)))?;
        api.until_nodes_registered(&names, patience).await.map_err(|error| failed(stage, chain(&error)))?;
        let asks = self.nodes().iter().map(|(name, _)| (Place::Node(name.clone()), Request::View)).collect();
        let mut nodes = BTreeMap::new();
        for ((name, _), answered) in self.nodes().iter().zip(self.ask(asks).await?) {
            match answered.answer {
                Ok(Answer::View(view)) => drop(nodes.insert(name.clone(), view)),
                Ok(other) => return Err(failed(stage, other.not("a view"))),
                Err(why) => return Err(failed(stage, format!("{name}: {why}"))),
            }
        }
        let observed = clock::unix_now();
        let (kube, said) = tokio::join!(api.nodes(), self.run_commands_before_cni());
        let state = self.state()?;
        let summary = format!("observed on {} nodes, before any CNI", nodes.len());
        state.write_json(
            BASE_FILE,
            &StoredBase { observed, gateway: *self.outside().ip(), gateways: self.gateways(), nodes },
        )?;
        state.write_json(BEFORE_FILE, &BeforeCni { observed, nodes: kube?, said })?;
        Ok(summary)
    }

    /// Observes again what was observed before the CNI was installed, now that it is, and keeps that in its place. Returns
    /// what was kept before, for [`Self::put_base_back`].
    ///
    /// # Errors
    /// When nothing was kept, or it cannot be observed.
    pub async fn observe_base_too_late(&self) -> Result<(StoredBase, BeforeCni), LabError> {
        let kept = self.base()?.zip(self.before_cni()?);
        let kept = kept.ok_or_else(|| failed(Stage::BaseObserved, "nothing was kept of the time before the CNI"))?;
        self.observe_base().await?;
        Ok(kept)
    }

    /// Keeps what was observed in time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_base_back(&self, (base, before): &(StoredBase, BeforeCni)) -> Result<(), LabError> {
        let state = self.state()?;
        state.write_json(BASE_FILE, base)?;
        Ok(state.write_json(BEFORE_FILE, before)?)
    }

    async fn wait_for_nodes(&self) -> Result<String, LabError> {
        let say = self.say();
        let patience = Patience { deadline: READY_DEADLINE, say: &say };
        let names: Vec<NodeName> = self.nodes().iter().map(|(name, _)| name.clone()).collect();
        let ready = self.api()?.until_nodes_ready(&names, patience).await;
        ready.map_err(|error| failed(Stage::NodesReady, chain(&error)))?;
        // Without the first agents, which an older program did not keep, nothing can be said of what came first.
        if let Some(first) = self.first_ready()? {
            let observed = clock::unix_now();
            let nodes = Some(FirstNodes { observed, nodes: self.api()?.nodes().await? });
            self.state()?.write_json(FIRST_FILE, &FirstReady { nodes, ..first })?;
        }
        Ok(format!("{} of {} nodes are Ready", names.len(), names.len()))
    }

    async fn apply_workload(&self) -> Result<String, LabError> {
        let stage = Stage::WorkloadReady;
        let say = self.say();
        let patience = Patience { deadline: WORKLOAD_DEADLINE, say: &say };
        let (image, workload) = self.workload()?;
        let api = self.api()?;
        api.apply_workload(&workload).await?;
        let ready = api.until_workload_ready(&workload, patience).await;
        let (pods, service) = ready.map_err(|error| failed(stage, chain(&error)))?;
        // Waited for, because a pod is ready before its node masquerades its packets.
        let (agents, nodes) = (self.agents().await?, self.node_names());
        let loaded = Box::pin(agents.until_loaded(&nodes, LOADED_DEADLINE, &say)).await;
        loaded.map_err(|error| failed(stage, error.to_string()))?;
        let nodes: Vec<String> = pods.iter().filter_map(|pod| Some(pod.node.as_ref()?.to_string())).collect();
        let address = service.cluster_ip.map_or_else(|| "no ClusterIP".to_owned(), |address| address.to_string());
        let from = came_from(&image);
        Ok(format!("{} ({}, {from}) on {}; {address}", self.spec.expect.service, image.reference, nodes.join(", ")))
    }

    fn workload(&self) -> Result<(ImageSource, Workload), LabError> {
        let image = self.images()?.into_iter().find(|image| image.name == HELLO_APP);
        let image = image.ok_or_else(|| failed(Stage::WorkloadReady, "the image of hello-app is not on the nodes"))?;
        let app = &self.spec.manifests.hello_app;
        // Never pulled: a registry could have another image of the same name.
        let pull = PullPolicy::Never;
        let workload = Workload::new(app, WORKLOAD_NAMESPACE, self.spec.expect.replicas, &image.reference, pull)?;
        Ok((image, workload))
    }

    /// Applies the workload as soon as the nodes are Ready, which they are before all agents are: its pods are then set up
    /// while the rest of Cilium starts.
    pub(super) async fn begin_workload(&self) -> Result<(), LabError> {
        let patience = Patience { deadline: WORKLOAD_DEADLINE, say: &|_seen| {} };
        let api = self.api()?;
        let ready = api.until_nodes_ready(&self.node_names(), patience).await;
        ready.map_err(|error| failed(Stage::NodesReady, chain(&error)))?;
        let (_image, workload) = self.workload()?;
        Ok(api.apply_workload(&workload).await?)
    }

    /// Whether each node has an agent that is ready. Where that cannot be told, they are not.
    #[boxed(?Send)]
    pub async fn agents_are_ready(&self) -> bool {
        let Ok(api) = self.api() else { return false };
        let pods = api.pods().await.unwrap_or_default();
        let ready = pods.iter().filter(|pod| is_agent(pod) && pod.ready && !pod.terminating);
        ready.count() == self.nodes().len()
    }

    /// Waits, before traffic is sent, until the agents have their programs loaded. Returns a text if they have not: traffic
    /// is observed nevertheless, and the user is told.
    #[boxed(?Send)]
    pub async fn until_datapath_loaded(&self) -> Option<String> {
        let loaded = match self.agents().await {
            Ok(agents) => {
                let loaded = agents.until_loaded(&self.node_names(), STILL_LOADED_DEADLINE, &self.say()).await;
                loaded.map_err(|error| error.to_string())
            }
            Err(error) => Err(chain(&error)),
        };
        loaded.err()
    }

    fn node_names(&self) -> Vec<NodeName> {
        self.nodes().iter().map(|(name, _)| name.clone()).collect()
    }

    /// A function that sets what the lab is doing, for the waits.
    pub(super) fn say(&self) -> impl Fn(String) {
        let doing = self.doing.clone();
        move |seen| doing.now(seen)
    }
}

/// Where an image came from, and which one it is, in words: anybody's build of the workload is another image.
fn came_from(image: &ImageSource) -> String {
    let from = match image.from {
        ImageFrom::Registry => "pulled",
        ImageFrom::Kit => "of the kit",
        ImageFrom::Local => "the Engine's own",
        ImageFrom::Published => "pulled as upstream's",
        ImageFrom::Archive => "loaded",
    };
    let digest = image.config_digest.trim_start_matches("sha256:");
    format!("{from} {}", digest.get(..12).unwrap_or(digest))
}

/// The lowest and the highest address as text: `172.18.0.2 to 172.18.0.4`.
fn range(addresses: &BTreeMap<NodeName, Ipv4Addr>) -> String {
    let lowest = addresses.values().min();
    let highest = addresses.values().max();
    match (lowest, highest) {
        (Some(lowest), Some(highest)) => format!("{lowest} to {highest}"),
        _ => "without addresses".to_owned(),
    }
}
