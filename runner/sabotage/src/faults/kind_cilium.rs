//! Faults of what Cilium's agents are made of and run with, while they go on running.

use super::super::cluster::{Breakage, KUBECTL, NodeCommand};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, WORKER2};
use lab_harness::expect::Expect::Refuted;
use lab_model::Reason::{AnotherImage, WrongConfigMap};

/// Agents read the `ConfigMap` once, when they start: what is written there afterwards, nobody does.
pub(super) const CONFIG_MAP_CHANGED: Fault = Fault {
    name: "config-map-changed",
    what: "The ConfigMap cilium-config says auto-direct-node-routes=false, and no agent is restarted.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            let patch = |value: &str| {
                format!(
                    r#"{KUBECTL} --namespace kube-system patch configmap cilium-config -p '{{"data":{{"auto-direct-node-routes":"{value}"}}}}'"#
                )
            };
            Ok(vec![NodeCommand { node: CONTROL_PLANE, make: patch("false"), undo: patch("true") }])
        }),
        settles: &[],
    },
    kills: &["cilium::routes_natively"],
    breaks: &[],
    turns: &[("cilium::routes_natively", Refuted(&[(WrongConfigMap, BRIDGE)]))],
    undo: Undo::PutBack,
};

/// The name of the other image on its node.
const OTHER: &str = "lab.invalid/another-agent:1";

/// Makes an image of the same layers, whose configuration has another date of the same length, in the node's containerd.
const MAKE_OTHER: &str = r#"
set -e
content() { ctr -n k8s.io content get "$1"; }
put() { digest=$(sha256sum "$1"); digest=${digest%% *}; mv "$1" "$work/blobs/sha256/$digest"; }
work=/run/lab-another-agent
rm -rf "$work"
mkdir -p "$work/blobs/sha256"
agent=$(crictl ps --name '^cilium-agent$' --state Running -o json | tr -d '\n' | sed 's/.*"imageRef": *"\([^"]*\)".*/\1/')
for manifest in $(ctr -n k8s.io images ls | sed -n 's/.* \(sha256:[0-9a-f]*\) .*/\1/p' | sort -u); do
    content "$manifest" > "$work/manifest"
    if grep -q "$agent" "$work/manifest"; then break; fi
done
grep -q "$agent" "$work/manifest"
content "$agent" | sed 's/"created":"[0-9]\{4\}-/"created":"1970-/' > "$work/config"
put "$work/config"
sed "s/$agent/sha256:$digest/" "$work/manifest" > "$work/changed"
rm "$work/manifest"
size=$(wc -c < "$work/changed")
put "$work/changed"
kind=$(sed 's/.*"mediaType": *"\([^"]*manifest[^"]*\)".*/\1/' "$work/blobs/sha256/$digest" | tr -d '\n')
case $kind in application/*) ;; *) kind=application/vnd.oci.image.manifest.v1+json ;; esac
echo '{"imageLayoutVersion":"1.0.0"}' > "$work/oci-layout"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \
    "$kind" "$digest" "$size" "$NAME" > "$work/index.json"
tar -C "$work" -cf - oci-layout index.json blobs | ctr -n k8s.io images import -
rm -rf "$work"
"#;

/// One agent's container is given another image, whose programs are the same. Its `DaemonSet` does not notice.
pub(super) const AGENT_OF_ANOTHER_IMAGE: Fault = Fault {
    name: "agent-of-another-image",
    what: "The agent of kind-worker2 runs an image of the same layers with another configuration.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let node = who.node(WORKER2);
            let system = format!("{KUBECTL} --namespace kube-system");
            let pod = format!(
                "pod=$({system} get pods --selector k8s-app=cilium --field-selector spec.nodeName={node} -o name)"
            );
            let image = |image: &str| format!("{pod} && {system} set image $pod cilium-agent={image}");
            let before = format!(
                "{system} get daemonset cilium -o jsonpath='{{.spec.template.spec.containers[?(@.name==\"cilium-agent\")].image}}'"
            );
            Ok(vec![
                NodeCommand {
                    node: WORKER2,
                    make: format!("NAME={OTHER}\n{MAKE_OTHER}"),
                    undo: format!("ctr -n k8s.io images rm {OTHER}"),
                },
                NodeCommand { node: CONTROL_PLANE, make: image(OTHER), undo: image(&format!("$({before})")) },
            ])
        }),
        settles: &[
            "cilium::images_are_the_pinned_ones",
            "cilium::components_are_ok",
            "cluster::nodes_become_ready",
            "routing::direct_route_to_every_peer",
        ],
    },
    kills: &["cilium::images_are_the_pinned_ones"],
    breaks: &[],
    turns: &[("cilium::images_are_the_pinned_ones", Refuted(&[(AnotherImage, WORKER2)]))],
    undo: Undo::PutBack,
};
