//! Each broken copy of the files gives one line that names the place.

use std::fs;
use std::path::Path;

use super::{Files, Manifests};

const PINS: &str = "pins.json";
const KIND: &str = "kind.yaml";
const CILIUM: &str = "cilium.yaml";
const HELLO_APP: &str = "hello-app.yaml";

fn write(folder: &Path) {
    let Files { pins, kind, cilium, hello_app } = Files::embedded();
    for (name, file) in [(PINS, pins), (KIND, kind), (CILIUM, cilium), (HELLO_APP, hello_app)] {
        fs::write(folder.join(name), file.text).unwrap();
    }
}

/// The error of a folder in which `old`, which must be there, was replaced in one file. The folder is called DIR.
/// `LINE` in the message stands for the line on which `marked`, a part of `new`, begins.
#[track_caller]
fn refused(file: &str, old: &str, new: &str, marked: &str, message: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find(old).unwrap_or_else(|| panic!("{file} has no {old:?}"));
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    let offset = at + new.find(marked).unwrap_or_else(|| panic!("{new:?} has no {marked:?}"));
    let before = text.replacen(old, new, 1)[..offset].matches('\n').count();
    let error = Manifests::load(folder.path()).unwrap_err().to_string();
    let error = error.replace(&folder.path().display().to_string(), "DIR");
    assert_eq!(error, message.replace("LINE", &(before + 1).to_string()));
}

#[test]
fn an_unbroken_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    assert_eq!(Manifests::load(folder.path()).unwrap(), Manifests::embedded().unwrap());
}

