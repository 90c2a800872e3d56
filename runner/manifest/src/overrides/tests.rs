//! What is expected once overrides are applied to the embedded manifests, and what cannot be applied.

use serde_json::{Value, json};
use std::net::Ipv4Addr;

use super::*;
use lab_model::Routing;
use lab_model::expect::{ClusterExpectations, FROM_CLUSTER};

fn manifests() -> Manifests {
    Manifests::embedded().unwrap_or_else(|error| panic!("{error}"))
}

/// Options as the command line takes them: `--set=a=b`, or `--set` and its value.
fn given(options: &[&str]) -> Given {
    let mut given = Given::default();
    let mut words = options.iter().copied();
    while let Some(word) = words.next() {
        let (option, value) = word.split_once('=').unwrap_or_else(|| (word, words.next().expect("a value")));
        match option {
            "--pod-pool" => given.pod_pool = Some(value.parse().unwrap()),
            "--service-cidr" => given.service_cidr = Some(value.parse().unwrap()),
            "--node-image" => given.node_image = Some(value.parse().unwrap()),
            "--image" => given.images.push(value.parse().unwrap()),
            "--chart" => given.chart = Some(value.into()),
            "--set" => given.values.push(value.parse().unwrap()),
            "--kit" => given.kit = Some(value.into()),
            _ => panic!("{option}"),
        }
    }
    given
}

fn read(options: &[&str]) -> Result<Overrides, OverrideError> {
    Overrides::read(&given(options), &manifests())
}

fn overrides(options: &[&str]) -> Overrides {
    read(options).unwrap_or_else(|error| panic!("{options:?}: {error}"))
}

/// Why these cannot be used, wherever that is noticed.
fn refused(options: &[&str]) -> String {
    let usable = read(options).and_then(|overrides| {
        let manifests = overrides.apply(&manifests())?;
        overrides.check_pool(&manifests, 3, &[("172.18.0.0/16".parse().expect("a network"), "where the nodes are")])
    });
    usable.expect_err("they cannot be used").to_string()
}

fn expected(overrides: &Overrides) -> ClusterExpectations {
    let mut cluster = manifests().cluster_expectations("kind");
    overrides.expect(&mut cluster);
    cluster
}

/// What is declared to be otherwise, a line each.
fn deviations(options: &[&str]) -> Vec<String> {
    overrides(options).deviations(&manifests()).iter().map(ToString::to_string).collect()
}

const NODE: &str = "kindest/node:v1.25.3@sha256:f52781bc0d7a19fb6c405c2af83abfeb311f130707a0e219175677e366cc45d1";
const CILIUM: &str =
    "quay.io/cilium/cilium:v1.12.4@sha256:4b074fcfba9325c18e97569ed1988464309a5ebf64bbc79bec6f3d58cafcb8cf";

#[test]
fn services_get_their_addresses_from_where_the_option_says() {
    let options = overrides(&["--service-cidr=172.31.0.0/16"]);
    let applied = options.apply(&manifests()).expect("nothing to refuse");
    assert_eq!(applied.kind.networking.service_cidr().to_string(), "172.31.0.0/16");
    // As kind is given it.
    let yaml = serde_yaml::to_string(&applied.kind).unwrap();
    assert!(yaml.contains("  serviceSubnet: 172.31.0.0/16\n"), "{yaml}");
    assert!(!serde_yaml::to_string(&manifests().kind).unwrap().contains("serviceSubnet"));
    let expected = applied.cluster_expectations("kind").service_cidr;
    assert_eq!(expected.map(|net| net.to_string()), Some("172.31.0.0/16".to_owned()));
    assert_eq!(
        deviations(&["--service-cidr=172.31.0.0/16"]),
        ["service-cidr is 172.31.0.0/16, not 10.96.0.0/16 (--service-cidr 172.31.0.0/16)"]
    );
    assert_eq!(deviations(&["--service-cidr=10.96.0.0/16"]), [""; 0]);
    assert_eq!(
        refused(&["--service-cidr=172.18.0.0/16", "--pod-pool=172.18.0.0/16"]),
        "--service-cidr 172.18.0.0/16: expected a network apart from 172.18.0.0/16, where the nodes are, found 172.18.0.0/24"
    );
}

