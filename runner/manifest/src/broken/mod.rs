//! Tests that each broken copy of the files is refused with one line that names the place.

mod json;
mod together;
mod yaml;

use std::fs;
use std::path::Path;

use super::{Files, Manifests};

const PINS: &str = "pins.json";
const KIND: &str = "kind.yaml";
const CILIUM: &str = "cilium.yaml";
const HELLO_APP: &str = "hello-app.yaml";
const RACKS: &str = "racks.yaml";

fn write(folder: &Path) {
    let Files { pins, kind, cilium, hello_app, racks } = Files::embedded();
    for (name, file) in [(PINS, pins), (KIND, kind), (CILIUM, cilium), (HELLO_APP, hello_app), (RACKS, racks)] {
        fs::write(folder.join(name), file.text).unwrap();
    }
}

/// Asserts that the manifests are refused with this message once `old` is replaced by `new` in one file. In the message, DIR
/// stands for the folder, and LINE for the line on which `marked`, a part of `new`, begins.
#[track_caller]
fn refused(file: &str, old: &str, new: &str, marked: &str, message: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find(old).unwrap_or_else(|| panic!("{file} has no {old:?}"));
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    let offset = at + new.find(marked).unwrap_or_else(|| panic!("{new:?} has no {marked:?}"));
    let before = text.replacen(old, new, 1)[..offset].matches('\n').count();
    let error = Manifests::load(folder.path()).unwrap_err().to_string();
    let error = error.replace(&folder.path().display().to_string(), "DIR");
    assert_eq!(error, message.replace("LINE", &(before + 1).to_string()));
}

#[test]
fn an_unbroken_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    assert_eq!(Manifests::load(folder.path()).unwrap(), Manifests::embedded().unwrap());
}

/// A folder with the article's own files alone is a whole one.
#[test]
fn racks_may_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    fs::remove_file(folder.path().join(RACKS)).unwrap();
    assert_eq!(Manifests::load(folder.path()).unwrap(), Manifests::embedded().unwrap());
}

#[test]
fn what_is_wrong_with_racks_is_named() {
    refused(
        RACKS,
        "firstAs: 64601",
        "firstAs: 13335",
        "13335",
        "DIR/racks.yaml:LINE: tors.firstAs: expected the number of a private AS, 64512 to 65534, found 13335",
    );
    refused(
        RACKS,
        "holdSeconds: 90",
        "holdSeconds: 2",
        "2",
        "DIR/racks.yaml:LINE: holdSeconds: expected a hold time of 3 to 65535 seconds, found 2",
    );
}

#[test]
fn each_file_must_be_there() {
    for file in [PINS, KIND, CILIUM, HELLO_APP] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        fs::remove_file(folder.path().join(file)).unwrap();
        let expected = format!(
            "{}/{file}: cannot be read: No such file or directory (os error 2); its folder must hold pins.json, \
             kind.yaml, cilium.yaml and hello-app.yaml",
            folder.path().display()
        );
        assert_eq!(Manifests::load(folder.path()).unwrap_err().to_string(), expected);
    }
}
