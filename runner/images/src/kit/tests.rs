//! Kits that are whole, and kits that are not: each refused by name, for its own reason.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::*;

mod refused;
use crate::archive;
use crate::archive::samples::{Sample, naming, tar, untar};
use crate::{CILIUM, HELLO_APP, Layout, NODE, OPERATOR, Platform, Reference};
use lab_manifest::overrides::{LocalImage, Overrides};
use lab_manifest::{Digest, Manifests};
use lab_model::deviation::ImageName;

const CHART: &[u8] = b"a chart";

/// The image of a name: another one for each.
fn sample(name: &str) -> Sample {
    Sample::random(&mut fastrand::Rng::with_seed(name.len() as u64))
}

fn add(kit: &mut KitWriter, name: &str) -> KitImage {
    let sample = sample(name);
    let stored = if name == NODE { Stored::Plain } else { Stored::Zstd };
    let path = format!("images/{name}.tar{}", if stored == Stored::Zstd { ".zst" } else { "" });
    let content = tar(&sample.docker());
    let (file, ()) = kit
        .member(&path, stored, |out| out.write_all(&content).map_err(KitError::io(Path::new("kit"), "be written")))
        .unwrap();
    let digest = (name != HELLO_APP).then(|| Digest::of(name.as_bytes()));
    KitImage {
        name: name.to_owned(),
        reference: Reference::in_full(&format!("quay.io/lab/{name}:1")).unwrap(),
        repo_digest: digest,
        config_digest: Digest::of(&sample.config()),
        layout: Layout::Docker,
        file,
    }
}

fn write(path: &Path, names: &[&str], change: impl FnOnce(&mut Index)) -> Index {
    let mut kit = KitWriter::begin(path, false).unwrap();
    let images = names.iter().map(|name| add(&mut kit, name)).collect();
    let (file, ()) = kit
        .member("chart/cilium-1.12.4.tgz", Stored::Plain, |out| {
            out.write_all(CHART).map_err(KitError::io(Path::new("kit"), "be written"))
        })
        .unwrap();
    let pins = Manifests::embedded().unwrap().pins;
    let mut index = Index {
        schema: SCHEMA,
        packed_by: "lab 0.1.0".to_owned(),
        packed: "2026-11-23T10:39:00.250Z".to_owned(),
        platform: Platform::linux("amd64"),
        kubernetes: Some(pins.kubernetes.version),
        images,
        chart: KitChart { name: "cilium".to_owned(), version: pins.chart.version, file },
    };
    change(&mut index);
    kit.finish(&index).unwrap();
    index
}

const ALL: [&str; 4] = [NODE, CILIUM, OPERATOR, HELLO_APP];

/// A folder, and a whole kit in it.
fn whole() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kit.tar");
    write(&path, &ALL, |_index| {});
    (folder, path)
}

/// What is said of a kit with these entries.
#[track_caller]
fn refused(path: &Path, bytes: &[u8]) -> String {
    fs::write(path, bytes).unwrap();
    let said = Kit::open(path).unwrap_err().to_string();
    let (file, rest) = said.split_once(": ").unwrap();
    assert_eq!(file, path.display().to_string());
    rest.to_owned()
}