#[test]
fn pods_get_kinds_addresses_where_kubernetes_hands_them_out() {
    let options = ["--set=ipam.mode=kubernetes"];
    let applied = overrides(&options).apply(&manifests()).expect("nothing to refuse");
    let expect = applied.expectations(None, None).unwrap();
    assert_eq!((expect.pod_pool.to_string(), expect.pod_cidr_prefix), ("10.244.0.0/16".to_owned(), 24));
    let found = deviations(&options);
    assert_eq!(found[0], "pod-pool is 10.244.0.0/16, not 10.0.0.0/8 (--set ipam.mode=kubernetes)");
    assert_eq!(found.len(), 2);
    // Any other mode leaves the pool that it is.
    let applied = overrides(&["--set=ipam.mode=cluster-pool"]).apply(&manifests()).expect("nothing to refuse");
    assert_eq!(applied.cilium, manifests().cilium);
    assert_eq!(
        refused(&["--set=ipam.mode=kubernetes", "--set=ipv4NativeRoutingCIDR=10.0.0.0/16"]),
        "--set ipv4NativeRoutingCIDR=10.0.0.0/16: expected a native routing CIDR that contains the pool 10.244.0.0/16 of the pod CIDRs, \
         found 10.0.0.0/16; `--pod-pool CIDR` sets both"
    );
    assert_eq!(
        refused(&["--set=ipam.mode=kubernetes", "--pod-pool=10.1.0.0/16"]),
        "--pod-pool 10.1.0.0/16: pods get no address from it with --set ipam.mode=kubernetes; leave one of the two out"
    );
}

#[test]
fn nothing_given_is_nothing_changed() {
    let none = overrides(&[]);
    assert_eq!(none, Overrides::default());
    assert_eq!(none.apply(&manifests()).expect("nothing to refuse"), manifests());
    assert_eq!(expected(&none), manifests().cluster_expectations("kind"));
    assert_eq!(none.deviations(&manifests()), []);
}

#[test]
fn what_is_given_as_it_is_pinned_is_no_deviation() {
    let same =
        ["--pod-pool", "10.0.0.0/8", "--node-image", NODE, "--set", "tunnel=disabled", "--set", "k8sServicePort=6443"];
    assert_eq!(deviations(&same), [""; 0]);
    let cluster = expected(&overrides(&same[2..]));
    assert_eq!(cluster, manifests().cluster_expectations("kind"));
}

#[test]
fn a_node_image_brings_its_own_kubernetes() {
    let options = ["--node-image", "kindest/node:v1.20.2"];
    let cluster = expected(&overrides(&options));
    assert_eq!((cluster.node_image.reference.as_str(), cluster.node_image.digest), ("kindest/node:v1.20.2", None));
    assert_eq!((cluster.kubernetes, cluster.os_image, cluster.container_runtime), (None, None, None));
    assert_eq!(
        deviations(&options),
        [
            format!("node-image is kindest/node:v1.20.2, not {NODE} (--node-image kindest/node:v1.20.2)"),
            "kubernetes.version is that of the node image, not 1.25.3 (--node-image kindest/node:v1.20.2)".to_owned(),
        ]
    );
    // By digest the registry still vouches for it.
    let digest = format!("sha256:{}", "ab".repeat(32));
    let cluster = expected(&overrides(&["--node-image", &format!("localhost:5000/node@{digest}")]));
    assert_eq!(cluster.node_image.reference, "localhost:5000/node");
    assert_eq!(cluster.node_image.digest.as_deref(), Some(digest.as_str()));
}

