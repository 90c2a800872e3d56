//! Kits, charts, and archives of images.

use flate2::Compression;
use flate2::write::GzEncoder;
use lab_images::archive::pass_on;
use lab_images::kit::Kit;
use lab_images::{Naming, Platform, Reference};
use lab_manifest::Digest;
use lab_manifest::overrides::ChartFile;
use proptest::prelude::*;
use serde_json::json;
use std::io::{self, Write};

use super::change::{apply, bytes};
use super::driver::{Fate, fate, fuzz};
use super::kits::kit;

#[test]
fn a_changed_kit_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kit.tar");
    let whole = kit(&path);
    let index = Kit::open(&path).expect("a whole one").index().clone();
    fuzz("kits", &[whole], &bytes(), |whole, changes| {
        std::fs::write(&path, apply(whole, changes)).expect("a file");
        let Ok(kit) = Kit::open(&path) else { return Ok(Fate::Refused) };
        for image in &kit.index().images {
            // A hash is of what is stored; what it unfolds to is told by its size alone.
            let read = kit.content(&image.file).map(|mut content| io::copy(&mut content, &mut io::sink()));
            let same = index.images.iter().any(|own| own.file == image.file);
            prop_assert!(!same || matches!(read, Ok(Ok(_))), "{}: {:?}", image.name, read);
        }
        Ok(Fate::Accepted)
    });
}

/// `docker save` of an image with one layer, in Docker's layout and in OCI's.
fn images() -> Vec<Vec<u8>> {
    let layer = b"a layer".repeat(100);
    let layer_digest = Digest::of(&layer);
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer_digest.as_str()]}}).to_string();
    let config_digest = Digest::of(config.as_bytes());
    let docker = [
        ("l/layer.tar".to_owned(), layer.clone()),
        (format!("{}.json", config_digest.hex()), config.clone().into_bytes()),
        ("manifest.json".to_owned(), json!([{"Config": format!("{}.json", config_digest.hex()), "RepoTags": ["x:1"], "Layers": ["l/layer.tar"]}]).to_string().into_bytes()),
    ];
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest.as_str(), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest.as_str(), "size": layer.len()}],
    })
    .to_string();
    let manifest_digest = Digest::of(manifest.as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest_digest.as_str(), "size": manifest.len()}]});
    let blob = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let oci = [
        (blob(&layer_digest), layer),
        (blob(&config_digest), config.into_bytes()),
        (blob(&manifest_digest), manifest.into_bytes()),
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index.to_string().into_bytes()),
    ];
    [&docker[..], &oci[..]].map(tar_of).into()
}

fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &content[..]).expect("an entry");
    }
    archive.into_inner().expect("an archive")
}

#[test]
fn a_changed_image_is_passed_on_or_refused() {
    let naming = Naming {
        reference: Reference::in_full("x:1").expect("a reference"),
        repo_digest: None,
        platform: Platform::linux("amd64"),
        config: None,
    };
    fuzz("images", &images(), &bytes(), |image, changes| {
        let mut passed = Vec::new();
        let read = pass_on(&apply(image, changes)[..], &mut passed, &naming);
        if let Ok(read) = &read {
            // What was passed on is an image, too, and the same one.
            let again = pass_on(&passed[..], io::sink(), &naming);
            prop_assert_eq!(again.as_ref().ok().map(|again| &again.config), Some(&read.config), "{:?}", again);
        }
        Ok(fate(&read))
    });
}

/// A chart, as Helm packs it.
#[test]
fn a_changed_chart_is_read_or_refused() {
    let entries = [
        ("cilium/Chart.yaml", "apiVersion: v2\nname: cilium\nversion: 1.12.4\nappVersion: 1.12.4\n"),
        ("cilium/values.yaml", "tunnel: vxlan\n"),
        ("cilium/charts/x/Chart.yaml", "name: x\nversion: 1.0.0\n"),
    ];
    let archive = tar_of(&entries.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chart.tgz");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("a file");
        let chart = ChartFile::read(&path, "cilium");
        if let Ok(chart) = &chart {
            let digest = Digest::of(bytes);
            prop_assert_eq!((chart.name.as_str(), chart.sha256.as_str()), ("cilium", digest.hex()));
        }
        Ok(fate(&chart))
    };
    fuzz("archives of charts", std::slice::from_ref(&archive), &bytes(), |archive, changes| {
        read(&gzipped(&apply(archive, changes)))
    });
    fuzz("charts", &[gzipped(&archive)], &bytes(), |chart, changes| read(&apply(chart, changes)));
}

/// As gzip has it.
pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).expect("memory takes it");
    gzip.finish().expect("memory takes it")
}
