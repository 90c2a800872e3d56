//! From the command line and the manifests to what is built and what is expected.

use serde_json::{Value, json};

use crate::backend::BackendKind;
use crate::backend::netns::plan::{Placement, Spec};
use crate::cli::{LabArgs, On};
use crate::expect::Expectations;
use crate::failure::Failure;
use crate::manifest::Manifests;

/// What is built, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the lab is made of.
    pub backend: BackendKind,
    /// What a reader should know of that choice.
    pub notes: Vec<String>,
    /// What the netns backend builds.
    pub spec: Spec,
    /// What judges expect.
    pub expect: Expectations,
    /// The pins that were used.
    pub pins: Value,
    /// What was asked for.
    pub inputs: Value,
}

/// Reads the manifests and decides on the backend.
///
/// # Errors
/// Exit code 2 for options that no lab can have, 3 for a manifest that cannot be used.
pub fn setup(args: &LabArgs) -> Result<Setup, Failure> {
    let (backend, notes) = backend(args.on)?;
    let manifests = match &args.manifests {
        Some(folder) => Manifests::load(folder),
        None => Manifests::embedded(),
    };
    let manifests = manifests.map_err(|error| Failure::input(&error))?;
    let expect =
        manifests.expectations(args.nodes, args.replicas).map_err(|error| Failure::usage(error.to_string()))?;
    let spec = Spec {
        routing: args.routing,
        nodes: manifests.node_names(expect.control_planes, expect.workers),
        bridge: expect.network.clone(),
        replicas: expect.replicas,
        workload: expect.service.clone(),
        target_port: expect.target_port,
        service_port: expect.service_port,
        pod_pool: expect.pod_pool,
        pod_cidr_prefix: expect.pod_cidr_prefix,
        native_cidr: expect.native_cidr,
        placement: Placement::Apart,
    };
    let pins = serde_json::to_value(&manifests.pins).map_err(|error| Failure::input(&error))?;
    let inputs = json!({
        "on": format!("{:?}", args.on).to_lowercase(),
        "routing": args.routing,
        "nodes": spec.nodes.len(),
        "replicas": spec.replicas,
        "manifests": args.manifests.as_ref().map_or_else(|| "embedded".to_owned(), |dir| dir.display().to_string()),
    });
    Ok(Setup { backend, notes, spec, expect, pins, inputs })
}

fn backend(on: On) -> Result<(BackendKind, Vec<String>), Failure> {
    const NO_KIND: &str = "this version of lab has no kind backend yet";
    match on {
        On::Netns => Ok((BackendKind::Netns, Vec::new())),
        On::Auto => Ok((BackendKind::Netns, vec![format!("kind was not taken: {NO_KIND}")])),
        On::Kind => Err(Failure::usage(format!(
            "--on kind: {NO_KIND}; `--on netns` runs the network cases in network namespaces"
        ))),
    }
}
