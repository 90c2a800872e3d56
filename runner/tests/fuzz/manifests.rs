//! Pins and manifests, in JSON and YAML.

use lab_manifest::Manifests;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

use super::change::{apply, bytes};
use super::driver::{fate, fuzz};

const FILES: [&str; 4] = ["pins.json", "kind.yaml", "cilium.yaml", "hello-app.yaml"];

#[test]
fn a_changed_manifest_is_read_or_its_mistake_is_told() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| fs::read(own.join(name)).expect("a manifest");
    for name in FILES {
        fs::write(folder.path().join(name), text(name)).expect("a file");
    }
    fuzz("manifests", &FILES.map(|name| (name, text(name))), &bytes(), |(name, whole), changes| {
        let file = folder.path().join(name);
        fs::write(&file, apply(whole, changes)).expect("a file");
        let read = Manifests::load(folder.path());
        fs::write(&file, whole).expect("a file");
        if let Err(error) = &read {
            let said = error.to_string();
            prop_assert!(said.contains(name), "{name} is not named: {said}");
        }
        Ok(fate(&read))
    });
}
