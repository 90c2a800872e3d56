//! Into a real containerd, where this machine has one: what is passed on is an image to it.

use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::{Engine, Started};
use lab_images::{Layout, Origin, Parcel, Platform, Reference, archive};
use lab_manifest::Digest;
use lab_model::observe::NodeName;
use lab_stand_in::{Cluster, ImagePlan, NodePlan, Plan, with_engine};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::some::{LONG, config, image, local, nobody};

/// With this in the environment, tests that need containerd's programs name themselves and pass.
const WITHOUT: &str = "LAB_TESTS_WITHOUT_CONTAINERD";

/// Only what an import needs: content and metadata. A container that is not privileged could not mount anyway.
const CONFIG: &str = r#"version = 2
root = "/containerd/root"
state = "/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.overlayfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd/containerd.sock"
"#;

/// What CRI's plugin would list: each name with the digest of its configuration, read from its manifest.
pub(crate) const CRICTL: &str = r#"#!/bin/sh
printf '{"images":['
comma=
for name in $(ctr -n k8s.io images ls -q); do
    target=$(ctr -n k8s.io images ls "name==$name" | tail -n 1 | sed 's/.*\(sha256:[0-9a-f]\{64\}\).*/\1/')
    id=$(ctr -n k8s.io content get "$target" | tr -d '\n' | sed 's/.*"config": *{\([^}]*\)}.*/\1/; s/.*\(sha256:[0-9a-f]\{64\}\).*/\1/')
    printf '%s{"id":"%s","repoTags":["%s"]}' "$comma" "$id" "$name"
    comma=,
done
printf ']}\n'
"#;

/// None where it is missing, and that was said.
pub(crate) fn programs(test: &str) -> Option<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for program in ["containerd", "ctr", "tail", "sed", "tr", "mkdir"] {
        match which::which(program) {
            Ok(path) => programs.push(path),
            Err(error) if std::env::var(WITHOUT).is_ok_and(|value| value == "1") => {
                let line = format!("not run here: {test}: {program}: {error}\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                return None;
            }
            Err(error) => panic!("{test} needs {program}: {error}\n{WITHOUT}=1 leaves such tests out"),
        }
    }
    Some(programs)
}

async fn node(engine: &Engine, programs: Vec<PathBuf>) -> (Cluster, Started) {
    let files = vec![
        ("/bin/crictl".to_owned(), CRICTL.as_bytes().to_vec()),
        ("/etc/containerd.toml".to_owned(), CONFIG.as_bytes().to_vec()),
    ];
    let nodes = Some(vec![NodePlan::new("worker", "worker")]);
    let cluster = Cluster::make(
        engine,
        Plan { nodes, image: ImagePlan { programs, files, ..ImagePlan::default() }, ..Plan::default() },
    )
    .await;
    let worker = &cluster.nodes()[0];
    let daemon = engine.start(&worker.0, ["containerd", "-c", "/etc/containerd.toml"], false).await.unwrap();
    until_it_answers(engine, worker).await;
    (cluster, daemon)
}

pub(crate) async fn until_it_answers(engine: &Engine, node: &NodeName) {
    let up = clock::until(LONG, Duration::from_millis(100), "containerd", async || {
        match engine.exec(&node.0, ["ctr", "version"], Vec::new(), LONG).await {
            Ok(ran) if ran.success() => Poll::Ready(()),
            Ok(ran) => Poll::NotYet(ran.stderr_text()),
            Err(error) => Poll::Failed(error.to_string()),
        }
    });
    up.await.unwrap();
}

