//! Reads `manifests/` into types: the files that the article applies, and the pins.
//!
//! The files are embedded in the program, so that it runs anywhere; `--manifests` replaces all four.
//! [`Manifests::expectations`] derives from them what a lab should be.

#[cfg(test)]
mod broken;
mod check;
mod cilium;
mod error;
mod expectations;
mod hello_app;
mod kind_config;
mod locate;
pub mod overrides;
pub mod pins;
mod racks;
mod read;
mod reword;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Serialize};
use std::path::Path;

pub use cilium::{Bpf, ChartDefaults, CiliumConfig, KubeProxyReplacement, Release, ServiceHost, Tunnel, Values};
pub use error::ManifestError;
pub use expectations::{DEFAULT_CLUSTER, ExpectationsError};
pub use hello_app::{
    Affinity, AntiAffinityTerm, AppsV1, Container, ContainerPort, Deployment, DeploymentKind, DeploymentSpec, HelloApp,
    LabelSelector, Labels, Metadata, PodAntiAffinity, PodMetadata, PodSpec, PodTemplate, Service, ServiceKind,
    ServicePort, ServiceSpec, ServiceType, V1,
};
pub use kind_config::{ClusterKind, KindApi, KindConfig, KindNode, KubeProxyMode, Networking};
pub use racks::{AsNumber, Fabric, RacksConfig, RacksError};
pub use value::{
    ApiVersion, Cidr, Digest, GithubName, Malformed, MaskSize, NarHash, NixRelease, ObjectName, Port, Replicas,
    Repository, Revision, Schema, ServiceCidr, Sha256, Tag, Url, Version,
};

use crate::pins::Pins;

/// The environment variable with the path of an archive of the workload's image, as `docker save` writes it. The flake sets
/// it to what it has built.
pub const HELLO_APP_VARIABLE: &str = "LAB_HELLO_APP";
/// The environment variable with the path of an archive of the image that routers between racks are made of on kind.
pub const BIRD_VARIABLE: &str = "LAB_BIRD";
/// The name in the Engine of the image that routers between racks are made of on kind.
pub const BIRD_IMAGE: &str = "lab-bird:2";

/// The contents of `manifests/`. A run's folder has them as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifests {
    /// `pins.json`.
    pub pins: Pins,
    /// `kind.yaml`.
    pub kind: KindConfig,
    /// `cilium.yaml`.
    pub cilium: CiliumConfig,
    /// `hello-app.yaml`.
    pub hello_app: HelloApp,
    /// `racks.yaml`. What older programs have written has none; the embedded one stands for it.
    #[serde(default = "racks::embedded")]
    pub racks: RacksConfig,
}

impl Manifests {
    /// The files that this program was built with.
    ///
    /// # Errors
    /// When the embedded files are invalid; the tests make sure that they are not.
    pub fn embedded() -> Result<Self, ManifestError> {
        Self::parse(&Files::embedded())
    }

    /// The files of a folder. Each of the four must be there.
    ///
    /// # Errors
    /// When a file cannot be read, is invalid, or contradicts another.
    pub fn load(folder: &Path) -> Result<Self, ManifestError> {
        Self::parse(&Files::read(folder)?)
    }

    fn parse(files: &Files) -> Result<Self, ManifestError> {
        let Files { pins, kind, cilium, hello_app, racks } = files;
        let pins = read::json(&pins.name, &pins.text)?;
        let kind = read::Yaml::parse(&kind.name, &kind.text, &[""])?.document(0).map_err(of_kind)?;
        let cilium = read::Yaml::parse(&cilium.name, &cilium.text, &[""])?.document(0)?;
        let workload = read::Yaml::parse(&hello_app.name, &hello_app.text, &["Deployment", "Service"])?;
        let hello_app = HelloApp { deployment: workload.document(0)?, service: workload.document(1)? };
        let racks = read::Yaml::parse(&racks.name, &racks.text, &[""])?.document(0)?;
        let manifests = Self { pins, kind, cilium, hello_app, racks };
        check::check(&manifests, files)?;
        Ok(manifests)
    }
}

/// Says of an unknown key of `kind.yaml` that it is one of kind's, if it is.
fn of_kind(error: ManifestError) -> ManifestError {
    match error {
        ManifestError::Invalid { file, line, path, problem } if problem.ends_with("found an unknown key") => {
            let without_indexes: String =
                path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect::<Vec<_>>().join(".");
            let problem = kind_config::of_kind(&without_indexes).unwrap_or(problem);
            ManifestError::Invalid { file, line, path, problem }
        }
        other => other,
    }
}

/// The files before they are parsed.
#[derive(Debug)]
struct Files {
    pins: File,
    kind: File,
    cilium: File,
    hello_app: File,
    racks: File,
}

/// A file before it is parsed.
#[derive(Debug)]
struct File {
    /// Its name in errors.
    name: String,
    text: String,
}

macro_rules! embedded {
    ($file:literal) => {
        File {
            name: concat!("manifests/", $file).to_owned(),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests/", $file)).to_owned(),
        }
    };
}

impl Files {
    fn embedded() -> Self {
        Self {
            pins: embedded!("pins.json"),
            kind: embedded!("kind.yaml"),
            cilium: embedded!("cilium.yaml"),
            hello_app: embedded!("hello-app.yaml"),
            racks: embedded!("racks.yaml"),
        }
    }

    fn read(folder: &Path) -> Result<Self, ManifestError> {
        let file = |name: &str| {
            let file = folder.join(name);
            match std::fs::read_to_string(&file) {
                Ok(text) => Ok(File { name: file.display().to_string(), text }),
                Err(error) => Err(ManifestError::Unreadable { file, error }),
            }
        };
        Ok(Self {
            pins: file("pins.json")?,
            kind: file("kind.yaml")?,
            cilium: file("cilium.yaml")?,
            hello_app: file("hello-app.yaml")?,
            // The article's own files are the other four: a folder with those alone is a whole one.
            racks: if folder.join("racks.yaml").exists() { file("racks.yaml")? } else { embedded!("racks.yaml") },
        })
    }
}
