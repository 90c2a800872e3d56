//! Determines, from the command line and the manifests, which lab is built and what is expected of it.

use chrono::{DateTime, Utc};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

use crate::case::Case;
use crate::wanted::{On, Wanted};
use lab_backend::state::{DEFAULT_NAME, StateDir, StateError};
use lab_base::failure::{Failure, code};
use lab_doctor as doctor;
use lab_evidence as evidence;
use lab_evidence::RunFile;
use lab_images::kit::{Kit, deviations_by_kit, with_kit};
use lab_kind::spec::KindSpec;
use lab_manifest::overrides::{OverrideError, Overrides, expect_second_case};
use lab_manifest::pins::Pins;
use lab_manifest::{DEFAULT_CLUSTER, Fabric, KindNode, Manifests, Replicas, Tunnel};
use lab_model::deviation::{Deviation, ImageName, Pinned};
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::host::HostFacts;
use lab_model::observe::{NodeName, Role};
use lab_model::racks::Racks;
use lab_model::{BackendKind, Ground, Routing, Topology};
use lab_netns::bird;
use lab_netns::plan::{CLUSTER_IP, Placement, RacksSpec, Spec, bridge_subnet};

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

/// Reads the manifests and decides on the backend.
///
/// # Errors
/// Exit code 2 for options that no lab can have, 3 for a manifest or a chart that cannot be used.
pub fn setup(args: &Wanted) -> Result<Setup, Failure> {
    match args.on {
        On::Netns => setup_on(BackendKind::Netns, Vec::new(), args),
        On::Kind => setup_on(BackendKind::Kind, Vec::new(), args),
        On::Auto => automatic(args),
        On::Cluster => Err(Failure::usage(
            "--on cluster: a cluster that is there already is neither built nor changed; it is read by `lab verify --on cluster`",
        )),
    }
}

/// Chooses kind if the doctor refuses nothing; otherwise netns, with a note that says why.
fn automatic(args: &Wanted) -> Result<Setup, Failure> {
    let missing: Vec<&str> =
        ["docker", "kind", "helm"].into_iter().filter(|program| which::which(program).is_err()).collect();
    let why = if missing.is_empty() {
        let setup = setup_on(BackendKind::Kind, Vec::new(), args)?;
        match refusal_of_kind(&setup)? {
            None => return Ok(setup),
            Some(why) => why,
        }
    } else {
        format!("not in PATH: {}", missing.join(", "))
    };
    setup_on(BackendKind::Netns, vec![format!("kind was not taken: {why}")], args)
}

/// The first reason for which the doctor refuses a lab on kind.
fn refusal_of_kind(setup: &Setup) -> Result<Option<String>, Failure> {
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let rows = runtime.block_on(crate::examine(Path::new(""), setup, Path::new(".")));
    let refused = rows.iter().find(|row| row.outcome == doctor::Outcome::Refusal);
    Ok(refused.map(|row| format!("{}: {}", row.id, row.found)))
}

