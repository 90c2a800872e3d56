//! What is passed on is the image that was asked for, or nothing that a reader would take for one.

use serde_json::json;

use super::samples::{Entries, Sample, blob, bytes, naming, tar, untar};
use super::*;

mod hostile;

fn passed(archive: &[u8], naming: &Naming) -> Result<(Archived, Vec<u8>), String> {
    let mut out = Vec::new();
    pass_on(archive, &mut out, naming).map(|archived| (archived, out)).map_err(|error| error.to_string())
}

/// What is wrong with an archive.
#[track_caller]
fn refused(entries: &Entries) -> String {
    passed(&tar(entries), &naming()).unwrap_err()
}

fn sample() -> Sample {
    Sample::random(&mut fastrand::Rng::with_seed(7))
}

/// Replaces what is under a path.
fn with(mut entries: Entries, path: &str, content: Vec<u8>) -> Entries {
    entries.iter_mut().find(|(name, _content)| name == path).unwrap().1 = content;
    entries
}

fn without(mut entries: Entries, path: &str) -> Entries {
    let before = entries.len();
    entries.retain(|(name, _content)| name != path);
    assert_ne!(entries.len(), before);
    entries
}

#[test]
fn dockers_layout_is_read_and_named_anew() {
    let mut sample = sample();
    // As an image is that was pulled by its digest and never named.
    sample.names.clear();
    let (seen, out) = passed(&tar(&sample.docker()), &naming()).unwrap();
    assert_eq!(seen.layout, Layout::Docker);
    assert_eq!(seen.config, Digest::of(&sample.config()));
    assert_eq!((seen.manifest, seen.index, seen.layers), (None, None, 4));
    assert_eq!(seen.given, ["quay.io/cilium/cilium:v1.12.4"]);
    let there: Vec<String> = untar(&out).into_iter().map(|(path, _content)| path).collect();
    assert_eq!(there.last().unwrap(), "manifest.json");
    assert!(!there.iter().any(|path| path.ends_with("VERSION") || path == "repositories"), "{there:?}");
    let (again, _out) = passed(&out, &naming()).unwrap();
    assert_eq!((again.config, again.names), (seen.config, vec!["quay.io/cilium/cilium:v1.12.4".to_owned()]));
}

#[test]
fn links_between_layers_are_followed() {
    let sample = sample();
    let mut entries = sample.docker();
    let paths: Vec<String> =
        entries.iter().filter(|(path, _)| path.ends_with("layer.tar")).map(|(path, _)| path.clone()).collect();
    // The first layer once more under another name, as Docker writes layers that two images share.
    let (first, linked) = (&paths[0], &paths[1]);
    let mut twice = sample.clone();
    twice.layers[1] = twice.layers[0].clone();
    entries = without(twice.docker(), linked);
    let mut archive = tar(&entries);
    archive.truncate(archive.len() - 1024);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_path(linked).unwrap();
    header.set_link_name(format!("../{first}")).unwrap();
    header.set_size(0);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    let (seen, out) = passed(&archive, &naming()).unwrap();
    assert_eq!(seen.config, Digest::of(&twice.config()));
    assert!(!untar(&out).iter().any(|(path, _content)| path == linked));
    passed(&out, &naming()).unwrap();
    for (target, why) in [("../../etc/passwd", "leads out of the archive"), ("/etc/passwd", "leads out of the archive")]
    {
        let mut header = header.clone();
        header.set_link_name(target).unwrap();
        header.set_cksum();
        let mut archive = tar(&entries);
        archive.truncate(archive.len() - 1024);
        archive.extend_from_slice(header.as_bytes());
        assert!(passed(&archive, &naming()).unwrap_err().contains(why), "{target}");
    }
}

