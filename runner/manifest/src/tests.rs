//! The embedded files say what the article says.

use serde_json::json;

use super::{DEFAULT_CLUSTER, ExpectationsError, Files, Manifests};
use lab_model::expect::Expectations;
use lab_model::observe::Role;

fn manifests() -> Manifests {
    Manifests::embedded().unwrap_or_else(|error| panic!("{error}"))
}

/// The article's `kind-config.yaml`.
const KIND_CONFIG: &str = r#"kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: worker
- role: worker
networking:
  disableDefaultCNI: true
  kubeProxyMode: "none" # --skip-phases=addon/kube-proxy
"#;

/// From the article's `cilium status --wait`.
const IMAGE_VERSIONS: [&str; 2] = [
    "quay.io/cilium/cilium:v1.12.4@sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf",
    "quay.io/cilium/operator-generic:v1.12.4@sha256:071089ec5bca1f556afb8e541d9972a0dfb09d1e25504ae642ced021ecbedbd1",
];

#[test]
fn the_kind_configuration_is_the_articles_line_by_line() {
    let ours = Files::embedded().kind.text;
    let lines: Vec<&str> = ours.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.join("\n") + "\n", KIND_CONFIG);
}

#[test]
fn the_pins_are_what_the_article_prints() {
    let pins = manifests().pins;
    assert_eq!(pins.tools.kind.version.as_str(), "0.17.0");
    assert_eq!(pins.kubernetes.version.as_str(), "1.25.3");
    // The article's own `kubectl get nodes -o wide` shows them, of kind 0.17.0's default image, whose digest is pinned.
    assert_eq!(pins.kubernetes.os_image.as_deref(), Some("Ubuntu 22.04.1 LTS"));
    assert_eq!(pins.kubernetes.container_runtime_version.as_deref(), Some("containerd://1.6.9"));
    assert_eq!(pins.images.node.tagged(), "kindest/node:v1.25.3");
    assert_eq!(pins.chart.version.as_str(), "1.12.4");
    assert_eq!(pins.chart.repository.as_str(), "https://helm.cilium.io/");
    assert_eq!(pins.images.hello_app.tagged(), "hello-app:1.0");
    let printed = [pins.images.cilium, pins.images.operator_generic].map(|image| {
        let digest = image.digest.as_ref().map_or("no digest", super::Digest::as_str);
        format!("{}@{digest}", image.tagged())
    });
    assert_eq!(printed, IMAGE_VERSIONS);
}

#[test]
fn the_pins_agree_with_each_other() {
    let pins = manifests().pins;
    assert_eq!(pins.tools.kubectl.version, pins.kubernetes.version);
    assert_eq!(pins.images.node.tag.as_str(), format!("v{}", pins.kubernetes.version));
    assert_eq!(pins.images.cilium.tag.as_str(), format!("v{}", pins.chart.version));
    assert_eq!(pins.images.operator_generic.tag, pins.images.cilium.tag);
    assert!(pins.chart.url.as_str().ends_with(&format!("/cilium-{}.tgz", pins.chart.version)));
    let tools = pins.tools;
    for tool in [tools.kind, tools.kubectl, tools.helm, tools.cilium_cli] {
        for (download, arch) in [(&tool.linux_amd64, "amd64"), (&tool.linux_arm64, "arm64")] {
            match download {
                Some(download) => {
                    let url = download.url.as_str();
                    assert!(url.contains(&format!("v{}", tool.version)) && url.contains(arch), "{url}");
                }
                None => assert!(tool.note.as_ref().is_some_and(|note| note.contains(&format!("linux-{arch}")))),
            }
        }
        assert!(tool.linux_amd64.is_some() || tool.source.is_some());
    }
    for image in [pins.images.node, pins.images.hello_app] {
        assert!(image.digest.is_some() || image.note.is_some_and(|note| note.contains("digest")));
    }
    assert!(pins.docker.api_max.is_some() || pins.docker.note.is_some_and(|note| note.contains("apiMax")));
}

/// The article's `--set` options, and nothing else.
#[test]
fn the_values_are_the_articles_seven() {
    let cilium = manifests().cilium;
    let values = serde_json::to_value(&cilium.values).unwrap();
    let article = json!({
        "tunnel": "disabled",
        "autoDirectNodeRoutes": true,
        "ipv4NativeRoutingCIDR": "10.0.0.0/8",
        "kubeProxyReplacement": "strict",
        "k8sServiceHost": "from-cluster",
        "k8sServicePort": 6443,
        "bpf": {"masquerade": true},
    });
    assert_eq!(values, article);
    let release = serde_json::to_value(&cilium.release).unwrap();
    assert_eq!(release, json!({"name": "cilium", "namespace": "kube-system", "chart": "cilium"}));
}

/// What is typed is all that the files say: nothing is lost, nothing is added.
#[test]
fn the_types_write_back_what_the_files_say() {
    let files = Files::embedded();
    let yaml = |text: &str| serde_yaml::from_str::<serde_json::Value>(text).unwrap();
    let (deployment, service) = files.hello_app.text.split_once("---\n").unwrap();
    let said = json!({
        "pins": serde_json::from_str::<serde_json::Value>(&files.pins.text).unwrap(),
        "kind": yaml(&files.kind.text),
        "cilium": yaml(&files.cilium.text),
        "hello_app": {"deployment": yaml(deployment), "service": yaml(service)},
        "racks": yaml(&files.racks.text),
    });
    assert_eq!(serde_json::to_value(manifests()).unwrap(), said);
}

