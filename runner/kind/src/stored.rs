//! What is kept in a kind lab's state folder, and read again by later commands.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

use super::drift::ClusterRecord;
use super::lab::KindLab;
use super::seal::Seal;
use lab_backend::LabError;
use lab_model::StoredBase;
use lab_model::observe::{ImageSource, KubeNode, KubePod};
use lab_model::said::Said;
use lab_model::stage::Stage;

/// Name of the file in the state folder with what was observed on the nodes before the CNI was installed.
pub(super) const BASE_FILE: &str = "base.json";
/// Name of the file with what the API server reported before the CNI was installed: [`BeforeCni`].
pub(super) const BEFORE_FILE: &str = "before-cni.json";
/// Name of the file with the agents that first were ready, and the nodes when they first were: [`FirstReady`].
pub(super) const FIRST_FILE: &str = "first-ready.json";
/// Name of the file with the nodes' addresses and the agents' configuration: [`ClusterRecord`].
pub(super) const RECORD_FILE: &str = "cluster.json";
/// Name of the file with what the lab is made from: [`KindSpec`].
pub(super) const SPEC_FILE: &str = "spec.json";
/// Name of the file with the stages that are reached.
pub(super) const BUILT_FILE: &str = "built.json";
/// Name of the file that says where each image came from.
pub(super) const IMAGES_FILE: &str = "images.json";
/// Name of the file that says whether the lab is sealed: [`Seal`].
pub(super) const SEAL_FILE: &str = "seal.json";

/// What was observed before Cilium was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeCni {
    /// When, since the Unix epoch.
    pub observed: Duration,
    /// The nodes that the API server listed.
    pub nodes: Vec<KubeNode>,
    /// The outputs of the article's own commands at that time.
    #[serde(default)]
    pub said: Vec<Said>,
}

/// The agents when all had first become ready, and the nodes when all had: what came first is told by this alone, once
/// an agent's pod is replaced or a node becomes Ready again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstReady {
    /// The agents' pods, at the end of the installation.
    pub agents: Vec<KubePod>,
    /// The nodes, once all are Ready; none before that.
    pub nodes: Option<FirstNodes>,
}

/// Nodes that have just become Ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstNodes {
    /// Since the Unix epoch.
    pub observed: Duration,
    /// The API server's nodes.
    pub nodes: Vec<KubeNode>,
}

impl KindLab {
    /// What was observed on the nodes before the CNI was installed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn base(&self) -> Result<Option<StoredBase>, LabError> {
        self.stored(BASE_FILE)
    }

    /// What the API server reported before the CNI was installed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn before_cni(&self) -> Result<Option<BeforeCni>, LabError> {
        self.stored(BEFORE_FILE)
    }

    /// The agents that first were ready, and the nodes when they had just become Ready. `None` in labs of older programs.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn first_ready(&self) -> Result<Option<FirstReady>, LabError> {
        self.stored(FIRST_FILE)
    }

    /// The images on the nodes, with where each came from.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn images(&self) -> Result<Vec<ImageSource>, LabError> {
        Ok(self.stored(IMAGES_FILE)?.unwrap_or_default())
    }

    /// The record of addresses at the time when the lab was built.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn record(&self) -> Result<ClusterRecord, LabError> {
        Ok(self
            .stored(RECORD_FILE)?
            .unwrap_or_else(|| ClusterRecord { addresses: BTreeMap::new(), service_host: None }))
    }

    /// Whether the lab is sealed; none before that was tried.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn sealed(&self) -> Result<Option<Seal>, LabError> {
        self.stored(SEAL_FILE)
    }

    /// A text that says why packets of the lab can leave this host; none if the lab is sealed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn unsealed(&self) -> Result<Option<String>, LabError> {
        Ok(match self.sealed()? {
            Some(Seal::Open(why)) => Some(format!(
                "not sealed: packets for {} that no route in the lab matches can leave this host; {why}",
                self.spec.expect.native_cidr
            )),
            Some(Seal::Table(_)) | None => None,
        })
    }

    fn stored<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, LabError> {
        match self.state.get() {
            Some(state) => Ok(state.read_json(file)?),
            None => Ok(None),
        }
    }

    /// The stages that are reached.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn built(&self) -> Result<Vec<Stage>, LabError> {
        Ok(self.stored(BUILT_FILE)?.unwrap_or_default())
    }

    /// Records that a stage is reached.
    pub(super) fn record_stage(&self, stage: Stage) -> Result<(), LabError> {
        let mut built = self.built()?;
        built.push(stage);
        Ok(self.state()?.write_json(BUILT_FILE, &built)?)
    }
}