#[test]
fn local_images_are_expected_by_their_own_names() {
    let options = ["--image", "cilium=cilium:dev", "--image", "operator-generic=op:dev", "--image", "hello-app=hello"];
    let given = overrides(&options);
    let cluster = expected(&given);
    for (key, reference) in [("cilium", "cilium:dev"), ("operator-generic", "op:dev"), ("hello-app", "hello:latest")] {
        assert_eq!((cluster.images[key].reference.as_str(), &cluster.images[key].digest), (reference, &None), "{key}");
    }
    assert_eq!(given.local_image(ImageName::Cilium).map(ToString::to_string).as_deref(), Some("cilium:dev"));
    // The chart is told what to run; that is no value of the article's.
    assert_eq!(cluster.own_values["image.override"], "cilium:dev");
    assert_eq!(cluster.own_values["operator.image.override"], "op:dev");
    assert_eq!(cluster.values, manifests().cilium.values.flat());
    let manifests = given.apply(&manifests()).expect("it can be applied");
    assert_eq!(manifests.hello_app.deployment.spec.template.spec.containers[0].image, "hello:latest");
    let deviations = deviations(&options);
    assert_eq!(deviations.len(), 3);
    assert_eq!(
        deviations[0],
        format!("images.cilium is the local image cilium:dev, not {CILIUM} (--image cilium=cilium:dev)")
    );
    assert_eq!(
        deviations[2],
        "images.hello-app is the local image hello:latest, not hello-app:1.0 (--image hello-app=hello:latest)"
    );
}

#[test]
fn what_is_pinned_without_a_digest_is_a_local_image_already() {
    assert_eq!(deviations(&["--image", "hello-app=hello-app:1.0"]), Vec::<String>::new());
    assert_eq!(deviations(&["--image", "hello-app=hello-app:1.1"]).len(), 1);
    // By its tag alone no registry's digest is vouched for.
    let (tagged, _digest) = CILIUM.split_once('@').expect("a digest is pinned");
    assert_eq!(deviations(&["--image", &format!("cilium={tagged}")]).len(), 1);
}

#[test]
fn ipv6_beside_bpf_masquerading_is_refused_before_anything_is_made() {
    let refused = |options: &[&str]| overrides(options).apply(&manifests()).err().map(|error| error.to_string());
    let ipv6 = ["--set", "ipv6.enabled=true"];
    let why = refused(&ipv6).expect("it cannot run");
    assert!(
        why.starts_with("--set ipv6.enabled=true: Cilium 1.12 does not run with both IPv6 and BPF masquerading"),
        "{why}"
    );
    assert!(why.ends_with("give `--set enableIPv6Masquerade=false` too"), "{why}");
    for other in ["enableIPv6Masquerade=false", "bpf.masquerade=false"] {
        assert_eq!(refused(&[&ipv6[..], &["--set", other]].concat()), None, "{other}");
    }
    assert!(refused(&[&ipv6[..], &["--set", "enableIPv6Masquerade=true"]].concat()).is_some());
    assert_eq!(refused(&["--set", "ipv6.enabled=false"]), None);
}

#[test]
fn a_tunnel_beside_direct_routes_is_refused_before_anything_is_made() {
    let refused = |options: &[&str]| overrides(options).apply(&manifests()).err().map(|error| error.to_string());
    for tunnel in ["vxlan", "geneve"] {
        let set = format!("tunnel={tunnel}");
        assert_eq!(
            refused(&["--set", &set]).expect("it cannot run"),
            format!(
                "--set {set}: Cilium 1.12 does not run with both direct routes and a tunnel ({tunnel}); give `--set \
                 autoDirectNodeRoutes=false` too, or `--routing vxlan` for a lab with a tunnel that is judged as native routing"
            )
        );
        assert_eq!(refused(&["--set", &set, "--set", "autoDirectNodeRoutes=false"]), None);
    }
    assert_eq!(refused(&["--set", "tunnel=disabled"]), None);
    assert_eq!(refused(&["--set", "autoDirectNodeRoutes=false"]), None);
    // Another chart's Cilium may know how.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = chart(folder.path(), "1.13.0");
    let other = options.to_str().expect("UTF-8");
    assert_eq!(refused(&["--chart", other, "--set", "tunnel=vxlan"]), None);
}

