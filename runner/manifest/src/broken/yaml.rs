//! Tests of broken copies of the YAML files.

use super::{CILIUM, Files, HELLO_APP, KIND, refused};

#[test]
fn values_without_their_form() {
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
fn values_of_another_type() {
    // The value is on a later line than its key.
    refused(
        CILIUM,
        "k8sServicePort: 6443",
        "k8sServicePort:\n    # text\n    \"6443\"",
        "\"6443\"",
        "DIR/cilium.yaml:LINE: values.k8sServicePort: expected a whole number, 0 or more, found \"6443\"",
    );
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
fn lists_that_are_empty() {
    refused(
        HELLO_APP,
        "        ports:\n        - containerPort: 8080",
        "        ports:\n          []",
        "ports",
        "DIR/hello-app.yaml:LINE: Deployment.spec.template.spec.containers[0].ports: expected a list of exactly one, \
         found 0",
    );
}

#[test]
fn keys_that_are_missing_unknown_or_twice() {
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
        "DIR/kind.yaml:LINE: networking.podSubnet: expected only what the article's cluster has, found `podSubnet`, a key of \
         kind's that lab does not support; a lab has --pod-pool CIDR, since Cilium takes pods' addresses from a pool of its own",
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
fn kinds_own_keys_are_told_as_that() {
    let says = |path: &str, key: &str| {
        format!(
            "DIR/kind.yaml:LINE: {path}: expected only what the article's cluster has, found `{key}`, a key of kind's that \
             lab does not support"
        )
    };
    let networking = "networking:\n";
    for (key, value) in [("ipFamily", "ipv4"), ("apiServerPort", "6443"), ("apiServerAddress", "127.0.0.1")] {
        let with = format!("networking:\n  {key}: {value}\n");
        refused(KIND, networking, &with, key, &says(&format!("networking.{key}"), key));
    }
    for key in ["featureGates", "kubeadmConfigPatches", "containerdConfigPatches", "runtimeConfig"] {
        refused(KIND, networking, &format!("{key}: {{}}\nnetworking:\n"), key, &says(key, key));
    }
    for key in ["extraPortMappings", "extraMounts", "labels"] {
        let with = format!("- role: worker\n- role: worker\n  {key}: []\n");
        refused(KIND, "- role: worker\n- role: worker\n", &with, key, &says(&format!("nodes[2].{key}"), key));
    }
    let image = "- role: worker\n- role: worker\n  image: kindest/node:v1.25.3\n";
    let expected = format!("{}; a lab has --node-image REF", says("nodes[2].image", "image"));
    refused(KIND, "- role: worker\n- role: worker\n", image, "image", &expected);
    // A key that kind does not have either.
    refused(
        KIND,
        networking,
        "networking:\n  podSubnets: 10.0.0.0/8\n",
        "podSubnets",
        "DIR/kind.yaml:LINE: networking.podSubnets: expected one of `disableDefaultCNI`, `kubeProxyMode`, `serviceSubnet`, \
         found an unknown key",
    );
}

#[test]
fn text_that_is_no_yaml() {
    refused(
        KIND,
        "nodes:\n",
        "nodes: [\n",
        "",
        "DIR/kind.yaml:5:1: not valid YAML: did not find expected node content, while parsing a \
         flow node",
    );
    refused(
        KIND,
        "nodes:\n",
        "\tnodes:\n",
        "",
        "DIR/kind.yaml:4:1: not valid YAML: found a tab character that violates indentation, while scanning a plain \
         scalar at line 3 column 13",
    );
    let all = Files::embedded().kind.text;
    refused(KIND, &all, "", "", "DIR/kind.yaml:1: expected a key `kind`, found none");
    refused(KIND, &all, "# nothing\n- Cluster\n", "- Cluster", "DIR/kind.yaml:LINE: expected a mapping, found a list");
    let service = &Files::embedded().hello_app.text;
    let service = &service[service.find("---").unwrap()..];
    refused(HELLO_APP, service, "", "", "DIR/hello-app.yaml: expected 2 YAML documents, found 1");
    refused(
        KIND,
        "kind: Cluster",
        "kind: Cluster\n---\nkind: Cluster",
        "",
        "DIR/kind.yaml: expected 1 YAML document, found 2",
    );
    refused(
        HELLO_APP,
        "---\napiVersion: v1",
        "---\napiVersion: v1beta1",
        "v1",
        "DIR/hello-app.yaml:LINE: Service.apiVersion: expected `v1`, found \"v1beta1\"",
    );
}