#[test]
fn the_oci_layout_is_read_through_an_index_or_not() {
    let sample = sample();
    for through_index in [false, true] {
        let (seen, out) = passed(&tar(&sample.oci(through_index)), &naming()).unwrap();
        assert_eq!(seen.layout, Layout::Oci);
        assert_eq!(seen.config, Digest::of(&sample.config()));
        assert_eq!(seen.manifest, Some(Digest::of(&sample.manifest())));
        assert_eq!(seen.index, through_index.then(|| Digest::of(&sample.index())));
        assert_eq!(seen.given, ["quay.io/cilium/cilium:v1.12.4"]);
        // Passed on it leads to the manifest directly: other machines' manifests, which are not there, are not named.
        let (again, _out) = passed(&out, &naming()).unwrap();
        assert_eq!((again.config, again.index), (seen.config, None));
        // Dockers before 25 know only the other layout.
        let old = without(without(untar(&out), "index.json"), "oci-layout");
        let (old, _out) = passed(&tar(&old), &naming()).unwrap();
        assert_eq!((old.layout, old.config), (Layout::Docker, Digest::of(&sample.config())));
    }
}

#[test]
fn a_registrys_digest_is_given_only_where_the_archive_has_it() {
    let sample = sample();
    let by = |digest: Digest| Naming { repo_digest: Some(digest), ..naming() };
    for digest in [Digest::of(&sample.manifest()), Digest::of(&sample.index())] {
        let (seen, out) = passed(&tar(&sample.oci(true)), &by(digest.clone())).unwrap();
        assert!(seen.proves(&digest));
        assert_eq!(seen.given[1], format!("quay.io/cilium/cilium@{digest}"));
        let index = untar(&out).into_iter().find(|(path, _)| path == "index.json").unwrap().1;
        let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(index["manifests"][1]["digest"], digest.as_str());
        // Two names of one image: it can be passed on once more, and proves as much.
        let (again, _out) = passed(&out, &by(digest.clone())).unwrap();
        assert!(again.proves(&digest));
        assert_eq!(again.given, seen.given);
    }
    let foreign = Digest::of(b"another image");
    for entries in [sample.docker(), sample.oci(true)] {
        let (seen, _out) = passed(&tar(&entries), &by(foreign.clone())).unwrap();
        assert!(!seen.proves(&foreign));
        assert_eq!(seen.given, ["quay.io/cilium/cilium:v1.12.4"]);
    }
    // Docker's own layout has no manifest of a registry's: nothing is proved, and nothing claimed.
    let manifest = Digest::of(&sample.manifest());
    assert_eq!(passed(&tar(&sample.docker()), &by(manifest)).unwrap().0.given.len(), 1);
}

#[test]
fn another_image_or_machine_is_refused() {
    let sample = sample();
    let other = Naming { config: Some(Digest::of(b"another")), ..naming() };
    let message = format!(
        "the archive has another image: its configuration has the digest {}, expected {}",
        Digest::of(&sample.config()),
        Digest::of(b"another")
    );
    assert_eq!(passed(&tar(&sample.docker()), &other).unwrap_err(), message);
    let right = Naming { config: Some(Digest::of(&sample.config())), ..naming() };
    passed(&tar(&sample.docker()), &right).unwrap();
    let arm = Naming { platform: Platform::linux("aarch64"), ..naming() };
    let message = "the archive has the image for linux/amd64, not for linux/arm64";
    assert_eq!(passed(&tar(&sample.docker()), &arm).unwrap_err(), message);
    assert_eq!(passed(&tar(&sample.oci(false)), &arm).unwrap_err(), message);
    assert_eq!(
        passed(&tar(&sample.oci(true)), &arm).unwrap_err(),
        "the archive has the image for linux/s390x, linux/amd64, not for linux/arm64"
    );
}

