//! Checks that the files of `manifests/` do not contradict each other, and that values within a file go together.

use super::error::ManifestError;
use super::hello_app::Labels;
use super::{Files, Manifests};
use lab_model::CiliumVersion;
use lab_model::observe::Role;

/// The label of nodes that differs on each (<https://kubernetes.io/docs/reference/labels-annotations-taints/>).
const ONE_NODE: &str = "kubernetes.io/hostname";

/// Refuses manifests that contradict each other. The error names the first contradiction.
pub(super) fn check(manifests: &Manifests, files: &Files) -> Result<(), ManifestError> {
    versions(manifests, &files.pins.name)?;
    roles(manifests, &files.kind.name)?;
    networks(manifests, &files.cilium.name)?;
    tunnel(manifests, &files.cilium.name)?;
    services(manifests, &files.kind.name)?;
    workload(manifests, &files.hello_app.name)
}

/// Checks the versions of Cilium's chart and image. A tag that is not a version is accepted.
fn versions(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    // `cilium.yaml` sets the article's values, among them `tunnel`, which newer charts do not have.
    let newest = CiliumVersion::ROUTING_MODE;
    let expected =
        || format!("Cilium {} to {newest}, whose charts know the values in cilium.yaml", CiliumVersion::OLDEST);
    let known = |version: Option<CiliumVersion>| {
        version.is_some_and(|version| (CiliumVersion::OLDEST..=newest).contains(&version))
    };
    let pins = &manifests.pins;
    let chart = pins.chart.version.as_str();
    unless(known(CiliumVersion::parse(chart)), file, "chart.version", || (expected(), chart.to_owned()))?;
    let tag = pins.images.cilium.tag.as_str();
    let version = CiliumVersion::parse(tag);
    unless(version.is_none() || known(version), file, "images.cilium.tag", || (expected(), tag.to_owned()))
}

fn roles(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    let control_planes = manifests.kind.count(Role::ControlPlane);
    // If there are several control planes, kind v0.17.0 puts a load balancer in front of them: a container on the lab's
    // network that is not a node, whose address the API server then has
    // (`pkg/cluster/internal/providers/docker/provision.go`).
    unless(control_planes == 1, file, "nodes", || {
        let why = "with several, kind adds a load balancer, which the article's lab does not have";
        let found = if control_planes == 0 { "none".to_owned() } else { control_planes.to_string() };
        (format!("one node of role control-plane ({why})"), found)
    })?;
    unless(manifests.kind.count(Role::Worker) > 0, file, "nodes", || {
        ("at least one node of role worker".to_owned(), "none".to_owned())
    })
}

fn networks(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    let defaults = &manifests.cilium.chart_defaults;
    let pool = defaults.cluster_pool_ipv4_pod_cidr.net();
    let native = manifests.cilium.values.ipv4_native_routing_cidr.net();
    unless(native.contains(&pool), file, "values.ipv4NativeRoutingCIDR", || {
        (format!("a network that contains the pool {pool} (chartDefaults.clusterPoolIPv4PodCIDR)"), native.to_string())
    })?;
    let (nodes, cidrs) = (manifests.kind.nodes.len(), defaults.pod_cidrs());
    let prefix = defaults.cluster_pool_ipv4_mask_size.get();
    unless(cidrs >= nodes, file, "chartDefaults.clusterPoolIPv4PodCIDR", || {
        (
            format!("room for {nodes} pod CIDRs of /{prefix}, one for each of the nodes in kind.yaml"),
            format!("{pool}, with room for {cidrs}"),
        )
    })
}

/// Whether an agent of Cilium 1.12 would run with this tunnel: together with direct routes it ends with
/// `auto-direct-node-routes cannot be used with tunneling`.
pub(super) fn runs_with(tunnel: &str, direct_routes: bool) -> bool {
    tunnel == "disabled" || !direct_routes
}

fn tunnel(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    let values = &manifests.cilium.values;
    unless(runs_with(values.tunnel.word(), values.auto_direct_node_routes), file, "values.tunnel", || {
        let expected = "`disabled` beside values.autoDirectNodeRoutes, since Cilium 1.12 does not run with both";
        (expected.to_owned(), values.tunnel.word().to_owned())
    })
}

/// Refuses Services with addresses that pods get. The article's own lie in the pool too, beyond what so few nodes get of it.
fn services(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    let Some(services) = manifests.kind.networking.service_subnet.map(super::ServiceCidr::net) else { return Ok(()) };
    let taken = manifests.cilium.chart_defaults.first_pod_cidrs(manifests.kind.nodes.len());
    let overlapping = taken.into_iter().find(|pods| services.contains(pods) || pods.contains(&services));
    unless(overlapping.is_none(), file, "networking.serviceSubnet", || {
        let pods = overlapping.map(|pods| pods.to_string()).unwrap_or_default();
        (format!("a network apart from {pods}, which a node gives to its pods"), services.to_string())
    })
}

fn workload(manifests: &Manifests, file: &str) -> Result<(), ManifestError> {
    let service = &manifests.hello_app.service.spec;
    let template = &manifests.hello_app.deployment.spec.template;
    let labels = &template.metadata.labels;
    let [container] = &template.spec.containers;
    let ([service_port], [container_port]) = (&service.ports, &container.ports);

    let (target, listens) = (service_port.target_port.get(), container_port.container_port.get());
    unless(target == listens, file, "Service.spec.ports[0].targetPort", || {
        (format!("the containerPort of the Deployment, {listens}"), target.to_string())
    })?;
    unless(selects(&service.selector, labels), file, "Service.spec.selector", || {
        (format!("labels of the Deployment's pods, {}", show(labels)), show(&service.selector))
    })?;
    let rules = template.spec.affinity.as_ref().map(|affinity| {
        let rules = &affinity.pod_anti_affinity.required_during_scheduling_ignored_during_execution;
        rules.iter().filter(|rule| rule.topology_key == ONE_NODE)
    });
    let apart = rules.into_iter().flatten().any(|rule| selects(&rule.label_selector.match_labels, labels));
    unless(apart, file, "Deployment.spec.template.spec.affinity", || {
        let pods = show(labels);
        (format!("required pod anti-affinity on {ONE_NODE} among pods with {pods}"), "none".to_owned())
    })?;
    let pinned = manifests.pins.images.hello_app.tagged();
    unless(container.image == pinned, file, "Deployment.spec.template.spec.containers[0].image", || {
        (format!("\"{pinned}\" (pins.json: images.hello-app)"), format!("{:?}", container.image))
    })
}

fn unless(
    holds: bool,
    file: &str,
    key: &'static str,
    expected_and_found: impl FnOnce() -> (String, String),
) -> Result<(), ManifestError> {
    if holds {
        return Ok(());
    }
    let (expected, found) = expected_and_found();
    Err(ManifestError::Inconsistent { file: file.to_owned(), key, expected, found })
}

/// Whether a selector selects pods with these labels. An empty selector never does here, although Kubernetes reads it as all
/// pods in a rule of affinity, and as none in a Service.
fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn show(labels: &Labels) -> String {
    if labels.is_empty() {
        return "no labels".to_owned();
    }
    labels.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
}