/// A chart of this version, and the options that give it.
fn chart(folder: &std::path::Path, version: &str) -> PathBuf {
    let text = format!("apiVersion: v2\nname: cilium\nversion: {version}\n");
    let file = folder.join(format!("cilium-{version}.tgz"));
    let file_writer = std::fs::File::create(&file).expect("a temporary file");
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file_writer, flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    tar.append_data(&mut header, "cilium/Chart.yaml", text.as_bytes()).expect("it takes it");
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("it takes it");
    file
}

#[test]
fn a_chart_is_told_by_its_hash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = chart(folder.path(), "1.12.5");
    let given = overrides(&["--chart", &file.display().to_string()]);
    let cluster = expected(&given);
    assert_eq!((cluster.chart.as_str(), cluster.chart_version.as_str()), ("cilium", "1.12.5"));
    let sha256 = given.chart.as_ref().map(|chart| chart.sha256.clone()).expect("it was read");
    let [only] = &given.deviations(&manifests())[..] else { panic!("one deviation") };
    assert_eq!((only.what.as_str(), only.used.clone()), ("chart", format!("cilium 1.12.5 (SHA-256 {sha256})")));
    assert_eq!(
        only.pinned.as_deref(),
        Some("cilium 1.12.4 (SHA-256 77a5d01136c7e25ef6e9ed33cd89187fe8c562f661a82dd13c64e0ebc32f5638)")
    );

    // Of the pinned version, but another file; then the pinned file itself.
    let file = chart(folder.path(), "1.12.4");
    let given = overrides(&["--chart", &file.display().to_string()]);
    assert_eq!(given.deviations(&manifests()).len(), 1);
    let mut pinned = manifests();
    let sha256 = given.chart.as_ref().map(|chart| chart.sha256.clone()).expect("it was read");
    pinned.pins.chart.sha256 = sha256.try_into().expect("it is one");
    assert_eq!(given.deviations(&pinned), []);
}

/// Newer charts have other words: `kubeProxyReplacement` is true or false from 1.14 on.
#[test]
fn another_chart_may_know_other_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = chart(folder.path(), "1.14.0").display().to_string();
    let set = ["--set", "kubeProxyReplacement=true"];
    let given = overrides(&[set[0], set[1], "--chart", &file]);
    assert!(given.apply(&manifests()).is_ok());
    assert_eq!(expected(&given).values["kubeProxyReplacement"], true);
    assert_eq!(
        refused(&set),
        "--set kubeProxyReplacement=true: expected one of `strict`, `partial`, `disabled`, found \"true\""
    );
}

/// What is given with chart 1.15.
const BY_MODE: [&str; 4] = ["--set", "tunnel=null", "--set", "routingMode=native"];

#[test]
fn a_chart_or_an_agent_whose_words_are_not_known_is_refused_with_the_range() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = "expected Cilium 1.12 to 1.15, the versions whose settings and agents' output lab can read, found";
    for version in ["1.11.9", "1.16.0", "1.19.0-pre.1", "2.0.0", "master"] {
        let file = chart(folder.path(), version).display().to_string();
        assert_eq!(refused(&["--chart", &file]), format!("--chart {file}: {words} {version}"));
    }
    for version in ["1.12.0", "1.13.18", "1.14.0"] {
        let file = chart(folder.path(), version).display().to_string();
        assert!(overrides(&["--chart", &file]).apply(&manifests()).is_ok(), "{version}");
    }
    let image = "cilium=quay.io/cilium/cilium:v1.19.0";
    assert_eq!(refused(&["--image", image]), format!("--image {image}: {words} v1.19.0"));
    for image in ["cilium=cilium:dev", "cilium=cilium:v1.13.2", "operator-generic=operator:v1.19.0"] {
        assert!(overrides(&["--image", image]).apply(&manifests()).is_ok(), "{image}");
    }
}