#[test]
fn what_was_packed_is_there() {
    let (_folder, path) = whole();
    let kit = Kit::open(&path).unwrap();
    assert_eq!(kit.chart().unwrap(), CHART);
    for name in ALL {
        let image = kit.index().image(name).unwrap();
        let mut content = Vec::new();
        kit.content(&image.file).unwrap().read_to_end(&mut content).unwrap();
        assert!(content == tar(&sample(name).docker()), "{name}");
        let seen = archive::pass_on(content.as_slice(), io::sink(), &naming()).unwrap();
        assert_eq!(seen.config, image.config_digest);
        let wanted = kit.wanted(name).unwrap();
        assert_eq!((&wanted.reference, wanted.repo_digest().is_some()), (&image.reference, name != HELLO_APP));
    }
    // Any tar program lists it.
    let names: Vec<String> = untar(&fs::read(&path).unwrap()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names.last().map(String::as_str), Some(INDEX_FILE));
    let text = describe("kit.tar", kit.index());
    for part in
        ["kit.tar: for linux/amd64, Kubernetes 1.25.3; packed 2026-11-23", "quay.io/lab/cilium:1", "(not pulled"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for image in &kit.index().images {
        assert!(text.contains(image.config_digest.as_str()) && text.contains(image.file.sha256.as_str()));
    }
}

#[test]
fn what_is_not_as_pinned_is_told() {
    let (_folder, path) = whole();
    let mut index = Kit::open(&path).unwrap().index().clone();
    let pins = Manifests::embedded().unwrap().pins;
    let differences = index.differences(&pins);
    // Each name, the digests of all but hello-app, and the chart.
    assert_eq!(differences.len(), 4 + 3 + 1, "{differences:?}");
    for (name, pin) in [
        (NODE, &pins.images.node),
        (CILIUM, &pins.images.cilium),
        (OPERATOR, &pins.images.operator_generic),
        (HELLO_APP, &pins.images.hello_app),
    ] {
        let image = index.images.iter_mut().find(|image| image.name == name).unwrap();
        image.reference = Reference::in_full(&pin.tagged()).unwrap();
        image.repo_digest.clone_from(&pin.digest);
    }
    index.chart.file.sha256 = pins.chart.sha256.clone();
    assert_eq!(index.differences(&pins), [""; 0]);
    let (none, manifests) = (Overrides::default(), Manifests::embedded().unwrap());
    assert_eq!(with_kit(&none, &index, &pins), none, "a kit of the pinned images changes no pin");
    index.images[1].repo_digest = None;
    let with = with_kit(&none, &index, &pins);
    let declared = deviations_by_kit(&with, &none, Path::new("l.kit"), &manifests);
    let declared: Vec<String> = declared.iter().map(ToString::to_string).collect();
    assert_eq!(declared.len(), 1, "{declared:?}");
    assert!(
        declared[0].starts_with("images.cilium is the kit's image quay.io/cilium/cilium:v1.12.4, not "),
        "{declared:?}"
    );
    assert!(declared[0].ends_with(" (--kit l.kit)"), "{declared:?}");
    // Who names an image by hand has the last word, and it is by that option.
    let given =
        Overrides { images: vec![LocalImage { name: ImageName::Cilium, reference: "own:1".parse().unwrap() }], ..none };
    let with = with_kit(&given, &index, &pins);
    assert_eq!(with, given);
    let declared = deviations_by_kit(&with, &given, Path::new("l.kit"), &manifests);
    assert!(declared.iter().all(|deviation| deviation.by == "--image cilium=own:1"), "{declared:?}");
    let digest = pins.images.cilium.digest.as_ref().unwrap();
    assert_eq!(index.differences(&pins), [format!("cilium is an image that was not pulled, pinned is {digest}")]);
    // Another node image brings another Kubernetes.
    index.images[0].repo_digest = None;
    let node = with_kit(&Overrides::default(), &index, &pins).deviations(&manifests);
    let what: Vec<&str> = node.iter().map(|deviation| deviation.what.as_str()).collect();
    assert_eq!(what, ["node-image", "kubernetes.version", "images.cilium"]);
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kit.tar");
    let mut kit = KitWriter::begin(&path, false).unwrap();
    add(&mut kit, CILIUM);
    drop(kit);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut kit = KitWriter::begin(&path, false).unwrap();
    let broken: Result<(Member, ()), KitError> =
        kit.member("images/x.tar", Stored::Zstd, |_out| Err(KitError::io(&path, "be read")(io::Error::other("gone"))));
    assert!(broken.is_err());
    drop(kit);
    fs::write(&path, "mine").unwrap();
    let said = KitWriter::begin(&path, false).unwrap_err().to_string();
    assert!(said.ends_with("this file exists already; give another name with -o, or --force to replace it"), "{said}");
    let said = KitWriter::begin(&folder.path().join("none/kit.tar"), false).unwrap_err().to_string();
    assert!(said.contains("none/kit.tar: cannot be written: "), "{said}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    // Somebody else was faster.
    let other = folder.path().join("other.tar");
    let kit = KitWriter::begin(&other, false).unwrap();
    fs::write(&other, "theirs").unwrap();
    let index = write(&folder.path().join("third.tar"), &ALL, |_index| {});
    assert!(kit.finish(&index).unwrap_err().to_string().contains("this file exists already"));
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    KitWriter::begin(&path, true).unwrap().finish(&index).unwrap();
    assert_ne!(fs::read(&path).unwrap(), b"mine");
    let mut left: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["kit.tar", "other.tar", "third.tar"]);
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for missing in ALL {
        let path = folder.path().join(missing);
        let rest: Vec<&str> = ALL.into_iter().filter(|name| *name != missing).collect();
        write(&path, &rest, |_index| {});
        let said = Kit::open(&path).unwrap_err().to_string();
        assert!(said.ends_with(&format!(": incomplete: there is no image {missing} in it; pack it again")), "{said}");
    }
}