/// Determines the setup for a given backend. `notes` say why that backend was chosen.
///
/// # Errors
/// Exit code 2 for options that no lab on this backend can have, 3 for a manifest or a chart that cannot be used.
pub fn setup_on(backend: BackendKind, notes: Vec<String>, args: &Wanted) -> Result<Setup, Failure> {
    let name = name(backend, args)?;
    check_topology(args)?;
    if let (BackendKind::Netns, Some(option)) =
        (backend, args.overrides.only_on_kind().or(args.stream_images.then_some("--stream-images")))
    {
        let why = notes.first().map(|note| format!(" ({note})")).unwrap_or_default();
        return Err(Failure::usage(format!(
            "{option}: a lab on netns{why} has no Kubernetes and no Cilium that it could change; leave it out, or give `--on kind`"
        )));
    }
    let pinned = match &args.manifests {
        Some(folder) => Manifests::load(folder),
        None => Manifests::embedded(),
    };
    let pinned = pinned.map_err(|error| Failure::input(&error))?;
    if backend == BackendKind::Netns {
        check_netns(&pinned, args)?;
    }
    let overrides = Overrides::read(&args.overrides, &pinned).map_err(refused)?;
    // The kit is opened first, so that an unusable one is refused before the machine is checked.
    let kit = overrides.kit.as_deref().map(Kit::open).transpose()?;
    let effective = kit.as_ref().map(|kit| with_kit(&overrides, kit.index(), &pinned.pins));
    let effective = effective.as_ref().unwrap_or(&overrides);
    effective.check_routing(args.routing).map_err(refused)?;
    let mut manifests = effective.apply(&pinned).map_err(|error| match &kit {
        // What was given can be used, and what the kit holds cannot.
        Some(kit) if overrides.apply(&pinned).is_ok() => {
            Failure::usage(format!("--kit {}: its images: {error}", kit.path().display()))
        }
        _ => refused(error),
    })?;
    let nodes = args.nodes.unwrap_or(manifests.kind.nodes.len());
    effective.check_pool(&manifests, nodes, &apart(backend, &manifests)).map_err(refused)?;
    let deviations = match &kit {
        Some(kit) => deviations_by_kit(effective, &overrides, kit.path(), &pinned),
        None => overrides.deviations(&pinned),
    };

    let mut notes = notes;
    if backend == BackendKind::Kind {
        notes.extend(
            not_listed(&pinned.pins).filter(|_note| effective.node_image.is_none() && effective.chart.is_none()),
        );
    }
    let mut expect =
        manifests.expectations(args.nodes, args.replicas).map_err(|error| Failure::usage(error.to_string()))?;
    let cluster = match backend {
        BackendKind::Kind => name.as_deref().unwrap_or(DEFAULT_CLUSTER),
        BackendKind::Netns | BackendKind::Cluster => DEFAULT_CLUSTER,
    };
    if backend == BackendKind::Kind {
        expect.cluster = Some(of_cluster(&manifests, effective, cluster, args.routing));
    }
    resize(&mut manifests, args, &expect);
    let mut spec = Spec {
        routing: args.routing,
        nodes: manifests.node_names(cluster, expect.control_planes, expect.workers),
        bridge: expect.network.clone(),
        replicas: expect.replicas,
        workload: expect.service.clone(),
        target_port: expect.target_port,
        service_port: expect.service_port,
        pod_pool: expect.pod_pool,
        pod_cidr_prefix: expect.pod_cidr_prefix,
        native_cidr: expect.native_cidr,
        placement: Placement::Apart,
        subnet: bridge_subnet(),
        racks: None,
    };
    if args.topology == Topology::Racks {
        let layout = racks(&manifests, args, &spec, (backend == BackendKind::Kind).then_some(cluster))?;
        expect.racks = Some(layout.clone());
        spec.racks = Some(RacksSpec { bird: bird::find().unwrap_or_default(), layout });
    }
    let pins = serde_json::to_value(&pinned.pins).map_err(|error| Failure::input(&error))?;
    let mut inputs = json!({
        "on": args.on.name(),
        "routing": args.routing,
        "nodes": spec.nodes.len(),
        "replicas": spec.replicas,
        "manifests": args.manifests.as_ref().map_or_else(|| "embedded".to_owned(), |dir| dir.display().to_string()),
        "overrides": overrides,
    });
    if let Some(racks) = &spec.racks {
        inputs["topology"] = json!(args.topology);
        inputs["racks"] = json!(racks.layout.racks.len());
    }
    Ok(Setup {
        backend,
        notes,
        name,
        spec,
        expect,
        pins,
        inputs,
        manifests,
        overrides,
        deviations,
        stream_images: args.stream_images,
    })
}

/// Without `--racks`.
const RACKS: usize = 2;

/// What is expected of a cluster of this name alone, with what the command line sets and what its routing needs.
fn of_cluster(manifests: &Manifests, given: &Overrides, cluster: &str, routing: Routing) -> ClusterExpectations {
    let mut expected = manifests.cluster_expectations(cluster);
    given.expect(&mut expected);
    if routing == Routing::Bgp {
        expect_second_case(&mut expected);
    }
    expected
}

/// How the racks are laid out; `cluster` is that of a lab on kind.
fn racks(manifests: &Manifests, args: &Wanted, spec: &Spec, cluster: Option<&str>) -> Result<Racks, Failure> {
    let fabric = cluster.map_or(Fabric::Namespaces, Fabric::Docker);
    let nodes: Vec<NodeName> = spec.nodes.iter().map(|(name, _role)| name.clone()).collect();
    let asked = args.racks.unwrap_or(RACKS);
    let laid_out = manifests.racks.racks(asked, &nodes, spec.native_cidr, args.routing == Routing::Bgp, fabric);
    laid_out.map_err(|error| Failure::usage(error.to_string()))
}

/// Refuses topologies that no lab can have.
fn check_topology(args: &Wanted) -> Result<(), Failure> {
    let why = match (args.topology, args.routing, args.racks) {
        (Topology::Flat, Routing::Bgp, _) => {
            "--routing bgp: nodes on one L2 network have no ToR that they could announce anything to; give `--topology racks`"
        }
        (Topology::Flat, _, Some(_)) => "--racks: without racks there are none; give `--topology racks`",
        _ => return Ok(()),
    };
    Err(Failure::usage(why))
}

/// The newest minor version of Kubernetes that Cilium 1.12 is tested with (Documentation/concepts/kubernetes/requirements.rst).
const LISTED: (u32, u32) = (1, 24);