#[test]
fn what_a_newer_chart_calls_otherwise_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let charts = ["1.14.0", "1.15.0"].map(|version| chart(folder.path(), version).display().to_string());
    let with = |chart: usize, more: &[&str]| -> Result<Overrides, String> {
        let file = &charts[chart];
        let options: Vec<&str> = ["--chart", file].into_iter().chain(more.iter().copied()).collect();
        let given = overrides(&options);
        given.apply(&manifests()).map(|_applied| given.clone()).map_err(|error| error.to_string())
    };
    let told = |chart: usize, more: &[&str]| with(chart, more).expect_err("it cannot be made");
    assert!(with(0, &[]).is_ok() && with(0, &BY_MODE).is_ok() && with(1, &BY_MODE).is_ok());
    let needs_mode = format!(
        "--chart {}: Cilium 1.15 no longer has the value `tunnel`, and builds an overlay unless `routingMode` is set; give `--set \
         tunnel=null --set routingMode=native` too",
        charts[1]
    );
    assert_eq!(told(1, &[]), needs_mode);
    assert_eq!(told(1, &BY_MODE[..2]), needs_mode);
    for (number, version) in ["1.14", "1.15"].into_iter().enumerate() {
        assert_eq!(
            told(number, &BY_MODE[2..]),
            format!(
                "--chart {}: Cilium {version} accepts either `tunnel` (which the article sets) or `routingMode`, but not both; give `--set tunnel=null` too",
                charts[number]
            )
        );
    }
    let pool = ["--set", "ipam.operator.clusterPoolIPv4PodCIDR=10.1.0.0/16"];
    assert_eq!(
        told(0, &pool),
        format!("--set {}: Cilium 1.14 takes a list of pools, not a single pool; give `--pod-pool CIDR`", pool[1])
    );
    // Which Helm gets as that chart knows it.
    let pooled = expected(&with(0, &["--pod-pool", "10.1.0.0/16"]).expect("it can be made"));
    assert_eq!(pooled.values["ipam.operator.clusterPoolIPv4PodCIDRList"], json!(["10.1.0.0/16"]));
    assert!(!pooled.values.contains_key(&pool[1][..pool[1].len() - "=10.1.0.0/16".len()]));
}

#[test]
fn a_contrast_is_made_in_the_words_of_the_chart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = chart(folder.path(), "1.15.0").display().to_string();
    let options: Vec<&str> = ["--chart", &file].into_iter().chain(BY_MODE).collect();
    let given = overrides(&options);
    assert!([Routing::Native, Routing::Vxlan, Routing::None].into_iter().all(|mode| given.check_routing(mode).is_ok()));
    let cluster = expected(&given);
    assert_eq!((&cluster.values["tunnel"], &cluster.values["routingMode"]), (&Value::Null, &json!("native")));
    let installed = |routing| installed_values(&cluster, Ipv4Addr::LOCALHOST, routing);
    assert_eq!(installed(Routing::Native)["routingMode"], "native");
    assert!(installed(Routing::Native)["tunnel"].is_null());
    let vxlan = installed(Routing::Vxlan);
    let told = (&vxlan["tunnel"], &vxlan["routingMode"], &vxlan["tunnelProtocol"], &vxlan["autoDirectNodeRoutes"]);
    assert_eq!(told, (&Value::Null, &json!("tunnel"), &json!("vxlan"), &json!(false)));
    let twice: Vec<&str> = options.into_iter().chain(["--set", "tunnelProtocol=geneve"]).collect();
    assert_eq!(
        overrides(&twice).check_routing(Routing::Vxlan).expect_err("both say it").to_string(),
        "--set tunnelProtocol=geneve: --routing vxlan sets that too; give one of the two"
    );
}

