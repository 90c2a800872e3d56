//! `lab kit`, and labs that take what they need from a kit.

use lab_base::exec::{Finished, Invocation};
use lab_engine::Engine;
use lab_images::kit::{INDEX_FILE, Kit};
use lab_images::{CILIUM, HELLO_APP, ImageError, NODE, OPERATOR, Origin, Parcel};
use lab_manifest::{Digest, Manifests};
use lab_model::observe::ImageFrom;
use lab_stand_in::{Cluster, Image, with_engine};
use std::fs;
use std::path::{Path, PathBuf};

use crate::scripts::plan;
use crate::some::{LONG, config, image, local, nobody, remove};

/// Four images, manifests that pin the chart that is there, and a folder for kits.
struct World {
    folder: tempfile::TempDir,
    images: [Image; 4],
}

impl World {
    async fn make(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = [image(engine, 2).await, image(engine, 2).await, image(engine, 1).await, image(engine, 1).await];
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        let manifests = folder.path().join("manifests");
        fs::create_dir(&manifests).unwrap();
        let chart = b"a chart";
        fs::write(folder.path().join("cilium.tgz"), chart).unwrap();
        let pinned = Manifests::embedded().unwrap().pins.chart.sha256.to_string();
        for file in ["pins.json", "kind.yaml", "cilium.yaml", "hello-app.yaml"] {
            let text = fs::read_to_string(source.join(file)).unwrap().replace(&pinned, Digest::of(chart).hex());
            fs::write(manifests.join(file), text).unwrap();
        }
        Self { folder, images }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn lab(&self, args: &[&str]) -> Finished {
        let lab = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(args).directory(self.folder.path());
        lab.run(LONG).await.unwrap()
    }

    /// `lab kit pack` with these four, and more arguments.
    async fn pack(&self, more: &[&str]) -> Finished {
        let [node, cilium, operator, hello] = &self.images;
        let given = |name: &str, image: &Image| format!("{name}={}", image.reference());
        let (cilium, operator, hello) = (given(CILIUM, cilium), given(OPERATOR, operator), given(HELLO_APP, hello));
        let mut args = vec!["kit", "pack", "--manifests", "manifests", "--chart", "cilium.tgz"];
        args.extend(["--node-image", node.reference(), "--image", &cilium, "--image", &operator, "--image", &hello]);
        args.extend(more);
        self.lab(&args).await
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }
}

fn code(finished: &Finished) -> (lab_base::exec::Exit, String, String) {
    (finished.exit, finished.stdout_text(), finished.stderr_text())
}

#[test]
fn a_kit_is_packed_shown_and_used() {
    with_engine("a_kit_is_packed_shown_and_used", async |engine| {
        let world = World::make(&engine).await;
        let dry = world.pack(&["--dry-run"]).await;
        assert!(dry.success() && dry.stdout_text().starts_with("would write lab-kit.tar\n"), "{:?}", code(&dry));
        assert_eq!(dry.stdout_text().matches("in the Engine, ").count(), 4, "{:?}", code(&dry));
        assert_eq!(world.files(), ["cilium.tgz", "manifests"]);

        let packed = world.pack(&[]).await;
        assert!(packed.success(), "{:?}", code(&packed));
        let shown = world.lab(&["kit", "show", "lab-kit.tar"]).await;
        assert!(shown.success(), "{:?}", code(&shown));
        let json = world.lab(&["kit", "show", "lab-kit.tar", "--format", "json"]).await;
        let kit = Kit::open(&world.path("lab-kit.tar")).unwrap();
        let index: lab_images::kit::Index = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(&index, kit.index());
        for (name, image) in [NODE, CILIUM, OPERATOR, HELLO_APP].into_iter().zip(&world.images) {
            let (_held, config) = config(&engine, image).await;
            let there = kit.index().image(name).unwrap();
            assert_eq!((&there.config_digest, there.reference.familiar().as_str()), (&config, image.reference()));
            assert!(shown.stdout_text().contains(config.as_str()) && packed.stdout_text().contains(config.as_str()));
        }
        let note = "(not as pinned: cilium is an image that was not pulled, pinned is sha256:";
        assert!(shown.stdout_text().contains(note), "{:?}", code(&shown));

        let there = world.pack(&[]).await;
        assert_eq!(there.exit, lab_base::exec::Exit::Code(3), "{:?}", code(&there));
        assert!(there.stderr_text().contains("lab-kit.tar: this file exists already"), "{:?}", code(&there));
        let forced = world.pack(&["--force"]).await;
        assert!(forced.success(), "{:?}", code(&forced));
        assert_eq!(world.files(), ["cilium.tgz", "lab-kit.tar", "manifests"]);
        Box::pin(from_the_kit(&engine, &world)).await;
    });
}

/// The Engine has none of the images any more: all comes out of the kit.
async fn from_the_kit(engine: &Engine, world: &World) {
    let kit = Kit::open(&world.path("lab-kit.tar")).unwrap();
    assert_eq!(kit.chart().unwrap(), b"a chart");
    let node = kit.index().image(NODE).unwrap().clone();
    let there = kit.load_node(engine, &nobody).await.unwrap();
    assert!(!there.loaded && there.source.reference == world.images[0].reference());
    for image in &world.images {
        remove(engine, image.reference()).await;
    }
    let loaded = kit.load_node(engine, &nobody).await.unwrap();
    assert!(loaded.loaded);
    assert_eq!((loaded.source.from, &loaded.source.reference), (ImageFrom::Kit, &there.source.reference));
    assert_eq!(loaded.source.config_digest, node.config_digest.to_string());
    assert_eq!(loaded.source.engine_id, there.source.engine_id);
    remove(engine, world.images[0].reference()).await;

    // Under the name is something else, which is left there.
    let other = image(engine, 1).await;
    let (repository, tag) = world.images[0].reference().rsplit_once(':').unwrap();
    let options = bollard::query_parameters::TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
    engine.call("tag an image", LONG, engine.client().tag_image(other.reference(), Some(options))).await.unwrap();
    let own = kit.load_node(engine, &nobody).await.unwrap();
    let again = kit.load_node(engine, &nobody).await.unwrap();
    let own_name = format!("lab-kit/node:{}", &node.config_digest.hex()[..12]);
    remove(engine, &own_name).await;
    assert_eq!((own.loaded, again.loaded, &own.source), (true, false, &again.source));
    assert_eq!((&own.source.reference, &own.source.config_digest), (&own_name, &node.config_digest.to_string()));
    let (_held, left) = config(engine, &other).await;
    let (_held, under) = config(engine, &world.images[0]).await;
    assert_eq!(under, left);

    let cluster = Cluster::make(engine, plan()).await;
    let parcels = [CILIUM, OPERATOR, HELLO_APP].map(|name| Parcel {
        wanted: kit.wanted(name).unwrap(),
        origin: kit.origin(name).unwrap(),
        nodes: cluster.nodes().to_vec(),
    });
    let delivered = lab_images::distribute(engine, parcels.into_iter().collect(), false, &nobody).await.unwrap();
    for (delivered, name) in delivered.iter().zip([CILIUM, OPERATOR, HELLO_APP]) {
        let image = kit.index().image(name).unwrap();
        assert_eq!((delivered.source.from, delivered.moved.len()), (ImageFrom::Kit, 3));
        for node in cluster.nodes() {
            let images = lab_images::node_images(engine, node, LONG).await.unwrap();
            assert!(images.has(&image.reference, &image.config_digest), "{name} on {node}: {images:?}");
        }
    }
    // A kit that has another image than it says: nothing of it is on a node after.
    let wanted = local(CILIUM, "quay.io/lab/another:1");
    let origin = Origin::Reader {
        archive: kit.content(&kit.index().image(CILIUM).unwrap().file).unwrap(),
        platform: kit.index().platform.clone(),
        config: Digest::of(b"another"),
    };
    let parcel = Parcel { wanted: wanted.clone(), origin, nodes: cluster.nodes().to_vec() };
    let error = lab_images::distribute(engine, vec![parcel], false, &nobody).await.unwrap_err();
    assert!(matches!(error, ImageError::Archive { .. }), "{error}");
    assert!(error.to_string().contains("the archive has another image"), "{error}");
    for node in cluster.nodes() {
        assert_eq!(lab_images::node_images(engine, node, LONG).await.unwrap().get(&wanted.reference), None);
    }
}

#[test]
fn what_cannot_be_packed_leaves_nothing() {
    with_engine("what_cannot_be_packed_leaves_nothing", async |engine| {
        let world = World::make(&engine).await;
        fs::write(world.path("other.tgz"), "another chart").unwrap();
        let none = format!("{HELLO_APP}=lab-no-such-image:1");
        let hello = format!("{HELLO_APP}={}", world.images[3].reference());
        let pinned = ["kit", "pack", "--chart", "other.tgz"];
        let cases: [(Finished, u8, &str); 4] = [
            (world.lab(&pinned).await, 3, "other.tgz: not the chart that pins.json pins: its SHA-256 is "),
            (world.pack(&["--image", &hello]).await, 2, "--image hello-app is given twice"),
            (world.pack(&["-o", "none/kit.tar"]).await, 3, "none/kit.tar: cannot be written: "),
            (
                world
                    .lab(&[
                        "kit",
                        "pack",
                        "--manifests",
                        "manifests",
                        "--chart",
                        "cilium.tgz",
                        "--node-image",
                        &none[10..],
                        "-o",
                        "kit.tar",
                    ])
                    .await,
                5,
                "the Engine has no image lab-no-such-image:1, which this lab needs as node and which lab does not pull",
            ),
        ];
        for (finished, expected, words) in &cases {
            assert_eq!(finished.exit, lab_base::exec::Exit::Code(i32::from(*expected)), "{:?}", code(finished));
            assert!(finished.stderr_text().contains(words), "{:?}", code(finished));
        }
        assert_eq!(world.files(), ["cilium.tgz", "manifests", "other.tgz"]);
    });
}

/// Needs no Engine: what is no kit, told by the program itself.
#[test]
fn what_is_no_kit_is_refused_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("words"), "some words").unwrap();
    lab_base::runtime().unwrap().block_on(async {
        for (file, words) in [("words", "words: not a kit: "), ("none", "none: cannot be opened: ")] {
            let show = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(["kit", "show", file]).directory(folder.path());
            let finished = show.run(LONG).await.unwrap();
            assert_eq!(finished.exit, lab_base::exec::Exit::Code(3), "{:?}", code(&finished));
            assert!(finished.stderr_text().starts_with(&format!("lab: {words}")), "{:?}", code(&finished));
            assert_eq!(finished.stdout_text(), "");
        }
    });
    assert_eq!(INDEX_FILE, "kit.json");
}
