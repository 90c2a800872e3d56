//! Installing Cilium: first what it depends on is proved, then Helm runs, then agents and operators are waited for.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lab::{IMAGES_FILE, KindLab, RECORD_FILE};
use super::stages::failed;
use super::{chart, helm, tool};
use crate::backend::LabError;
use crate::failure::chain;
use crate::observe::{HttpOutcome, NodeName, Place, Role};
use crate::probe::{Answer, HttpAsk, Request};
use crate::stage::Stage;

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
            failed(STAGE, format!("{control_plane} has no address on {}: `docker start {control_plane}`", self.spec.expect.network))
        })?;
        self.reach_api_from_worker(host).await?;
        self.doing.now("waiting for the images to be on all nodes");
        let images = self.end_distribution().await?;
        let state = self.state()?;
        state.write_json(IMAGES_FILE, &images.sources)?;
        let chart = self.chart(&helm).await?;
        self.helm_install(&helm, &chart, host, &images.in_chart).await?;
        let mut record = self.record()?;
        record.service_host = Some(host);
        record.addresses = addresses;
        state.write_json(RECORD_FILE, &record)?;
        let namespace = self.spec.manifests.cilium.release.namespace.as_str();
        let patience = self.patience(CILIUM_DEADLINE);
        let ready = self.api()?.wait_for_cilium(namespace, self.nodes().len(), &patience.as_api()).await;
        ready.map_err(|error| failed(STAGE, chain(&error)))?;
        let (version, port) =
            (&self.spec.manifests.pins.chart.version, self.spec.manifests.cilium.values.k8s_service_port.get());
        Ok(format!("Cilium {version} on {} nodes; its API server is {host}:{port}", self.nodes().len()))
    }

    /// Each node's address on the lab's network, as Docker has it now.
    pub(super) async fn addresses(&self) -> Result<BTreeMap<NodeName, Ipv4Addr>, LabError> {
        let network = &self.spec.expect.network;
        let containers = self.containers().await?;
        let address = containers.iter().filter_map(|container| Some((container.name.clone(), container.address_on(network)?)));
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
            until_bodies: 1,
            attempts: 3,
            attempt_deadline: REACH_DEADLINE / 3,
            deadline: REACH_DEADLINE,
        };
        let answered = self.ask(vec![(Place::Node(worker.clone()), Request::Http(ask))]).await?.into_iter().next();
        let seen = match answered.map(|answered| answered.answer) {
            Some(Ok(Answer::Http(replies))) => {
                if replies.iter().any(|reply| matches!(&reply.outcome, HttpOutcome::Answered { status: 400, .. })) {
                    return Ok(());
                }
                replies.last().map_or_else(|| "no attempt was made".to_owned(), |reply| reply.outcome.to_string())
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
            return kit.chart(self.scratch()).map_err(|error| failed(STAGE, chain(&error)));
        }
        chart::pinned(pins, self.spec.manifests.cilium.release.chart.as_str(), helm, &self.doing).await
    }

    async fn helm_install(
        &self,
        helm: &Path,
        chart: &Path,
        host: Ipv4Addr,
        images: &[helm::ChartImage],
    ) -> Result<(), LabError> {
        let cilium = &self.spec.manifests.cilium;
        let state = self.state()?;
        let values = helm::values(&cilium.values, host, self.spec.routing, images)
            .map_err(|error| failed(STAGE, format!("the values for Helm: {error}")))?;
        state.write_json(VALUES_FILE, &values)?;
        let version = self.spec.manifests.pins.chart.version.to_string();
        let command = helm::as_in_the_article(&cilium.release, &version, &values, &self.spec.set);
        let path = state.path().join(COMMAND_FILE);
        fs::write(&path, command).map_err(|source| LabError::Scratch { path, source })?;
        let invocation = helm::install(
            helm,
            &cilium.release,
            chart,
            &state.path().join(VALUES_FILE),
            &self.kubeconfig()?,
            &self.spec.set,
        );
        tool::succeed(invocation, "helm install", &self.doing, HELM_DEADLINE)
            .await
            .map(drop)
            .map_err(|error| failed(STAGE, chain(&error)))
    }
}