#[test]
fn what_is_named_must_be_there_and_undamaged() {
    let sample = sample();
    let layer = blob(&sample.layers[2]).0;
    let message =
        |path: &str, named_in: &str| format!("the archive is incomplete: {named_in} names {path}, which is missing");
    let docker = sample.docker();
    let docker_layer = docker.iter().map(|(path, _)| path).filter(|path| path.ends_with("layer.tar")).nth(2).unwrap();
    assert_eq!(refused(&without(docker.clone(), docker_layer)), message(docker_layer, "manifest.json"));
    let manifest = blob(&sample.manifest()).0;
    assert_eq!(refused(&without(sample.oci(true), &layer)), message(&layer, &manifest));
    assert_eq!(refused(&without(sample.oci(true), &manifest)), message(&manifest, &blob(&sample.index()).0));
    let damaged = format!("has the digest {}, expected {}", Digest::of(b"damaged"), Digest::of(&sample.layers[2]));
    for (entries, layer) in [(docker.clone(), docker_layer.clone()), (sample.oci(true), layer.clone())] {
        let said = refused(&with(entries, &layer, b"damaged".to_vec()));
        assert!(said.starts_with(&layer) && said.ends_with(&damaged), "{said}");
    }
    assert_eq!(
        refused(&without(without(sample.oci(true), "index.json"), "manifest.json")),
        format!("the archive is not an image: it has neither index.json nor manifest.json, but {}", {
            let mut names: Vec<String> = sample.oci(true).into_iter().map(|(path, _)| path).collect();
            names.retain(|path| path.starts_with("blobs"));
            names.sort();
            format!("8 files: {}, …", names[..3].join(", "))
        })
    );
    assert_eq!(
        refused(&Entries::new()),
        "the archive is not an image: it has neither index.json nor manifest.json, but no file at all"
    );
}

#[test]
fn one_image_is_expected_and_the_two_layouts_must_agree() {
    let (one, two) = (sample(), Sample::random(&mut fastrand::Rng::with_seed(8)));
    let several = bytes(&json!([
        { "Config": "a.json", "RepoTags": ["a:1", "a:2"], "Layers": [] },
        { "Config": "b.json", "RepoTags": null, "Layers": [] },
    ]));
    assert_eq!(
        refused(&with(one.docker(), "manifest.json", several)),
        "the archive has several images (a:1 = a:2, b.json), where one is expected"
    );
    assert_eq!(
        refused(&with(one.docker(), "manifest.json", b"[]".to_vec())),
        "manifest.json in the archive cannot be used: it lists no image"
    );
    let mut two_of_them = one.oci(true);
    two_of_them.extend(two.oci(true).into_iter().filter(|(path, _)| path.starts_with("blobs")));
    let top = |sample: &Sample, name: &str| {
        json!({
            "mediaType": "application/vnd.oci.image.index.v1+json", "digest": Digest::of(&sample.index()),
            "size": sample.index().len(), "annotations": { "io.containerd.image.name": name },
        })
    };
    let several = json!({ "manifests": [top(&one, "a:1"), top(&one, "a:2"), top(&two, "b:1")] });
    assert_eq!(
        refused(&with(two_of_them, "index.json", bytes(&several))),
        "the archive has several images (a:1, a:2, b:1), where one is expected"
    );
    let mut both = one.oci(false);
    both.extend(two.oci(false).into_iter().filter(|(path, _)| path.starts_with("blobs")));
    let manifest = two.oci(false).into_iter().find(|(path, _)| path == "manifest.json").unwrap().1;
    assert_eq!(
        refused(&with(both, "manifest.json", manifest)),
        format!(
            "index.json and manifest.json in the archive describe different images: {} and {}",
            Digest::of(&one.config()),
            Digest::of(&two.config())
        )
    );
}

#[test]
fn documents_that_say_something_else_are_refused() {
    let sample = sample();
    let said = refused(&with(sample.docker(), "manifest.json", b"[{\"Config\": 7}]".to_vec()));
    assert!(said.starts_with("manifest.json in the archive cannot be used: [0].Config: invalid type"), "{said}");
    let said = refused(&with(sample.docker(), "manifest.json", b"not JSON".to_vec()));
    assert!(said.contains("its 8 bytes are not a JSON document"), "{said}");
    let mut few = sample.clone();
    few.layers.pop();
    let name = format!("{}.json", Digest::of(&sample.config()).hex());
    let said = refused(&with(sample.docker(), &name, few.config()));
    assert!(said.ends_with("rootfs.diff_ids has 3 layers, and the manifest 4"), "{said}");
    let index = json!({ "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": Digest::of(&sample.manifest()), "size": 1,
    }] });
    let said = refused(&with(sample.oci(false), "index.json", bytes(&index)));
    assert!(said.ends_with(&format!("should have 1 bytes and has {}", sample.manifest().len())), "{said}");
}