/// `kubectl create deployment` and `kubectl expose` label and select by the name.
#[test]
fn the_workload_is_what_the_articles_commands_make() {
    let hello_app = manifests().hello_app;
    let label = json!({"app": "hello-app"});
    let deployment = serde_json::to_value(&hello_app.deployment).unwrap();
    for pointer in ["/metadata/labels", "/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        assert_eq!(deployment.pointer(pointer), Some(&label), "{pointer}");
    }
    assert_eq!(deployment.pointer("/spec/replicas"), Some(&json!(2)));
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image"), Some(&json!("hello-app:1.0")));
    let service = serde_json::to_value(&hello_app.service).unwrap();
    assert_eq!(service.pointer("/spec/selector"), Some(&label));
    assert_eq!(service.pointer("/spec/ports"), Some(&json!([{"port": 8080, "targetPort": 8080}])));
}

#[test]
fn the_expectations_are_the_articles() {
    let expected = Expectations {
        control_planes: 1,
        workers: 2,
        network: "kind".to_owned(),
        pod_pool: "10.0.0.0/8".parse().unwrap(),
        pod_cidr_prefix: 24,
        native_cidr: "10.0.0.0/8".parse().unwrap(),
        replicas: 2,
        service: "hello-app".to_owned(),
        service_port: 8080,
        target_port: 8080,
        racks: None,
        cluster: None,
        foreign: None,
    };
    assert_eq!(manifests().expectations(None, None), Ok(expected));
}

#[test]
fn the_command_line_replaces_nodes_and_replicas() {
    let manifests = manifests();
    let counts = |nodes, replicas| {
        manifests.expectations(nodes, replicas).map(|expect| (expect.control_planes, expect.workers, expect.replicas))
    };
    assert_eq!(counts(Some(5), None), Ok((1, 4, 2)));
    assert_eq!(counts(Some(100), Some(99)), Ok((1, 99, 99)));
    assert_eq!(counts(Some(2), Some(1)), Ok((1, 1, 1)));
    assert_eq!(counts(Some(2), None), Ok((1, 1, 1)), "one worker has room for one replica");
    assert_eq!(counts(None, Some(1)), Ok((1, 2, 1)));
}

#[test]
fn numbers_that_no_lab_can_have_are_refused_in_words() {
    let manifests = manifests();
    let refused = |nodes, replicas| manifests.expectations(nodes, replicas).unwrap_err().to_string();
    for nodes in [0, 1, 101] {
        let text = format!("--nodes: expected 2 to 100 (one control plane, the others workers), found {nodes}");
        assert_eq!(refused(Some(nodes), None), text);
    }
    assert_eq!(refused(None, Some(0)), "--replicas: expected 1 or more, found 0");
    assert_eq!(
        refused(None, Some(3)),
        "--replicas: expected 2 at most, one on each worker (kind.yaml: nodes; hello-app.yaml keeps replicas apart), \
         found 3"
    );
    assert_eq!(
        refused(Some(2), Some(2)),
        "--replicas: expected 1 at most, one on each worker (--nodes; hello-app.yaml keeps replicas apart), found 2"
    );
}

#[test]
fn more_nodes_than_the_pool_has_pod_cidrs_are_refused() {
    let mut manifests = manifests();
    manifests.cilium.chart_defaults.cluster_pool_ipv4_pod_cidr = "10.0.0.0/22".to_owned().try_into().unwrap();
    assert_eq!(manifests.expectations(Some(4), None).map(|expect| expect.nodes()), Ok(4));
    let error = manifests.expectations(Some(5), None).unwrap_err();
    assert_eq!(error, ExpectationsError::TooFewPodCidrs { asked: 5, pod_cidrs: 4 });
    assert_eq!(
        error.to_string(),
        "--nodes: expected 4 at most, as many as the pool in cilium.yaml has pod CIDRs, found 5"
    );
}

#[test]
fn nodes_are_named_as_kind_names_them() {
    let named = |control_planes, workers| {
        let nodes = manifests().node_names(DEFAULT_CLUSTER, control_planes, workers);
        nodes.into_iter().map(|(name, role)| (name.0, role)).collect::<Vec<_>>()
    };
    let node = |name: &str, role| (name.to_owned(), role);
    // The article's `kubectl get nodes`.
    assert_eq!(
        named(1, 2),
        [
            node("kind-control-plane", Role::ControlPlane),
            node("kind-worker", Role::Worker),
            node("kind-worker2", Role::Worker),
        ]
    );
    assert_eq!(named(2, 0)[1], node("kind-control-plane2", Role::ControlPlane));
    assert_eq!(named(1, 11)[11], node("kind-worker11", Role::Worker));
    let other: Vec<String> = manifests().node_names("other", 1, 1).into_iter().map(|(name, _)| name.0).collect();
    assert_eq!(other, ["other-control-plane", "other-worker"]);
}
