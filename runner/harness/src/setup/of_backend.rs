//! A setup for a given backend: the manifests with what the command line changes in them.

use ipnet::Ipv4Net;
use serde_json::json;

use super::Setup;
use super::refusals::{check_netns, check_topology, name, not_listed};
use crate::wanted::Wanted;
use lab_base::failure::Failure;
use lab_images::kit::{Kit, deviations_by_kit, with_kit};
use lab_manifest::overrides::{OverrideError, Overrides, expect_second_case};
use lab_manifest::{DEFAULT_CLUSTER, Fabric, KindNode, Manifests, Replicas};
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::observe::{NodeName, Role};
use lab_model::racks::Racks;
use lab_model::{BackendKind, Routing, Topology};
use lab_netns::bird;
use lab_netns::plan::{CLUSTER_IP, Placement, RacksSpec, Spec, bridge_subnet};

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
