//! Installs Cilium: checks that a worker reaches the API server, runs Helm, then waits for agents and operators.

use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::api::Patience;
use super::cilium::agents::is_agent;
use super::distribution::Distributed;
use super::helm::Order;
use super::lab::KindLab;
use super::stages::failed;
use super::stored::{FIRST_FILE, FirstReady, IMAGES_FILE, RECORD_FILE};
use super::{chart, helm, tool};
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_base::text::duration;
use lab_manifest::overrides::installed_values;
use lab_model::observe::{HttpOutcome, NodeName, Place, Role};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_model::stage::Stage;

/// The deadline for `helm install`, which returns once the objects are applied.
const HELM_DEADLINE: Duration = Duration::from_mins(3);
/// How long agents and operators may take to become ready. On small machines, compiling BPF programs takes minutes.
const CILIUM_DEADLINE: Duration = Duration::from_mins(5);
/// How long the API server may take to answer a worker.
const REACH_DEADLINE: Duration = Duration::from_secs(10);
/// Name of the file in the state folder with the values that Helm was given.
const VALUES_FILE: &str = "values.json";
/// Name of the file in the state folder with the equivalent command in the article's form.
const COMMAND_FILE: &str = "helm-install.txt";
const STAGE: Stage = Stage::RoutingInstalled;

impl KindLab {
    pub(super) async fn install_cilium(&self, goal: Stage) -> Result<String, LabError> {
        let helm = tool::find("helm")?;
        let addresses = self.addresses().await?;
        let control_plane = self.control_plane();
        let host = *addresses.get(&control_plane).ok_or_else(|| {
            failed(
                STAGE,
                format!(
                    "{control_plane} has no address on {}: `docker start {control_plane}`",
                    self.spec.expect.network
                ),
            )
        })?;
        self.reach_api_from_worker(host).await?;
        self.doing.now("waiting for the images to be on all nodes");
        let Distributed { sources, moved, took } = self.end_distribution().await?;
        let distributed = format!("{moved} images onto {} nodes in {}", self.nodes().len(), duration(took));
        let state = self.state()?;
        let mut images = self.images()?;
        images.retain(|known| sources.iter().all(|image| image.name != known.name));
        images.extend(sources);
        state.write_json(IMAGES_FILE, &images)?;
        let chart = self.chart(&helm).await?;
        self.helm_install(&helm, &chart, host).await?;
        let mut record = self.record()?;
        record.service_host = Some(host);
        record.addresses = addresses;
        state.write_json(RECORD_FILE, &record)?;
        let namespace = self.spec.manifests.cilium.release.namespace.as_str();
        let say = self.say();
        let patience = Patience { deadline: CILIUM_DEADLINE, say: &say };
        let early = async {
            if goal >= Stage::WorkloadReady {
                // Its own stage applies it again, and says what is wrong.
                let _begun = Box::pin(self.begin_workload()).await;
            }
            std::future::pending::<Infallible>().await
        };
        let ready = tokio::select! {
            ready = self.api()?.until_cilium_ready(namespace, self.nodes().len(), patience) => ready,
            never = early => match never {},
        };
        ready.map_err(|error| failed(STAGE, chain(&error)))?;
        let agents = self.api()?.pods().await?.into_iter().filter(is_agent).collect();
        state.write_json(FIRST_FILE, &FirstReady { agents, nodes: None })?;
        let pinned = self.spec.manifests.pins.chart.version.as_str();
        let version = self.spec.expect.cluster.as_ref().map_or(pinned, |cluster| cluster.chart_version.as_str());
        let port = self.spec.manifests.cilium.values.k8s_service_port.get();
        let routed = match self.layout() {
            Some(layout) if layout.bgp => format!("; {}", Box::pin(self.announce(layout)).await?),
            Some(layout) => format!("; {}", Box::pin(self.refused_routes(layout)).await),
            None => String::new(),
        };
        let nodes = self.nodes().len();
        Ok(format!("Cilium {version} on {nodes} nodes{routed}; its API server is {host}:{port}; {distributed}"))
    }