#[test]
fn a_value_of_the_articles_is_expected_as_it_was_set() {
    let options = ["--set", "autoDirectNodeRoutes=false", "--set", "k8sServiceHost=192.0.2.1"];
    let cluster = expected(&overrides(&options));
    assert_eq!(cluster.values["autoDirectNodeRoutes"], false);
    assert_eq!(cluster.values["k8sServiceHost"], "192.0.2.1");
    assert_eq!(cluster.values.len(), 7);
    assert_eq!(
        deviations(&options),
        [
            "values.autoDirectNodeRoutes is false, not true (--set autoDirectNodeRoutes=false)",
            "values.k8sServiceHost is 192.0.2.1, not from-cluster (--set k8sServiceHost=192.0.2.1)",
        ]
    );
}

#[test]
fn another_value_is_added_and_takes_the_place_of_the_labs_own() {
    let options = ["--set", "hubble.enabled=false", "--set", "image.useDigest=true"];
    let before = expected(&overrides(&[]));
    let cluster = expected(&overrides(&options));
    assert_eq!((&cluster.values["hubble.enabled"], &cluster.values["image.useDigest"]), (&json!(false), &json!(true)));
    assert!(before.own_values.contains_key("image.useDigest") && !cluster.own_values.contains_key("image.useDigest"));
    assert_eq!(
        deviations(&options)[0],
        "values.hubble.enabled is false, which the article does not set (--set hubble.enabled=false)"
    );
}

#[test]
fn a_pool_is_the_native_routing_cidr_too() {
    let options = ["--pod-pool", "10.244.0.0/16"];
    let given = overrides(&options);
    let expect = given.apply(&manifests()).expect("it can be applied").expectations(None, None).expect("they fit");
    assert_eq!(
        (expect.pod_pool.to_string(), expect.native_cidr.to_string()),
        ("10.244.0.0/16".into(), "10.244.0.0/16".into())
    );
    let cluster = expected(&given);
    assert_eq!(cluster.values["ipv4NativeRoutingCIDR"], "10.244.0.0/16");
    assert_eq!(cluster.values["ipam.operator.clusterPoolIPv4PodCIDR"], "10.244.0.0/16");
    assert_eq!(
        deviations(&options),
        [
            "pod-pool is 10.244.0.0/16, not 10.0.0.0/8 (--pod-pool 10.244.0.0/16)",
            "values.ipv4NativeRoutingCIDR is 10.244.0.0/16, not 10.0.0.0/8 (--pod-pool 10.244.0.0/16)",
        ]
    );
}

#[test]
fn the_pool_alone_is_moved_by_its_value() {
    let options = [
        "--set",
        "ipam.operator.clusterPoolIPv4PodCIDR=10.244.0.0/16",
        "--set",
        "ipam.operator.clusterPoolIPv4MaskSize=26",
    ];
    let given = overrides(&options);
    let expect = given.apply(&manifests()).expect("it can be applied").expectations(None, None).expect("they fit");
    assert_eq!(
        (expect.pod_pool.to_string(), expect.native_cidr.to_string()),
        ("10.244.0.0/16".into(), "10.0.0.0/8".into())
    );
    assert_eq!(expect.pod_cidr_prefix, 26);
    let deviations = deviations(&options);
    assert!(deviations[0].starts_with("pod-pool is 10.244.0.0/16, not 10.0.0.0/8 (--set ipam."), "{deviations:?}");
    assert!(
        deviations[1].starts_with("values.ipam.operator.clusterPoolIPv4MaskSize is 26, not 24 ("),
        "{deviations:?}"
    );
}

