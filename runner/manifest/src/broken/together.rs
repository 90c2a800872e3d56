//! Tests of files that are valid alone, but contradict each other.

use super::{CILIUM, Files, HELLO_APP, KIND, PINS, refused};

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
    let expected = "expected Cilium 1.12 to 1.14, whose charts know the values in cilium.yaml";
    for version in ["1.11.9", "1.15.0", "2.0.0"] {
        let message = format!("DIR/pins.json: chart.version: {expected}, found {version}");
        refused(PINS, "\"version\": \"1.12.4\"", &format!("\"version\": \"{version}\""), "", &message);
    }
    let message = format!("DIR/pins.json: images.cilium.tag: {expected}, found v1.19.0");
    refused(PINS, "\"tag\": \"v1.12.4\"", "\"tag\": \"v1.19.0\"", "", &message);
    for tunnel in ["geneve", "vxlan"] {
        let message = format!(
            "DIR/cilium.yaml: values.tunnel: expected `disabled` beside values.autoDirectNodeRoutes, since Cilium 1.12 does \
             not run with both, found {tunnel}"
        );
        refused(CILIUM, "tunnel: disabled", &format!("tunnel: {tunnel}"), "", &message);
    }
    refused(
        KIND,
        "networking:\n",
        "networking:\n  serviceSubnet: 10.0.0.0/16\n",
        "",
        "DIR/kind.yaml: networking.serviceSubnet: expected a network apart from 10.0.0.0/24, which a node gives to its pods, \
         found 10.0.0.0/16",
    );
    let one = "- role: control-plane\n";
    for (control_planes, found) in [(0, "none"), (2, "2"), (3, "3")] {
        let message = format!(
            "DIR/kind.yaml: nodes: expected one node of role control-plane (with several, kind adds a load balancer, \
             which the article's lab does not have), found {found}"
        );
        refused(KIND, one, &one.repeat(control_planes), "", &message);
    }
    let message = "DIR/kind.yaml: nodes: expected at least one node of role worker, found none";
    refused(KIND, "- role: worker\n- role: worker\n", "", "", message);
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
