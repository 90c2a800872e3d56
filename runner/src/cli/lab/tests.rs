//! What a lab on each backend is made from.

use clap::Parser;

use super::LabArgs;
use lab_harness::{Setup, cases, setup_on};
use lab_manifest::Manifests;
use lab_model::observe::Role;
use lab_model::{BackendKind, Routing};
use serde_json::json;

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    lab: LabArgs,
}

fn args(options: &[&str]) -> LabArgs {
    let given = std::iter::once("lab").chain(options.iter().copied());
    Options::try_parse_from(given).unwrap_or_else(|error| panic!("{error}")).lab
}

fn on(backend: BackendKind, options: &[&str]) -> Setup {
    setup_on(backend, Vec::new(), &args(options).wanted()).unwrap_or_else(|failure| panic!("{options:?}: {failure}"))
}

fn refused(backend: BackendKind, options: &[&str]) -> (u8, String) {
    let failure = setup_on(backend, Vec::new(), &args(options).wanted()).expect_err("it cannot be made");
    (failure.code, failure.message)
}

/// The cases that a setup judges otherwise than by the pins, in the article's order.
fn against(setup: &Setup) -> Vec<&'static str> {
    cases::ALL.iter().filter(|case| !setup.deviations_of(case).is_empty()).map(|case| case.name).collect()
}

#[test]
fn on_kind_a_cluster_is_expected_by_the_labs_name() {
    let article = on(BackendKind::Kind, &[]);
    assert_eq!((article.name.as_deref(), article.name_to_stay()), (Some("kind"), "kind"));
    let cluster = article.expect.cluster.as_ref().expect("a cluster");
    assert_eq!((cluster.name.as_str(), cluster.kubernetes.as_deref()), ("kind", Some("1.25.3")));
    assert_eq!(article.deviations, []);
    assert_eq!(against(&article), [""; 0]);
    let other = on(BackendKind::Kind, &["--name", "second"]);
    assert_eq!(other.expect.cluster.map(|cluster| cluster.name).as_deref(), Some("second"));
    let nodes: Vec<&str> = other.spec.nodes.iter().map(|(name, _)| name.0.as_str()).collect();
    assert_eq!(nodes, ["second-control-plane", "second-worker", "second-worker2"]);
}

#[test]
fn on_netns_there_is_no_cluster_and_nodes_keep_their_names() {
    let setup = on(BackendKind::Netns, &["--name", "My_lab"]);
    assert_eq!((setup.name.as_deref(), setup.name_to_stay()), (Some("My_lab"), "My_lab"));
    assert_eq!(setup.expect.cluster, None);
    assert_eq!(setup.spec.nodes[0].0.0, "kind-control-plane");
    let unnamed = on(BackendKind::Netns, &[]);
    assert_eq!((unnamed.name.as_deref(), unnamed.name_to_stay()), (None, "lab"));
}

#[test]
fn names_that_a_cluster_cannot_have_are_refused() {
    for name in ["My-lab", "my_lab", "lab-"] {
        let (code, message) = refused(BackendKind::Kind, &["--name", name]);
        assert_eq!(code, 2);
        assert_eq!(
            message,
            format!(
                "--name: {name:?} cannot be a kind cluster's name: use lower-case letters, digits and -, ending with a letter or digit"
            )
        );
    }
}

#[test]
fn the_manifests_have_as_many_nodes_and_replicas_as_asked() {
    let setup = on(BackendKind::Kind, &["--nodes", "5", "--replicas", "3"]);
    assert_eq!(setup.manifests.kind.count(Role::ControlPlane), 1);
    assert_eq!(setup.manifests.kind.count(Role::Worker), 4);
    assert_eq!(setup.manifests.hello_app.deployment.spec.replicas.get(), 3);
    // Fewer workers than the manifest has replicas.
    let smaller = on(BackendKind::Kind, &["--nodes", "2"]);
    assert_eq!(smaller.manifests.hello_app.deployment.spec.replicas.get(), 1);
    assert_eq!(on(BackendKind::Kind, &[]).manifests, Manifests::embedded().expect("they are tested"));
}

