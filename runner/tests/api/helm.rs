//! Helm's release, packed as Helm 3 packs it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

use super::objects::CILIUM;
use super::server::{Server, block_on};

fn release(revision: u32, status: &str) -> Value {
    json!({"name": "cilium", "namespace": "kube-system", "version": revision, "info": {"status": status,
        "first_deployed": "2026-11-23T05:46:17.225479854Z", "notes": "You have successfully installed Cilium."},
        "chart": {"metadata": {"name": "cilium", "version": "1.12.4", "appVersion": "1.12.4"}, "values": {"tunnel": "vxlan"}},
        "config": {"tunnel": "disabled", "bpf": {"masquerade": true}, "k8sServicePort": 6443}, "manifest": "---\n"})
}

fn packed(json: &str) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(json.as_bytes()).unwrap();
    STANDARD.encode(gzip.finish().unwrap())
}

/// The Secret of a revision: the API has its data in base64 once more.
fn secret(revision: u32, release: &str) -> Value {
    json!({"metadata": {"namespace": "kube-system", "name": format!("sh.helm.release.v1.cilium.v{revision}"),
        "labels": {"owner": "helm", "name": "cilium", "version": revision.to_string()}}, "type": "helm.sh/release.v1",
        "data": {"release": STANDARD.encode(release)}})
}

#[test]
fn the_newest_revision_is_read() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            for (revision, status) in [(9, "superseded"), (10, "deployed"), (2, "superseded")] {
                let text = release(revision, status).to_string();
                objects.put("secrets", secret(revision, &packed(&text)));
            }
            let mut other = secret(11, &packed(&release(11, "deployed").to_string()));
            other["metadata"]["labels"]["name"] = json!("other");
            objects.put("secrets", other);
        });
        let release = server.api().await.helm_release("kube-system", "cilium").await.unwrap().unwrap();
        assert_eq!((release.revision, release.status.as_str()), (10, "deployed"));
        assert_eq!((release.name.as_str(), release.namespace.as_str()), ("cilium", "kube-system"));
        assert_eq!((release.chart.as_str(), release.chart_version.as_str()), ("cilium", "1.12.4"));
        assert_eq!(release.values, json!({"tunnel": "disabled", "bpf": {"masquerade": true}, "k8sServicePort": 6443}));
    });
}

#[test]
fn a_release_that_sets_nothing_has_no_values_and_may_be_unpacked() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let mut bare = release(1, "failed");
        bare.as_object_mut().unwrap().remove("config");
        server.with(|objects| objects.put("secrets", secret(1, &STANDARD.encode(bare.to_string()))));
        let release = server.api().await.helm_release("kube-system", "cilium").await.unwrap().unwrap();
        assert_eq!((release.status.as_str(), release.values), ("failed", json!({})));
    });
}

#[test]
fn no_release_is_none() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        assert_eq!(server.api().await.helm_release("kube-system", "cilium").await, Ok(None));
    });
}

#[test]
fn a_release_that_cannot_be_read_is_named_with_its_fault() {
    block_on(async {
        let whole = packed(&release(1, "deployed").to_string());
        let mut bytes = STANDARD.decode(&whole).unwrap();
        bytes.truncate(bytes.len() / 2);
        for (data, words) in [
            ("***".to_owned(), "the field release is not base64"),
            (STANDARD.encode(bytes), "the field release is not complete gzip data"),
            (packed("{}"), "the field release is not a Helm release: missing field `name`"),
            (packed(""), "the field release is not a Helm release"),
        ] {
            let server = Server::start(CILIUM).await;
            server.with(|objects| objects.put("secrets", secret(1, &data)));
            let error = server.api().await.helm_release("kube-system", "cilium").await.unwrap_err().to_string();
            assert!(error.starts_with("the Secret kube-system/sh.helm.release.v1.cilium.v1 at http://"), "{error}");
            assert!(error.contains(words), "{error}");
        }
        let server = Server::start(CILIUM).await;
        let mut empty = secret(1, &whole);
        empty["data"] = json!({});
        server.with(|objects| objects.put("secrets", empty));
        let error = server.api().await.helm_release("kube-system", "cilium").await.unwrap_err().to_string();
        assert!(error.ends_with("it has no field release"), "{error}");
    });
}