    /// Each node's current address on the lab's Docker network.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    pub async fn addresses(&self) -> Result<BTreeMap<NodeName, Ipv4Addr>, LabError> {
        let network = &self.spec.expect.network;
        let containers = self.containers().await?;
        let address =
            containers.iter().filter_map(|container| Some((container.name.clone(), container.address_on(network)?)));
        Ok(address.collect())
    }

    /// Checks from a worker, before Helm runs, that a TLS server answers at the API server's address: without kube-proxy,
    /// an agent can reach the API server only there. A Go TLS server answers plain HTTP with status 400.
    async fn reach_api_from_worker(&self, host: Ipv4Addr) -> Result<(), LabError> {
        let worker = self.nodes().iter().find(|(_, role)| *role == Role::Worker);
        let Some((worker, _)) = worker else { return Ok(()) };
        let to = SocketAddrV4::new(host, self.spec.manifests.cilium.values.k8s_service_port.get());
        self.doing.now(format!("asking from {worker} whether the API server answers at {to}"));
        let ask = HttpAsk {
            to,
            path: "/healthz".to_owned(),
            ttl: None,
            until_bodies: 1,
            attempts: 3,
            attempt_deadline: REACH_DEADLINE / 3,
            deadline: REACH_DEADLINE,
        };
        let answered = self.ask(vec![(Place::Node(worker.clone()), Request::Http(ask))]).await?.into_iter().next();
        let seen = match answered.map(|answered| answered.answer) {
            Some(Ok(Answer::Http(replies))) => {
                if replies.iter().any(|reply| matches!(&reply.outcome, HttpOutcome::Response { status: 400, .. })) {
                    return Ok(());
                }
                replies
                    .last()
                    .map_or_else(|| "no attempt was made".to_owned(), |reply| describe_outcome(&reply.outcome))
            }
            Some(Ok(other)) => other.not("HTTP replies"),
            Some(Err(why)) => why,
            None => "the probe gave no answer".to_owned(),
        };
        Err(failed(
            STAGE,
            format!(
                "the API server does not answer {worker} at {to}: {seen}; Cilium's agents could not reach it either. Check \
                 whether a firewall on this host drops packets on the bridge: docker exec {worker} curl -k https://{to}/healthz"
            ),
        ))
    }

    /// The chart's file: the one given with `--chart`, the kit's, or the pinned one.
    async fn chart(&self, helm: &Path) -> Result<PathBuf, LabError> {
        if let Some(file) = &self.spec.chart {
            return Ok(file.clone());
        }
        let pins = &self.spec.manifests.pins.chart;
        if let Some(kit) = self.kit()? {
            let file = self.scratch().join("chart.tgz");
            let bytes = kit.chart().map_err(|error| failed(STAGE, chain(&error)))?;
            fs::write(&file, bytes).map_err(|source| LabError::Scratch { path: file.clone(), source })?;
            return Ok(file);
        }
        chart::pinned(pins, self.spec.manifests.cilium.release.chart.as_str(), helm, &self.doing).await
    }

    async fn helm_install(&self, helm: &Path, chart: &Path, host: Ipv4Addr) -> Result<(), LabError> {
        let values = self.values(host)?;
        let state = self.state()?;
        state.write_json(VALUES_FILE, &values)?;
        let cluster = self.spec.expect.cluster.as_ref();
        let version = cluster.map_or("", |cluster| cluster.chart_version.as_str());
        let command = helm::as_in_the_article(&self.spec.manifests.cilium.release, version, &values);
        let path = state.path().join(COMMAND_FILE);
        fs::write(&path, command).map_err(|source| LabError::Scratch { path, source })?;
        self.helm(Order::Install, helm, chart, &state.path().join(VALUES_FILE)).await
    }

    /// Configures Cilium with another address of the API server, by `helm upgrade` with otherwise equal values. The lab's
    /// record of how it was built is not changed.
    ///
    /// # Errors
    /// When Helm fails.
    #[boxed(?Send)]
    pub async fn upgrade_service_host(&self, host: Ipv4Addr) -> Result<(), LabError> {
        let helm = tool::find("helm")?;
        let chart = self.chart(&helm).await?;
        let path = self.scratch().join(VALUES_FILE);
        fs::write(&path, self.values(host)?.to_string())
            .map_err(|source| LabError::Scratch { path: path.clone(), source })?;
        self.helm(Order::Upgrade, &helm, &chart, &path).await
    }

    /// The values for Helm.
    fn values(&self, host: Ipv4Addr) -> Result<Value, LabError> {
        let expected = self.spec.expect.cluster.as_ref();
        let expected = expected.ok_or_else(|| failed(STAGE, "the expectations have no values for Helm"))?;
        Ok(installed_values(expected, host, self.spec.routing))
    }

    async fn helm(&self, order: Order, helm: &Path, chart: &Path, values: &Path) -> Result<(), LabError> {
        let release = &self.spec.manifests.cilium.release;
        let invocation = helm::apply(order, helm, release, chart, values, &self.kubeconfig()?);
        let what = if order == Order::Install { "helm install" } else { "helm upgrade" };
        let done = tool::succeed(invocation, what, &self.doing, HELM_DEADLINE).await;
        done.map(drop).map_err(|error| failed(STAGE, chain(&error)))
    }
}

fn describe_outcome(outcome: &HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Response { status, .. } => {
            format!("it answered plain HTTP with status {status}, where a TLS server answers 400")
        }
        HttpOutcome::Empty => "it closed the connection without an answer".to_owned(),
        HttpOutcome::NotConnected(why) | HttpOutcome::Broken(why) | HttpOutcome::TimedOut(why) => why.clone(),
    }
}