#[test]
fn each_file_must_be_there() {
    for file in [PINS, KIND, CILIUM, HELLO_APP] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        fs::remove_file(folder.path().join(file)).unwrap();
        let expected = format!(
            "{}/{file}: cannot be read: No such file or directory (os error 2); its folder must hold pins.json, \
             kind.yaml, cilium.yaml and hello-app.yaml",
            folder.path().display()
        );
        assert_eq!(Manifests::load(folder.path()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn json_values_without_their_form() {
    let digest = "sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf";
    let message =
        "DIR/pins.json:LINE: images.cilium.digest: expected \"sha256:\" and 64 hex digits, found \"sha256:4b07\"";
    refused(PINS, digest, "sha256:4b07", "sha256:4b07", message);
    // The value is on a later line than its key, and another follows.
    let key = format!("\"digest\": \"{digest}\"");
    refused(PINS, &key, "\"digest\":\n\n\"sha256:4b07\"\n\n", "\"sha256:4b07\"", message);
    refused(
        PINS,
        "\"version\": \"0.17.0\",",
        "\"version\": \"v0.17.0\",",
        "v0",
        "DIR/pins.json:LINE: tools.kind.version: expected a version of three numbers, without \"v\", found \"v0.17.0\"",
    );
    refused(
        PINS,
        "\"schema\": 1,",
        "\"schema\": 2, \"new\": 1,",
        "2",
        "DIR/pins.json:LINE: schema: expected schema 1, the only one that this program reads, found 2",
    );
}

#[test]
fn json_values_of_another_type() {
    let (version, path) = ("\"version\": \"1.12.4\"", "DIR/pins.json:LINE: chart.version: expected a string, found");
    for (value, found) in [("12", "12"), ("1.12", "1.12"), ("true", "true"), ("null", "nothing")] {
        refused(PINS, version, &format!("\"version\": {value}"), "version", &format!("{path} {found}"));
    }
    refused(PINS, version, "\"version\": {\n\"a\": 1}", "version", &format!("{path} a mapping"));
    refused(PINS, version, "\"version\": [\n1]", "version", &format!("{path} a list"));
    refused(
        PINS,
        "\"nixpkgs\": {\n    \"release\": \"nixos-26.05\"\n  }",
        "\"nixpkgs\": \"nixos-26.05\"",
        "nixpkgs",
        "DIR/pins.json:LINE: nixpkgs: expected a mapping, found \"nixos-26.05\"",
    );
    refused(
        PINS,
        "\"schema\": 1",
        "\"schema\": -1",
        "schema",
        "DIR/pins.json:LINE: schema: expected a whole number, 0 or more, found -1",
    );
}

#[test]
fn json_keys_that_are_missing_unknown_or_twice() {
    // The object that lacks the key is named, where it begins.
    refused(
        PINS,
        "\"docker\": {\n    \"apiMin\": \"1.41\",",
        "\"docker\": {",
        "docker",
        "DIR/pins.json:LINE: docker: expected a key `apiMin`, found none",
    );
    refused(PINS, "\"schema\": 1,", "", "", "DIR/pins.json:1: expected a key `schema`, found none");
    refused(
        PINS,
        "\"apiMin\": \"1.41\",",
        "\"apiMin\": \"1.41\",\n\"apiMni\":\n\"1.41\",",
        "\"apiMni\"",
        "DIR/pins.json:LINE: docker.apiMni: expected one of `apiMin`, `apiMax`, `note`, found an unknown key",
    );
    refused(
        PINS,
        "\"apiMin\": \"1.41\",",
        "\"apiMin\": \"1.41\",\n\"apiMin\": \"1.42\",",
        "\"apiMin\": \"1.42\"",
        "DIR/pins.json:LINE: docker.apiMin: expected this key once, found it twice",
    );
}

#[test]
fn json_that_is_none() {
    refused(
        PINS,
        "\"schema\": 1,",
        "\"schema\": 1",
        "",
        "DIR/pins.json:3:3: expected valid JSON, found an error: expected `,` or `}`",
    );
    refused(PINS, "{\n  \"schema\"", "{} {\n  \"schema\"", "", "DIR/pins.json:1: expected a key `schema`, found none");
    let end = "\"release\": \"nixos-26.05\"\n  }\n}";
    refused(
        PINS,
        end,
        &format!("{end}\nmore"),
        "more",
        "DIR/pins.json:LINE:1: expected valid JSON, found an error: trailing characters",
    );
}

#[test]
fn yaml_values_without_their_form() {
    refused(
        CILIUM,
        "ipv4NativeRoutingCIDR: \"10.0.0.0/8\"",
        "ipv4NativeRoutingCIDR:\n    # a host, no network\n    \"10.0.0.1/8\"",
        "\"10.0.0.1/8\"",
        "DIR/cilium.yaml:LINE: values.ipv4NativeRoutingCIDR: expected an IPv4 network such as 10.0.0.0/8, found \"10.0.0.1/8\"",
    );
    refused(
        CILIUM,
        "k8sServiceHost: from-cluster",
        "k8sServiceHost: 172.18.0.4",
        "172",
        "DIR/cilium.yaml:LINE: values.k8sServiceHost: expected `from-cluster`, found \"172.18.0.4\"",
    );
    refused(
        CILIUM,
        "tunnel: disabled",
        "tunnel: off",
        "tunnel",
        "DIR/cilium.yaml:LINE: values.tunnel: expected one of `disabled`, `vxlan`, `geneve`, found \"off\"",
    );
    refused(
        CILIUM,
        "MaskSize: 24",
        "MaskSize: 31",
        "31",
        "DIR/cilium.yaml:LINE: chartDefaults.clusterPoolIPv4MaskSize: expected a prefix length from 1 to 30, found 31",
    );
    refused(
        CILIUM,
        "k8sServicePort: 6443",
        "k8sServicePort: \"6443\"",
        "6443",
        "DIR/cilium.yaml:LINE: values.k8sServicePort: expected a whole number, 0 or more, found \"6443\"",
    );
    refused(
        KIND,
        "- role: worker\n- role: worker",
        "- role: worker\n- role:\n    gateway",
        "gateway",
        "DIR/kind.yaml:LINE: nodes[2].role: expected `control-plane` or `worker`, found \"gateway\"",
    );
    refused(
        HELLO_APP,
        "targetPort: 8080",
        "targetPort: 80800",
        "80800",
        "DIR/hello-app.yaml:LINE: Service.spec.ports[0].targetPort: expected a port from 1 to 65535, found 80800",
    );
    refused(
        HELLO_APP,
        "replicas: 2",
        "replicas: 0",
        "0",
        "DIR/hello-app.yaml:LINE: Deployment.spec.replicas: expected 1 or more, found 0",
    );
}

#[test]
fn yaml_values_of_another_type() {
    refused(
        KIND,
        "disableDefaultCNI: true",
        "disableDefaultCNI: \"yes\"",
        "yes",
        "DIR/kind.yaml:LINE: networking.disableDefaultCNI: expected a boolean, found \"yes\"",
    );
    refused(
        CILIUM,
        "tunnel: disabled",
        "tunnel:\n    mode: disabled",
        "tunnel",
        "DIR/cilium.yaml:LINE: values.tunnel: expected a string, found a mapping",
    );
    refused(
        CILIUM,
        "bpf:\n    masquerade: true",
        "bpf:\n    - masquerade",
        "bpf",
        "DIR/cilium.yaml:LINE: values.bpf: expected a mapping, found a list",
    );
    refused(
        HELLO_APP,
        "  - port: 8080\n    targetPort: 8080",
        "  - port: 8080\n    targetPort: 8080\n  - port: 80\n    targetPort: 8080",
        "",
        &format!(
            "DIR/hello-app.yaml:{}: Service.spec.ports: expected a list of exactly one, found 2",
            1 + Files::embedded().hello_app.text.lines().position(|line| line == "  ports:").unwrap()
        ),
    );
}

#[test]
fn yaml_keys_that_are_missing_unknown_or_twice() {
    refused(
        HELLO_APP,
        "  selector:\n    matchLabels:\n      app: hello-app\n  template",
        "  template",
        "",
        &format!(
            "DIR/hello-app.yaml:{}: Deployment.spec: expected a key `selector`, found none",
            1 + Files::embedded().hello_app.text.lines().position(|line| line == "spec:").unwrap()
        ),
    );
    refused(
        KIND,
        "- role: worker\n- role: worker",
        "- role: worker\n- {}",
        "{}",
        "DIR/kind.yaml:LINE: nodes[2]: expected a key `role`, found none",
    );
    refused(
        KIND,
        "  kubeProxyMode:",
        "  podSubnet:\n    10.0.0.0/8\n  kubeProxyMode:",
        "podSubnet",
        "DIR/kind.yaml:LINE: networking.podSubnet: expected `disableDefaultCNI` or `kubeProxyMode`, found an unknown key",
    );
    refused(
        HELLO_APP,
        "  type: ClusterIP",
        "  type: ClusterIP\n  clusterIP: None",
        "clusterIP:",
        "DIR/hello-app.yaml:LINE: Service.spec.clusterIP: expected one of `type`, `selector`, `ports`, found an unknown key",
    );
    refused(
        CILIUM,
        "  tunnel: disabled",
        "  tunnel: disabled\n  tunnel: vxlan",
        "tunnel: vxlan",
        "DIR/cilium.yaml:LINE: values.tunnel: expected this key once, found it twice",
    );
    refused(
        HELLO_APP,
        "type: ClusterIP\n  selector:\n    app: hello-app",
        "type: ClusterIP\n  selector:\n    app: hello-app\n    app: other",
        "app: other",
        "DIR/hello-app.yaml:LINE: Service.spec.selector.app: expected this key once, found it twice",
    );
}

#[test]
fn yaml_that_is_none() {
    refused(
        KIND,
        "nodes:\n",
        "nodes: [\n",
        "",
        "DIR/kind.yaml:5:1: expected valid YAML, found an error: did not find expected node content, while parsing a \
         flow node",
    );
    refused(KIND, "nodes:\n", "\tnodes:\n", "", "?");
    refused(
        KIND,
        "kind: Cluster",
        "kind: Cluster\n---\nkind: Cluster",
        "",
        "DIR/kind.yaml: expected 1 YAML document(s), found 2",
    );
    refused(
        HELLO_APP,
        "---\napiVersion: v1",
        "---\napiVersion: v1beta1",
        "v1",
        "DIR/hello-app.yaml:LINE: Service.apiVersion: expected `v1`, found \"v1beta1\"",
    );
}

#[test]
fn values_that_do_not_go_together() {
    refused(
        CILIUM,
        "ipv4NativeRoutingCIDR: \"10.0.0.0/8\"",
        "ipv4NativeRoutingCIDR: \"10.0.0.0/9\"",
        "",
        "DIR/cilium.yaml: values.ipv4NativeRoutingCIDR: expected a network that contains the pool 10.0.0.0/8 \
         (chartDefaults.clusterPoolIPv4PodCIDR), found 10.0.0.0/9",
    );
    for (pool, room) in [("10.0.0.0/23", 2), ("10.0.0.0/25", 0)] {
        refused(
            CILIUM,
            "clusterPoolIPv4PodCIDR: \"10.0.0.0/8\"",
            &format!("clusterPoolIPv4PodCIDR: \"{pool}\""),
            "",
            &format!(
                "DIR/cilium.yaml: chartDefaults.clusterPoolIPv4PodCIDR: expected room for 3 pod CIDRs of /24, one for \
                 each of the nodes in kind.yaml, found {pool}, with room for {room}"
            ),
        );
    }
    for (role, name) in [("- role: control-plane\n", "control-plane"), ("- role: worker\n- role: worker\n", "worker")] {
        let message = format!("DIR/kind.yaml: nodes: expected at least one node of role {name}, found none");
        refused(KIND, role, "", "", &message);
    }
    refused(
        HELLO_APP,
        "targetPort: 8080",
        "targetPort: 8081",
        "",
        "DIR/hello-app.yaml: Service.spec.ports[0].targetPort: expected the containerPort of the Deployment, 8080, \
         found 8081",
    );
    for (selector, shown) in [("selector:\n    app: hello-ap\n", "app: hello-ap"), ("selector: {}\n", "no labels")] {
        refused(
            HELLO_APP,
            "selector:\n    app: hello-app\n",
            selector,
            "",
            &format!(
                "DIR/hello-app.yaml: Service.spec.selector: expected labels of the Deployment's pods, app: hello-app, \
                 found {shown}"
            ),
        );
    }
    refused(
        HELLO_APP,
        "image: hello-app:1.0\n",
        "image: hello-app:2.0\n",
        "",
        "DIR/hello-app.yaml: Deployment.spec.template.spec.containers[0].image: expected \"hello-app:1.0\" (pins.json: \
         images.hello-app), found \"hello-app:2.0\"",
    );
}

#[test]
fn replicas_that_nothing_keeps_apart() {
    let message = "DIR/hello-app.yaml: Deployment.spec.template.spec.affinity: expected required pod anti-affinity on \
                   kubernetes.io/hostname among pods with app: hello-app, found none";
    refused(HELLO_APP, "topologyKey: kubernetes.io/hostname", "topologyKey: topology.kubernetes.io/zone", "", message);
    let text = Files::embedded().hello_app.text;
    let from = text.find("      affinity:").unwrap();
    let to = text.find("      containers:").unwrap();
    refused(HELLO_APP, &text[from..to], "", "", message);
    let rules = text[from..to].find("Execution:").unwrap() + from + "Execution:".len();
    refused(HELLO_APP, &text[rules..to], " []\n", "", message);
    let other = "              matchLabels:\n                app: hello-app";
    refused(HELLO_APP, other, "              matchLabels:\n                app: other", "", message);
}