#[test]
fn helm_gets_what_is_expected_and_the_control_planes_address() {
    let address = Ipv4Addr::new(172, 18, 0, 3);
    let article = installed_values(&expected(&overrides(&[])), address, Routing::Native);
    let written = json!({
        "tunnel": "disabled",
        "autoDirectNodeRoutes": true,
        "ipv4NativeRoutingCIDR": "10.0.0.0/8",
        "kubeProxyReplacement": "strict",
        "k8sServiceHost": "172.18.0.3",
        "k8sServicePort": 6443,
        "bpf": {"masquerade": true},
        "image": {"useDigest": false},
        "operator": {"image": {"useDigest": false}},
    });
    assert_eq!(article, written);
    assert!(!article.to_string().contains(FROM_CLUSTER));

    let options = [
        "--image",
        "cilium=cilium:dev",
        "--pod-pool",
        "10.244.0.0/16",
        "--set",
        "bpf.masquerade=false",
        "--set",
        r"podAnnotations.example\.org/x={a,1}",
        "--set",
        "k8sServiceHost=192.0.2.1",
    ];
    let mut changed = written;
    changed["image"]["override"] = json!("cilium:dev");
    changed["ipv4NativeRoutingCIDR"] = json!("10.244.0.0/16");
    changed["ipam"] = json!({"operator": {"clusterPoolIPv4PodCIDR": "10.244.0.0/16"}});
    changed["bpf"]["masquerade"] = json!(false);
    changed["podAnnotations"] = json!({"example.org/x": ["a", 1]});
    changed["k8sServiceHost"] = json!("192.0.2.1");
    assert_eq!(installed_values(&expected(&overrides(&options)), address, Routing::Native), changed);
}

#[test]
fn a_contrast_is_installed_and_not_expected() {
    let cluster = expected(&overrides(&[]));
    let installed = |routing| installed_values(&cluster, Ipv4Addr::LOCALHOST, routing);
    let told = |values: &Value| (values["tunnel"].clone(), values["autoDirectNodeRoutes"].clone());
    assert_eq!(told(&installed(Routing::Native)), (json!("disabled"), json!(true)));
    assert_eq!(told(&installed(Routing::Vxlan)), (json!("vxlan"), json!(false)));
    assert_eq!(told(&installed(Routing::None)), (json!("disabled"), json!(false)));
    let given = overrides(&["--set", "tunnel=geneve"]);
    assert!(given.check_routing(Routing::Native).is_ok() && given.check_routing(Routing::None).is_ok());
    assert_eq!(
        given.check_routing(Routing::Vxlan).expect_err("both say it").to_string(),
        "--set tunnel=geneve: --routing vxlan sets that too; give one of the two"
    );
}

