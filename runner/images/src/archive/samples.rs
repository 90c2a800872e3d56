//! Archives for tests, in the layouts that Docker writes.

use serde_json::{Value, json};

use super::{Naming, Platform};
use lab_manifest::Digest;
use lab_manifest::overrides::Reference;
use lab_sealed::TarWriter;

/// An image to be archived.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) architecture: String,
    pub(crate) names: Vec<String>,
}

/// Entries of an archive, in order.
pub(crate) type Entries = Vec<(String, Vec<u8>)>;

/// The name and platform that the tests ask for the samples with.
pub(crate) fn naming() -> Naming {
    Naming {
        reference: Reference::in_full("quay.io/cilium/cilium:v1.12.4").unwrap(),
        repo_digest: None,
        platform: Platform::linux("amd64"),
        config: None,
    }
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

pub(crate) fn tar(entries: &Entries) -> Vec<u8> {
    let mut out = TarWriter::new(Vec::new());
    for (path, content) in entries {
        out.file(path, content).unwrap();
    }
    out.finish().unwrap()
}

/// The entries of an archive.
pub(crate) fn untar(archive: &[u8]) -> Entries {
    let mut archive = tar::Archive::new(archive);
    let read = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    });
    read.collect()
}

pub(crate) fn blob(content: &[u8]) -> (String, Vec<u8>) {
    (format!("blobs/sha256/{}", Digest::of(content).hex()), content.to_vec())
}

fn descriptor(kind: &str, content: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": Digest::of(content).as_str(), "size": content.len() })
}

impl Sample {
    /// An image of four layers with random content, for `amd64`.
    pub(crate) fn random(random: &mut fastrand::Rng) -> Self {
        let layers = std::iter::repeat_with(|| {
            let size = random.usize(1..3000);
            std::iter::repeat_with(|| random.u8(..)).take(size).collect()
        });
        let layers = layers.take(4).collect();
        Self { layers, architecture: "amd64".to_owned(), names: vec!["quay.io/cilium/cilium:v1.12.4".to_owned()] }
    }

    pub(crate) fn config(&self) -> Vec<u8> {
        let ids: Vec<String> = self.layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        bytes(&json!({
            "architecture": self.architecture, "os": "linux", "config": { "Cmd": ["/bin/hello-app"] },
            "rootfs": { "type": "layers", "diff_ids": ids }, "history": [],
        }))
    }

    /// The archive that Docker 20.10 writes.
    pub(crate) fn docker(&self) -> Entries {
        let config = self.config();
        let name = format!("{}.json", Digest::of(&config).hex());
        let mut entries = Entries::new();
        let mut paths = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let id = Digest::of(format!("{index}").as_bytes());
            entries.push((format!("{}/VERSION", id.hex()), b"1.0".to_vec()));
            entries.push((format!("{}/json", id.hex()), b"{\"id\":\"x\"}".to_vec()));
            paths.push(format!("{}/layer.tar", id.hex()));
            entries.push((format!("{}/layer.tar", id.hex()), layer.clone()));
        }
        entries.push((name.clone(), config));
        entries.push((
            "manifest.json".to_owned(),
            bytes(&json!([{ "Config": name, "RepoTags": self.names, "Layers": paths }])),
        ));
        entries.push(("repositories".to_owned(), b"{}".to_vec()));
        entries
    }

    pub(crate) fn manifest(&self) -> Vec<u8> {
        let layer = "application/vnd.oci.image.layer.v1.tar";
        let layers: Vec<Value> = self.layers.iter().map(|content| descriptor(layer, content)).collect();
        bytes(&json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &self.config()), "layers": layers,
        }))
    }

    /// An index with this image's manifest, one for another platform whose content is not in the archive, and an
    /// attestation.
    pub(crate) fn index(&self) -> Vec<u8> {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let mut own = descriptor(kind, &self.manifest());
        own["platform"] = json!({ "os": "linux", "architecture": self.architecture });
        let mut foreign = descriptor(kind, b"elsewhere");
        foreign["platform"] = json!({ "os": "linux", "architecture": "s390x" });
        let mut about = descriptor(kind, b"attestation");
        about["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        about["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
        bytes(&json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [about, foreign, own],
        }))
    }

    /// The archive that Docker 25 and newer write. With `index`, the root leads to an index and that to the manifest, as
    /// for an image that was pulled by an index's digest into containerd's image store.
    pub(crate) fn oci(&self, index: bool) -> Entries {
        let (config, manifest) = (self.config(), self.manifest());
        let mut entries: Entries = self.layers.iter().map(|layer| blob(layer)).collect();
        entries.extend([blob(&config), blob(&manifest)]);
        let mut top = if index {
            entries.push(blob(&self.index()));
            descriptor("application/vnd.oci.image.index.v1+json", &self.index())
        } else {
            descriptor("application/vnd.oci.image.manifest.v1+json", &manifest)
        };
        top["annotations"] = json!({ "io.containerd.image.name": self.names.first() });
        let paths: Vec<String> = self.layers.iter().map(|layer| blob(layer).0).collect();
        entries.push(("index.json".to_owned(), bytes(&json!({ "schemaVersion": 2, "manifests": [top] }))));
        entries.push((
            "manifest.json".to_owned(),
            bytes(&json!([{ "Config": blob(&config).0, "RepoTags": self.names, "Layers": paths }])),
        ));
        entries.push(("oci-layout".to_owned(), b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec()));
        entries
    }
}
