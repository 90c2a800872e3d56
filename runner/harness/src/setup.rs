//! Determines, from the command line and the manifests, which lab is built and what is expected of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::Case;
use lab_backend::state::{DEFAULT_NAME, StateDir, StateError};
use lab_evidence as evidence;
use lab_evidence::RunFile;
use lab_kind::spec::KindSpec;
use lab_manifest::Manifests;
use lab_manifest::overrides::Overrides;
use lab_model::deviation::{Deviation, ImageName, Pinned};
use lab_model::expect::Expectations;
use lab_model::host::HostFacts;
use lab_model::{BackendKind, Ground};
use lab_netns::plan::Spec;

mod backend;
mod of_backend;
mod refusals;

pub use backend::setup;
pub use of_backend::setup_on;

/// The lab to build, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The backend.
    pub backend: BackendKind,
    /// Notes for the user: why this backend was chosen, and what is special about the lab.
    pub notes: Vec<String>,
    /// The lab's name: the one given, or on kind the default. None on netns without a name, where each command has its own
    /// default.
    pub name: Option<String>,
    /// The spec for the netns backend.
    pub spec: Spec,
    /// The expectations of the judges.
    pub expect: Expectations,
    /// The content of `pins.json`.
    pub pins: Value,
    /// The options of the command line, with defaults filled in.
    pub inputs: Value,
    /// The manifests, changed by the command line: nodes, replicas, the workload's image, the pool of pod CIDRs and the
    /// native routing CIDR. The other values of the release are in [`Expectations::cluster`], from which
    /// [`lab_manifest::overrides::installed_values`] makes the values for Helm.
    pub manifests: Manifests,
    /// The replacements of pins on the command line.
    pub overrides: Overrides,
    /// The differences from the pins.
    pub deviations: Vec<Deviation>,
    /// Whether, on kind, images are sent to each node, rather than baked into the image that nodes are made of.
    pub stream_images: bool,
}

/// What is expected of a lab that stays. It is kept in the state folder, so that a later command expects the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The expectations of the judges.
    pub expectations: Expectations,
    /// The differences from the pins.
    pub deviations: Vec<Deviation>,
    /// The options of the command line.
    pub inputs: Value,
}

/// Name of the file in a lab's state folder with [`Made`].
const MADE_FILE: &str = "made.json";

impl Setup {
    /// The content of `run.json` for a run in the lab of this name.
    pub fn run_file(&self, id: &str, lab: &str, host: &HostFacts, started: DateTime<Utc>) -> RunFile {
        RunFile {
            schema: evidence::SCHEMA,
            id: id.to_owned(),
            lab: lab.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            backend: self.backend,
            routing: self.spec.routing,
            inputs: self.inputs.clone(),
            expectations: self.expect.clone(),
            deviations: self.deviations.clone(),
            pins: self.pins.clone(),
            host: host.clone(),
        }
    }

    /// The spec for the kind backend.
    pub fn kind_spec(&self) -> KindSpec {
        KindSpec {
            routing: self.spec.routing,
            cluster: self.name_to_stay().to_owned(),
            nodes: self.spec.nodes.clone(),
            manifests: self.manifests.clone(),
            expect: self.expect.clone(),
            chart: self.overrides.chart.as_ref().map(|chart| chart.path.clone()),
            node_image: self.overrides.node_image.as_ref().map(ToString::to_string),
            images: self
                .overrides
                .images
                .iter()
                .map(|image| (image.name.key().to_owned(), image.reference.to_string()))
                .collect(),
            kit: self.overrides.kit.clone(),
            bake: !self.stream_images,
        }
    }

    /// Whether the pinned image is replaced, by an option or by a kit.
    pub fn has_own(&self, image: ImageName) -> bool {
        self.deviations.iter().any(|deviation| Pinned::Image(image).is_meant_by(deviation))
    }

    /// Which cases exist in such a lab.
    pub fn ground(&self) -> Ground {
        self.expect.ground(self.backend)
    }

    /// The name of a lab that stays.
    pub fn name_to_stay(&self) -> &str {
        self.name.as_deref().unwrap_or(DEFAULT_NAME)
    }

    /// The differences from the pins that this case compares with; none if the case does not exist on the backend.
    pub fn deviations_of(&self, case: &Case) -> Vec<&Deviation> {
        if !case.exists_on(self.ground()) {
            return Vec::new();
        }
        let judged = |deviation: &&Deviation| case.against.iter().any(|pin| pin.is_meant_by(deviation));
        self.deviations.iter().filter(judged).collect()
    }

    /// Writes what is expected of the lab of this name into its state folder.
    ///
    /// # Errors
    /// When the lab has no state folder, or it cannot be written.
    pub fn remember(&self, name: &str) -> Result<(), StateError> {
        let made = Made {
            expectations: self.expect.clone(),
            deviations: self.deviations.clone(),
            inputs: self.inputs.clone(),
        };
        StateDir::open(name)?.write_json(MADE_FILE, &made)
    }

    /// Takes over what [`Self::remember`] wrote for the lab of this name, if it did.
    ///
    /// # Errors
    /// When the lab has no state folder, or the file cannot be read.
    pub fn recall(&mut self, name: &str) -> Result<(), StateError> {
        if let Some(made) = StateDir::open(name)?.read_json::<Made>(MADE_FILE)? {
            self.expect = made.expectations;
            self.deviations = made.deviations;
            self.inputs = made.inputs;
        }
        Ok(())
    }
}