/// A note on the pinned Kubernetes, where it is newer than those that Cilium's own documentation lists.
fn not_listed(pins: &Pins) -> Option<String> {
    let (kubernetes, chart) = (pins.kubernetes.version.as_str(), pins.chart.version.as_str());
    let mut numbers = kubernetes.split('.').map(|number| number.parse().ok());
    let version: (u32, u32) = (numbers.next()??, numbers.next()??);
    (chart.starts_with("1.12.") && version > LISTED).then(|| {
        format!(
            "Cilium {chart} is tested with Kubernetes up to {}.{}; the article runs it with {kubernetes}",
            LISTED.0, LISTED.1
        )
    })
}

/// Refuses manifests that ask for other routing than a lab on netns would be built with: it has no Cilium that reads them,
/// and would be judged as if they had asked for nothing.
fn check_netns(manifests: &Manifests, args: &Wanted) -> Result<(), Failure> {
    let values = &manifests.cilium.values;
    let (key, found, instead) = match (values.tunnel, values.auto_direct_node_routes, args.routing) {
        (Tunnel::Disabled, true, _)
        | (Tunnel::Vxlan, false, Routing::Vxlan)
        | (Tunnel::Disabled, false, Routing::None) => {
            return Ok(());
        }
        (Tunnel::Disabled, direct, _) => ("autoDirectNodeRoutes", direct.to_string(), "`--routing none`"),
        (tunnel, ..) => ("tunnel", tunnel.word().to_owned(), "`--routing vxlan`"),
    };
    let folder = args.manifests.as_deref().unwrap_or(Path::new("manifests"));
    Err(Failure {
        code: code::INPUT,
        message: format!(
            "{}: values.{key}: expected the article's native routing, found {found}: a lab on netns has no Cilium that could \
             be told of it; {instead} is the contrast there, or give `--on kind`",
            folder.join("cilium.yaml").display()
        ),
    })
}

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

/// Networks that pods cannot use, each with the reason. On kind, the doctor checks this against the host's networks.
fn apart(backend: BackendKind, manifests: &Manifests) -> Vec<(Ipv4Net, &'static str)> {
    match backend {
        BackendKind::Kind => vec![(manifests.kind.networking.service_cidr(), "where the Services' addresses are")],
        BackendKind::Netns | BackendKind::Cluster => {
            vec![(bridge_subnet(), "where the nodes are"), (Ipv4Net::from(CLUSTER_IP), "the Service's ClusterIP")]
        }
    }
}

/// The exit code of an override's error: an unusable chart is bad input, anything else is wrong usage.
fn refused(error: OverrideError) -> Failure {
    match error {
        OverrideError::Chart(chart) => Failure::input(&chart),
        other => Failure::usage(other.to_string()),
    }
}

/// Sets the number of nodes and replicas in the manifests.
fn resize(manifests: &mut Manifests, args: &Wanted, expect: &Expectations) {
    if args.nodes.is_some() {
        let nodes = [(Role::ControlPlane, expect.control_planes), (Role::Worker, expect.workers)];
        manifests.kind.nodes =
            nodes.into_iter().flat_map(|(role, count)| std::iter::repeat_n(KindNode { role }, count)).collect();
    }
    // This always succeeds, since expectations have at least 1 replica.
    if let Some(replicas) = u64::try_from(expect.replicas).ok().and_then(|count| Replicas::try_from(count).ok()) {
        manifests.hello_app.deployment.spec.replicas = replicas;
    }
}

/// The lab's name, if it is known here. On kind it is also the cluster's name.
fn name(backend: BackendKind, args: &Wanted) -> Result<Option<String>, Failure> {
    let fits = |name: &str| {
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') && !name.ends_with('-')
    };
    match (backend, &args.name) {
        (BackendKind::Netns | BackendKind::Cluster, name) => Ok(name.clone()),
        (BackendKind::Kind, None) => Ok(Some(DEFAULT_CLUSTER.to_owned())),
        // Containers, hosts and Kubernetes nodes have names made of it (RFC 1123).
        (BackendKind::Kind, Some(name)) if !fits(name) => Err(Failure::usage(format!(
            "--name: {name:?} cannot be a kind cluster's name: use lower-case letters, digits and -, ending with a letter or digit"
        ))),
        (BackendKind::Kind, Some(name)) => Ok(Some(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubernetes_that_is_newer_than_those_that_cilium_lists_is_noted() {
        let mut pins = Manifests::embedded().unwrap().pins;
        let note = "Cilium 1.12.4 is tested with Kubernetes up to 1.24; the article runs it with 1.25.3";
        assert_eq!(not_listed(&pins).as_deref(), Some(note));
        pins.kubernetes.version = "1.24.17".to_owned().try_into().unwrap();
        assert_eq!(not_listed(&pins), None);
    }
}
