//! A small kit, as the program writes one.

use lab_images::kit::{Index, KitChart, KitError, KitImage, KitWriter, SCHEMA, Stored};
use lab_images::{Layout, NODE, Platform, Reference};
use lab_manifest::{Digest, Manifests};
use std::path::Path;

/// Writes a kit whose images are words. Its bytes.
pub(crate) fn kit(path: &Path) -> Vec<u8> {
    let mut kit = KitWriter::begin(path, true).expect("a kit");
    let mut member = |name: &str, stored| {
        let written = kit.member(name, stored, |out| {
            out.write_all(name.repeat(9).as_bytes()).map_err(KitError::io(path, "be written"))
        });
        written.expect("a member").0
    };
    let images = [NODE, "cilium", "operator-generic", "hello-app"].map(|name| KitImage {
        name: name.to_owned(),
        reference: Reference::in_full("quay.io/lab/x:1").expect("a reference"),
        repo_digest: None,
        config_digest: Digest::of(name.as_bytes()),
        layout: Layout::Docker,
        file: member(&format!("images/{name}.tar.zst"), Stored::Zstd),
    });
    let file = member("chart/cilium-1.12.4.tgz", Stored::Plain);
    let version = Manifests::embedded().expect("manifests").pins.chart.version;
    let index = Index {
        schema: SCHEMA,
        packed_by: "lab 0.1.0".to_owned(),
        packed: "2026-11-23T10:39:00.250Z".to_owned(),
        platform: Platform::linux("amd64"),
        kubernetes: None,
        images: images.into(),
        chart: KitChart { name: "cilium".to_owned(), version, file },
    };
    kit.finish(&index).expect("a kit");
    std::fs::read(path).expect("a kit")
}
