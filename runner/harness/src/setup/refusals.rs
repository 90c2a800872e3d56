//! What no lab can have, and what the pinned versions have not been tested with.

use std::path::Path;

use crate::wanted::Wanted;
use lab_base::failure::{Failure, code};
use lab_manifest::pins::Pins;
use lab_manifest::{DEFAULT_CLUSTER, Manifests, Tunnel};
use lab_model::{BackendKind, Routing, Topology};

/// Refuses topologies that no lab can have.
pub(super) fn check_topology(args: &Wanted) -> Result<(), Failure> {
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
pub(super) fn not_listed(pins: &Pins) -> Option<String> {
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
pub(super) fn check_netns(manifests: &Manifests, args: &Wanted) -> Result<(), Failure> {
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

/// The lab's name, if it is known here. On kind it is also the cluster's name.
pub(super) fn name(backend: BackendKind, args: &Wanted) -> Result<Option<String>, Failure> {
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