#[test]
fn cases_say_which_pins_they_are_not_judged_by() {
    let table: [(&[&str], &[&str]); 8] = [
        (
            &["--node-image", "node:v1.20.2"],
            &[
                "cluster::three_node_containers_run",
                "cluster::nodes_are_what_the_article_shows",
                "cluster::control_plane_runs_nested_containers",
            ],
        ),
        (&["--image", "cilium=cilium:dev"], &["cilium::images_are_the_pinned_ones"]),
        (
            &["--image", "hello-app=hello:dev"],
            &["service::answers_from_the_control_plane", "service::answers_from_each_pod"],
        ),
        (
            &["--set", "tunnel=vxlan", "--set", "autoDirectNodeRoutes=false"],
            &["cilium::release_has_the_articles_values", "cilium::routes_natively"],
        ),
        (&["--service-cidr", "172.31.0.0/16"], &["service::cluster_ip_has_both_backends"]),
        (&["--set", "k8sServicePort=443"], &["cilium::release_has_the_articles_values"]),
        (&["--set", "hubble.enabled=false"], &["cilium::release_has_the_articles_values"]),
        (
            &["--pod-pool", "10.244.0.0/16"],
            &[
                "cilium::release_has_the_articles_values",
                "cilium::routes_natively",
                "wire::masqueraded_outside_the_native_cidr",
                "wire::nothing_leaks_to_the_uplink",
            ],
        ),
    ];
    for (options, cases) in table {
        assert_eq!(against(&on(BackendKind::Kind, options)), cases, "{options:?}");
    }
    // What does not exist there is not judged at all.
    let netns = on(BackendKind::Netns, &["--pod-pool", "10.244.0.0/16"]);
    assert_eq!(against(&netns), ["wire::masqueraded_outside_the_native_cidr", "wire::nothing_leaks_to_the_uplink"]);
    assert_eq!(netns.spec.pod_pool, netns.spec.native_cidr);
    assert_eq!(netns.spec.native_cidr.to_string(), "10.244.0.0/16");
}

#[test]
fn what_only_kind_has_is_refused_on_netns() {
    for (option, value) in [
        ("--node-image", "a"),
        ("--image", "cilium=a"),
        ("--chart", "/none"),
        ("--set", "a=b"),
        ("--kit", "/none"),
        ("--service-cidr", "172.31.0.0/16"),
    ] {
        let (code, message) = refused(BackendKind::Netns, &[option, value]);
        assert_eq!(code, 2);
        assert_eq!(
            message,
            format!(
                "{option}: a lab on netns has no Kubernetes and no Cilium that it could change; leave it out, or give `--on kind`"
            )
        );
    }
    let notes = vec!["kind was not taken: no Docker".to_owned()];
    let failure =
        setup_on(BackendKind::Netns, notes, &args(&["--set", "a=b"]).wanted()).expect_err("it cannot be made");
    assert!(failure.message.starts_with("--set: a lab on netns (kind was not taken: no Docker) has no "), "{failure}");
}

#[test]
fn pools_that_netns_uses_itself_are_refused_there() {
    for (options, message) in [
        (
            &["--pod-pool", "172.18.0.0/16"][..],
            "--pod-pool 172.18.0.0/16: expected a network apart from 172.18.0.0/16, where the nodes are, found 172.18.0.0/24",
        ),
        (
            &["--pod-pool", "10.96.0.0/16", "--nodes", "50"],
            "--pod-pool 10.96.0.0/16: expected a network apart from 10.96.37.61/32, the Service's ClusterIP, found 10.96.37.0/24",
        ),
    ] {
        assert_eq!(refused(BackendKind::Netns, options), (2, message.to_owned()));
    }
    let on_kind = |options: &[&str]| setup_on(BackendKind::Kind, Vec::new(), &args(options).wanted());
    assert!(on_kind(&["--pod-pool", "172.18.0.0/16"]).is_ok(), "there the doctor looks");
    let message = "--pod-pool 10.96.0.0/16: expected a network apart from 10.96.0.0/16, where the Services' addresses are, \
                   found 10.96.0.0/24";
    assert_eq!(refused(BackendKind::Kind, &["--pod-pool", "10.96.0.0/16"]), (2, message.to_owned()));
    assert!(on_kind(&["--pod-pool", "10.96.0.0/16", "--service-cidr", "172.31.0.0/16"]).is_ok());
}