async fn names(engine: &Engine, node: &NodeName) -> Vec<String> {
    let ran = engine.exec(&node.0, ["ctr", "-n", "k8s.io", "images", "ls", "-q"], Vec::new(), LONG).await.unwrap();
    assert!(ran.success(), "{}", ran.stderr_text());
    ran.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn a_real_containerd_takes_what_the_engine_exports() {
    let test = "a_real_containerd_takes_what_the_engine_exports";
    with_engine(test, async |engine| {
        let Some(programs) = programs(test) else { return };
        let (cluster, _daemon) = node(&engine, programs).await;
        let image = image(&engine, 8).await;
        let (held, config) = config(&engine, &image).await;
        let wanted = local("hello-app", image.reference());
        let parcel = Parcel { wanted: wanted.clone(), origin: Origin::Engine(held), nodes: cluster.nodes().to_vec() };
        let delivered = lab_images::distribute(&engine, vec![parcel], false, &nobody).await.unwrap().remove(0);
        assert_eq!(delivered.source.config_digest, config.to_string());
        assert_eq!(names(&engine, &cluster.nodes()[0]).await, [wanted.reference.to_string()]);
    });
}

fn blob(content: &[u8]) -> (String, Vec<u8>) {
    (format!("blobs/sha256/{}", Digest::of(content).hex()), content.to_vec())
}

/// An image as Docker's containerd image store exports it: through an index that names another machine's manifest,
/// which is not there.
fn oci(platform: &Platform) -> (Vec<u8>, Digest, Digest) {
    use serde_json::json;
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    layer.append_data(&mut header, "content", b"words".as_slice()).unwrap();
    let layer = layer.into_inner().unwrap();
    let text = |value: serde_json::Value| value.to_string().into_bytes();
    let config = text(json!({
        "architecture": platform.architecture, "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer).as_str()] },
    }));
    let described = |kind: &str, content: &[u8]| {
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": kind, "digest": Digest::of(content).as_str(), "size": content.len() })
    };
    let manifest = text(json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", &config), "layers": [described("layer.v1.tar", &layer)],
    }));
    let mut own = described("manifest.v1+json", &manifest);
    own["platform"] = json!(platform);
    let mut foreign = described("manifest.v1+json", b"elsewhere");
    foreign["platform"] = json!({ "os": "linux", "architecture": "s390x" });
    let index = text(json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [foreign, own],
    }));
    let top = text(json!({ "schemaVersion": 2, "manifests": [described("index.v1+json", &index)] }));
    let mut archive = tar::Builder::new(Vec::new());
    let mut entries: Vec<(String, Vec<u8>)> =
        [&layer, &config, &manifest, &index].map(|content| blob(content)).to_vec();
    entries.push(("index.json".to_owned(), top));
    entries.push(("oci-layout".to_owned(), b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec()));
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    (archive.into_inner().unwrap(), Digest::of(&config), Digest::of(&index))
}

#[test]
fn a_real_containerd_takes_the_oci_layout_and_a_digest_that_is_proved() {
    let test = "a_real_containerd_takes_the_oci_layout_and_a_digest_that_is_proved";
    with_engine(test, async |engine| {
        let Some(programs) = programs(test) else { return };
        let (cluster, _daemon) = node(&engine, programs).await;
        let platform = Platform::linux(std::env::consts::ARCH);
        let (bytes, config, index) = oci(&platform);
        let mut wanted = local("cilium", "quay.io/cilium/cilium:v1.12.4");
        wanted.find = lab_images::Find::Digest(index.clone());
        let naming = archive::Naming {
            reference: Reference::in_full("quay.io/cilium/cilium:v1.12.4").unwrap(),
            repo_digest: Some(index.clone()),
            platform: platform.clone(),
            config: None,
        };
        let seen = archive::pass_on(bytes.as_slice(), std::io::sink(), &naming).unwrap();
        assert_eq!((seen.layout, &seen.config), (Layout::Oci, &config));
        let origin = Origin::Reader { archive: Box::new(std::io::Cursor::new(bytes)), platform, config };
        let parcel = Parcel { wanted, origin, nodes: cluster.nodes().to_vec() };
        let delivered = lab_images::distribute(&engine, vec![parcel], false, &nobody).await.unwrap().remove(0);
        assert!(delivered.is_known_by_digest());
        let worker = &cluster.nodes()[0];
        let by_digest = format!("quay.io/cilium/cilium@{index}");
        assert_eq!(names(&engine, worker).await, ["quay.io/cilium/cilium:v1.12.4".to_owned(), by_digest.clone()]);
        // Under the digest is what has that digest.
        let list = ["ctr", "-n", "k8s.io", "images", "ls", &format!("name=={by_digest}")];
        let ran = engine.exec(&worker.0, list, Vec::new(), LONG).await.unwrap();
        assert_eq!(ran.stdout_text().matches(index.as_str()).count(), 2, "{}", ran.stdout_text());
        let check = ["ctr", "-n", "k8s.io", "images", "check"];
        let checked = engine.exec(&worker.0, check, Vec::new(), LONG).await.unwrap();
        assert_eq!(checked.stdout_text().matches("complete (").count(), 2, "{}", checked.stdout_text());
    });
}
