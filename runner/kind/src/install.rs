//! Installing Cilium: first what it depends on is proved, then Helm runs, then agents and operators are waited for.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::api::Patience;
use super::cilium::agents::is_agent;
use super::distribution::Distributed;
use super::helm::Order;
use super::lab::{FIRST_FILE, FirstReady, IMAGES_FILE, KindLab, RECORD_FILE};
use super::stages::failed;
use super::{chart, helm, tool};
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_base::text::duration;
use lab_manifest::overrides::installed_values;
use lab_model::observe::{HttpOutcome, NodeName, Place, Role};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_model::stage::Stage;

/// For `helm install`, which returns once the objects are applied.
const HELM_DEADLINE: Duration = Duration::from_mins(3);
/// For agents and operators to become ready. The first minutes go to compiling BPF programs on small machines.
const CILIUM_DEADLINE: Duration = Duration::from_mins(5);
/// For the API server to answer a worker.
const REACH_DEADLINE: Duration = Duration::from_secs(10);
/// The values that Helm was given, within the state folder.
const VALUES_FILE: &str = "values.json";
/// The article's own command with them, within the state folder.
const COMMAND_FILE: &str = "helm-install.txt";
const STAGE: Stage = Stage::RoutingInstalled;

impl KindLab {
    pub(super) async fn install_cilium(&self) -> Result<String, LabError> {
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
        let Distributed { sources: moved, took } = self.end_distribution().await?;
        let distributed = format!("{} images onto {} nodes in {}", moved.len(), self.nodes().len(), duration(took));
        let state = self.state()?;
        let mut images = self.images()?;
        images.retain(|known| moved.iter().all(|image| image.name != known.name));
        images.extend(moved);
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
        let ready = self.api()?.until_cilium_ready(namespace, self.nodes().len(), patience).await;
        ready.map_err(|error| failed(STAGE, chain(&error)))?;
        let agents = self.api()?.pods().await?.into_iter().filter(is_agent).collect();
        state.write_json(FIRST_FILE, &FirstReady { agents, nodes: None })?;
        let pinned = self.spec.manifests.pins.chart.version.as_str();
        let version = self.spec.expect.cluster.as_ref().map_or(pinned, |cluster| cluster.chart_version.as_str());
        let port = self.spec.manifests.cilium.values.k8s_service_port.get();
        Ok(format!("Cilium {version} on {} nodes; its API server is {host}:{port}; {distributed}", self.nodes().len()))
    }

    /// Each node's address on the lab's network, as Docker has it now.
    ///
    /// # Errors
    /// The Engine's.
    pub async fn addresses(&self) -> Result<BTreeMap<NodeName, Ipv4Addr>, LabError> {
        let network = &self.spec.expect.network;
        let containers = self.containers().await?;
        let address =
            containers.iter().filter_map(|container| Some((container.name.clone(), container.address_on(network)?)));
        Ok(address.collect())
    }

    /// Without kube-proxy an agent finds the API server at the address it is told or not at all. That a TLS server
    /// answers there is seen from a worker before Helm runs: asked in plain HTTP, Go's answers with status 400.
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
                replies.last().map_or_else(|| "no attempt was made".to_owned(), |reply| in_words(&reply.outcome))
            }
            Some(Ok(other)) => other.not("HTTP replies"),
            Some(Err(why)) => why,
            None => "the probe gave no answer".to_owned(),
        };
        Err(failed(
            STAGE,
            format!(
                "the API server does not answer {worker} at {to}: {seen}; no agent would find it there. Does a firewall on \
                 this host drop what goes over the bridge? docker exec {worker} curl -k https://{to}/healthz"
            ),
        ))
    }

    /// The chart's file: the one that was named, the kit's, or the pinned one.
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

    /// Tells Cilium that the API server is elsewhere, with everything else as it was: `helm upgrade`. What the lab
    /// remembers of its making stays.
    ///
    /// # Errors
    /// When Helm fails.
    pub async fn upgrade_service_host(&self, host: Ipv4Addr) -> Result<(), LabError> {
        let helm = tool::find("helm")?;
        let chart = self.chart(&helm).await?;
        let path = self.scratch().join(VALUES_FILE);
        fs::write(&path, self.values(host)?.to_string())
            .map_err(|source| LabError::Scratch { path: path.clone(), source })?;
        self.helm(Order::Upgrade, &helm, &chart, &path).await
    }

    /// What Helm is told.
    fn values(&self, host: Ipv4Addr) -> Result<Value, LabError> {
        let expected = self.spec.expect.cluster.as_ref();
        let expected = expected.ok_or_else(|| failed(STAGE, "nothing says which values Helm is to set"))?;
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

fn in_words(outcome: &HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Response { status, .. } => format!("status {status}, which no TLS server gives"),
        HttpOutcome::Empty => "the connection was closed without a word".to_owned(),
        HttpOutcome::NotConnected(why) | HttpOutcome::Broken(why) | HttpOutcome::TimedOut(why) => why.clone(),
    }
}