#[test]
fn a_chart_that_cannot_be_used_is_unusable_input() {
    let (code, message) = refused(BackendKind::Kind, &["--chart", "/none/cilium.tgz"]);
    assert_eq!(
        (code, message.as_str()),
        (3, "--chart /none/cilium.tgz: cannot be read: No such file or directory (os error 2)")
    );
    let (code, message) = refused(BackendKind::Kind, &["--kit", "/none/a.kit"]);
    assert_eq!((code, message.as_str()), (3, "/none/a.kit: cannot be opened: No such file or directory (os error 2)"));
    let (code, message) = refused(BackendKind::Kind, &["--routing", "vxlan", "--set", "tunnel=geneve"]);
    assert_eq!(
        (code, message.as_str()),
        (2, "--set tunnel=geneve: --routing vxlan sets that too; give one of the two")
    );
}

#[test]
fn what_was_asked_for_is_told() {
    let setup = on(BackendKind::Kind, &["--set", "autoDirectNodeRoutes=false", "--image", "cilium=cilium:dev"]);
    assert_eq!(
        setup.inputs["overrides"],
        json!({
            "images": ["cilium=cilium:dev"],
            "set": ["autoDirectNodeRoutes=false"],
        })
    );
    assert_eq!(on(BackendKind::Netns, &[]).inputs["overrides"], json!({}));
    // The pins are told as they are written down.
    let pins = Manifests::embedded().expect("they are tested").pins;
    assert_eq!(setup.pins, serde_json::to_value(pins).expect("they are JSON"));
    assert_eq!(setup.spec.routing, Routing::Native);
}

/// Cases name values by their keys: one that does not exist would never say anything.
#[test]
fn every_pin_that_a_case_names_can_be_overridden() {
    let all = [
        "--pod-pool=10.244.0.0/16",
        "--service-cidr=172.31.0.0/16",
        "--node-image=a",
        "--image=cilium=a",
        "--image=operator-generic=a",
        "--image=hello-app=a",
        "--set=tunnel=vxlan",
        // Charts from 1.14 on know these two.
        "--set=routingMode=native",
        "--set=tunnelProtocol=vxlan",
        "--set=autoDirectNodeRoutes=false",
        "--set=kubeProxyReplacement=partial",
        "--set=k8sServiceHost=a",
        "--set=k8sServicePort=1",
        "--set=bpf.masquerade=false",
    ];
    let mut declared = on(BackendKind::Kind, &all).deviations;
    assert_eq!(declared.len(), all.len() + 2, "the pool is the native routing CIDR too, the image brings Kubernetes");
    let chart = lab_model::deviation::Deviation {
        what: lab_model::deviation::CHART.to_owned(),
        pinned: None,
        used: String::new(),
        by: String::new(),
    };
    declared.push(chart);
    let named = cases::ALL.iter().flat_map(|case| case.against.iter().map(move |pin| (case.name, pin)));
    for (case, pin) in named {
        assert!(declared.iter().any(|deviation| pin.is_meant_by(deviation)), "{case}: {pin:?}");
    }
    for deviation in &declared {
        let judged = cases::ALL.iter().any(|case| case.against.iter().any(|pin| pin.is_meant_by(deviation)));
        assert!(judged, "no case is judged against {}", deviation.what);
    }
}
