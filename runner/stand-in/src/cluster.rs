//! A Docker network, and containers on it that stand in for the nodes of a kind cluster.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, ContainerState, HostConfig, NetworkCreateRequest, PortBinding};
use bollard::query_parameters::{CreateContainerOptionsBuilder, StopContainerOptionsBuilder};
use lab_engine::{CLUSTER_LABEL, Engine, ROLE_LABEL};
use lab_model::observe::NodeName;

use crate::image::{Image, ImagePlan};
use crate::owner::{DEADLINE, OWNER_LABEL, own, remove_container, remove_network};

/// The API server's port in a control plane.
const API_PORT: &str = "6443/tcp";
/// The capabilities that observing, capturing and entering namespaces need, in place of a privileged container.
const CAPABILITIES: [&str; 4] = ["NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE"];

/// The stand-ins to create. The default is the nodes of the article's configuration, under a unique name.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The cluster's name; `None` for a unique one.
    pub name: Option<String>,
    /// Its nodes; `None` for a control plane and two workers.
    pub nodes: Option<Vec<NodePlan>>,
    /// Labels of each container, besides kind's.
    pub labels: BTreeMap<String, String>,
    /// Mounts of each container: `/host/folder:/folder:ro`.
    pub binds: Vec<String>,
    /// The contents of the image.
    pub image: ImagePlan,
}

/// One container to make.
#[derive(Debug, Clone)]
pub struct NodePlan {
    /// The part of its name after the cluster's name and a hyphen, for example `worker2`.
    pub suffix: String,
    /// The value of kind's role label; `None` for a container without kind's labels.
    pub role: Option<String>,
    /// Its image; `None` for the one that is made for all.
    pub image: Option<String>,
}

impl NodePlan {
    /// A node with kind's labels.
    pub fn new(suffix: &str, role: &str) -> Self {
        Self { suffix: suffix.to_owned(), role: Some(role.to_owned()), image: None }
    }
}

/// Running stand-ins and their network. Both are removed when this value is dropped.
#[derive(Debug)]
pub struct Cluster {
    engine: Engine,
    name: String,
    network: String,
    nodes: Vec<NodeName>,
    plan: Plan,
    image: Image,
}

impl Cluster {
    /// Creates the network, and creates and starts the containers.
    ///
    /// # Panics
    /// When the Engine refuses. What was created before is removed.
    pub async fn make(engine: &Engine, plan: Plan) -> Self {
        let image = Image::make(engine, &plan.image).await;
        let name = plan.name.clone().unwrap_or_else(|| format!("lab-{:08x}", fastrand::u32(..)));
        let network = format!("{name}-network");
        let nodes = plan.nodes.clone().unwrap_or_else(|| {
            vec![
                NodePlan::new("control-plane", "control-plane"),
                NodePlan::new("worker", "worker"),
                NodePlan::new("worker2", "worker"),
            ]
        });
        let mut cluster = Self { engine: engine.clone(), name, network, nodes: Vec::new(), plan, image };
        let request = NetworkCreateRequest {
            name: cluster.network.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(HashMap::from([(OWNER_LABEL.to_owned(), own())])),
            ..NetworkCreateRequest::default()
        };
        let made = engine.client().create_network(request);
        engine.call("make a network", DEADLINE, made).await.expect("the Engine makes a network");
        for node in nodes {
            cluster.add(&node).await;
        }
        cluster
    }

    /// The cluster's name, which is the value of kind's label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network's name.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The containers, in the order in which they were created.
    pub fn nodes(&self) -> &[NodeName] {
        &self.nodes
    }

    /// The image of all of them.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Creates and starts one more container, or a removed one again.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub async fn add(&mut self, node: &NodePlan) -> NodeName {
        let name = format!("{}-{}", self.name, node.suffix);
        let mut labels: HashMap<String, String> = self.plan.labels.clone().into_iter().collect();
        labels.insert(OWNER_LABEL.to_owned(), own());
        if let Some(role) = &node.role {
            labels.insert(CLUSTER_LABEL.to_owned(), self.name.clone());
            labels.insert(ROLE_LABEL.to_owned(), role.clone());
        }
        let loopback = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) };
        let ports = (node.role.as_deref() == Some("control-plane"))
            .then(|| HashMap::from([(API_PORT.to_owned(), Some(vec![loopback]))]));
        let body = ContainerCreateBody {
            hostname: Some(name.clone()),
            image: Some(node.image.as_deref().unwrap_or(self.image.reference()).to_owned()),
            cmd: Some(["/bin/sleep", "infinity"].map(str::to_owned).to_vec()),
            exposed_ports: ports.is_some().then(|| vec![API_PORT.to_owned()]),
            labels: Some(labels),
            host_config: Some(HostConfig {
                network_mode: Some(self.network.clone()),
                port_bindings: ports,
                binds: Some(self.plan.binds.clone()),
                cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
                security_opt: Some(["seccomp=unconfined", "apparmor=unconfined"].map(str::to_owned).to_vec()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let made = self.engine.client().create_container(Some(options), body);
        self.engine.call("make a stand-in", DEADLINE, made).await.expect("the Engine makes a stand-in");
        let node = NodeName(name);
        if !self.nodes.contains(&node) {
            self.nodes.push(node.clone());
        }
        self.start(&node).await;
        node
    }

    /// Starts a stopped container.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub async fn start(&self, node: &NodeName) {
        let started = self.engine.client().start_container(&node.0, None);
        self.engine.call("start a stand-in", DEADLINE, started).await.expect("the Engine starts a stand-in");
    }

    /// Stops a container at once, as `docker kill` does.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub async fn stop(&self, node: &NodeName) {
        let options = StopContainerOptionsBuilder::default().t(0).build();
        let stopped = self.engine.client().stop_container(&node.0, Some(options));
        self.engine.call("stop a stand-in", DEADLINE, stopped).await.expect("the Engine stops a stand-in");
    }

    /// Removes a container, whether it runs or not.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub async fn remove(&mut self, node: &NodeName) {
        remove_container(&self.engine, &node.0).await.expect("the Engine removes a stand-in");
        self.nodes.retain(|there| there != node);
    }

    /// The state of a container.
    ///
    /// # Panics
    /// When it does not exist.
    pub async fn state(&self, node: &NodeName) -> ContainerState {
        let container = self.engine.container(&node.0).await.expect("the Engine tells").expect("it is there");
        container.state.expect("a container has a state")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        in_the_end(self.engine.clone(), |engine| {
            let (nodes, network) = (self.nodes.clone(), self.network.clone());
            async move {
                let mut errors = Vec::new();
                for node in nodes {
                    errors.extend(remove_container(&engine, &node.0).await.err());
                }
                errors.extend(remove_network(&engine, &network).await.err());
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
            }
        });
    }
}

/// Runs a future to its end in a place where nothing can be awaited, such as `drop`. A failure fails the test, unless it has
/// failed already.
pub(crate) fn in_the_end<F>(engine: Engine, body: impl FnOnce(Engine) -> F)
where
    F: Future<Output = Result<(), String>> + Send,
{
    let body = body(engine);
    let ended = std::thread::scope(|scope| {
        scope
            .spawn(|| lab_base::runtime().map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(body)))
            .join()
            .unwrap_or_else(|_panicked| Err("the clean-up panicked".to_owned()))
    });
    match ended {
        Err(why) if std::thread::panicking() => eprintln!("stand-ins are left behind: {why}"),
        Err(why) => panic!("stand-ins are left behind: {why}"),
        Ok(()) => {}
    }
}