#[test]
fn what_contradicts_is_refused_in_words() {
    let instead = "the lab sets this value itself; give";
    let table: [(&[&str], &str); 20] = [
        (&["--image", "cilium=a", "--image", "cilium=b"], "--image cilium is given twice; give it once"),
        (&["--set", "a.b=1", "--set", "a.b=2"], "--set a.b is given twice; give it once"),
        (
            &["--set", "a.b=1", "--set", "a=2"],
            "--set a=2: a.b is set too, but one of the two keys is inside the other; set one of them",
        ),
        (
            &["--set", "bpf=1"],
            "--set bpf=1: bpf.masquerade is set too, but one of the two keys is inside the other; set one of them",
        ),
        (
            &["--set", "tunnel.x=1"],
            "--set tunnel.x=1: tunnel is set too, but one of the two keys is inside the other; set one of them",
        ),
        (
            &["--set", "tunnel=vxlam"],
            "--set tunnel=vxlam: expected one of `disabled`, `vxlan`, `geneve`, found \"vxlam\"",
        ),
        (&["--set", "autoDirectNodeRoutes=1"], "--set autoDirectNodeRoutes=1: expected a boolean, found 1"),
        (&["--set", "bpf.masquerade=null"], "--set bpf.masquerade=null: expected a boolean, found nothing"),
        (&["--set", "k8sServicePort=0"], "--set k8sServicePort=0: expected a port from 1 to 65535, found 0"),
        (&["--set", "k8sServiceHost="], "--set k8sServiceHost=: expected an address or a name, found \"\""),
        (&["--set", "image.tag=x"], &format!("--set image.tag=x: {instead} --image cilium=REF instead")),
        (&["--set", "operator=x"], &format!("--set operator=x: {instead} --image operator-generic=REF instead")),
        (
            &["--set", "ipam.operator.clusterPoolIPv4PodCIDRList={10.1.0.0/16}"],
            &format!(
                "--set ipam.operator.clusterPoolIPv4PodCIDRList={{10.1.0.0/16}}: {instead} --pod-pool CIDR instead"
            ),
        ),
        (
            &["--pod-pool", "10.1.0.0/16", "--set", "ipv4NativeRoutingCIDR=10.0.0.0/8"],
            "ipv4NativeRoutingCIDR (--pod-pool sets it, and --set ipv4NativeRoutingCIDR=10.0.0.0/8) is given twice; give it once",
        ),
        (
            &["--set", "ipv4NativeRoutingCIDR=10.1.0.0/16"],
            "--set ipv4NativeRoutingCIDR=10.1.0.0/16: expected a native routing CIDR that contains the pool 10.0.0.0/8 of \
             the pod CIDRs, found 10.1.0.0/16; `--pod-pool CIDR` sets both",
        ),
        (
            &["--set", "ipam.operator.clusterPoolIPv4MaskSize=x"],
            "--set ipam.operator.clusterPoolIPv4MaskSize=x: expected a prefix length from 1 to 30, found \"x\"",
        ),
        (
            &["--set", "ipam.operator.clusterPoolIPv4PodCIDR=10.0.0.1/16"],
            "--set ipam.operator.clusterPoolIPv4PodCIDR=10.0.0.1/16: expected an IPv4 network such as 10.0.0.0/8, found \
             \"10.0.0.1/16\"",
        ),
        (
            &["--pod-pool", "10.1.0.0/23"],
            "--pod-pool 10.1.0.0/23: expected room for 3 pod CIDRs of /24, one for each node, found room for 2 in \
             10.1.0.0/23",
        ),
        (
            &["--pod-pool", "172.16.0.0/12", "--set", "ipam.operator.clusterPoolIPv4MaskSize=14"],
            "--set ipam.operator.clusterPoolIPv4MaskSize=14: expected a network apart from 172.18.0.0/16, where the nodes \
             are, found 172.16.0.0/14",
        ),
        (
            &[
                "--kit",
                "x",
                "--node-image",
                "a",
                "--chart",
                "/none",
                "--image",
                "cilium=a",
                "--image",
                "operator-generic=a",
                "--image",
                "hello-app=a",
            ],
            "--kit: nothing of the kit would be used, because --node-image, --chart and all three --image are given; leave it out",
        ),
    ];
    for (options, message) in table {
        assert_eq!(refused(options), message, "{options:?}");
    }
}

#[test]
fn a_pool_beside_what_is_in_use_is_taken() {
    let used =
        [("172.18.0.0/16".parse().expect("a network"), "nodes"), ("10.96.37.61/32".parse().expect("one"), "VIP")];
    for (pool, nodes, fits) in [
        ("10.96.0.0/16", 37, true),
        ("10.96.0.0/16", 38, false),
        ("172.16.0.0/12", 100, true),
        ("172.18.64.0/18", 3, false),
        ("10.0.0.0/8", 100, true),
    ] {
        let given = overrides(&["--pod-pool", pool]);
        let manifests = given.apply(&manifests()).expect("it can be applied");
        assert_eq!(given.check_pool(&manifests, nodes, &used).is_ok(), fits, "{pool} for {nodes} nodes");
    }
}
