//! A node image with a cluster's images in it, baked by a real Engine and a real containerd from a stand-in's image.

use lab_engine::Engine;
use lab_images::baked::{self, Found, Ingredient, LABEL, Oven, Recipe};
use lab_images::{ImageError, Origin, Parcel, Wanted};
use lab_manifest::Digest;
use lab_model::observe::Baked;
use lab_stand_in::{Cluster, Image, ImagePlan, NodePlan, Plan, with_engine};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::containerd::{CRICTL, programs, until_it_answers};
use crate::some::{LONG, image, layered, local, nobody, remove};

const MARK: &str = "/state/lab/baking/mark";
/// Containerd as on a node, save CRI, which needs more than this container has.
const CONFIG: &str = r#"version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
"#;

/// A node image: containerd, and what its scripts need. None where containerd is missing, and that was said.
async fn node_image(engine: &Engine, test: &str) -> Option<Image> {
    let mut programs = programs(test)?;
    programs.extend(["cp", "ln", "sort", "head", "tar"].map(PathBuf::from));
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let files = vec![
        file("/bin/crictl", CRICTL),
        file("/etc/containerd/config.toml", CONFIG),
        file("/var/lib/containerd/.keep", ""),
    ];
    // A node image has one too.
    let changes = vec![r#"ENTRYPOINT ["/bin/sh", "-c", "exec \"$0\" \"$@\""]"#.to_owned()];
    Some(Image::make(engine, &ImagePlan { programs, files, changes }).await)
}

async fn bake(engine: &Engine, records: &Path, node: &Image, wanted: &Wanted) -> Result<Found, ImageError> {
    let node_id = engine.image(node.reference()).await.unwrap().unwrap().id;
    let held = lab_images::take(engine, wanted, LONG, &nobody).await.unwrap();
    let images = vec![Ingredient { wanted: wanted.clone(), origin: Origin::Engine(held) }];
    let node = Digest::try_from(node_id).unwrap();
    let recipe = Recipe { reference: "kindest/node:v1.25.3".to_owned(), node, images };
    baked::baked(engine, &Oven { records, mark: MARK }, recipe, &nobody).await
}

async fn is_baked(engine: &Engine, records: &Path, node: &Image, wanted: &Wanted) -> (Baked, bool) {
    match bake(engine, records, node, wanted).await.unwrap() {
        Found::Baked { what, now } => (what, now),
        Found::Unfit(why) => panic!("{why}"),
    }
}

async fn builders(engine: &Engine) -> Vec<String> {
    baked::remove_builders(engine, MARK).await.unwrap()
}

#[test]
fn nodes_of_a_baked_image_have_its_images_and_are_sent_none() {
    let test = "nodes_of_a_baked_image_have_its_images_and_are_sent_none";
    with_engine(test, async |engine| {
        let records = tempfile::tempdir().unwrap();
        let Some(node) = node_image(&engine, test).await else { return };
        let base = image(&engine, 3).await;
        let name = format!("lab-layered-{:08x}:test", fastrand::u32(..));
        layered(&engine, &base, &name).await;
        let wanted = local("cilium", &name);
        let (first, now) = is_baked(&engine, records.path(), &node, &wanted).await;
        assert!(now && first.reference.starts_with("lab-node:v1.25.3-"), "{first:?}");
        assert_eq!(builders(&engine).await, Vec::<String>::new());

        // The node image and one layer, with its configuration.
        let below = engine.image(node.reference()).await.unwrap().unwrap();
        let all = engine.image(&first.reference).await.unwrap().unwrap();
        assert_eq!((&all.id, &below.id), (&first.engine_id, &first.node_id));
        assert_eq!(all.layers, [below.layers.as_slice(), std::slice::from_ref(&first.layer)].concat());
        let inspected = engine.client().inspect_image(&first.reference).await.unwrap().config.unwrap();
        let own = engine.client().inspect_image(node.reference()).await.unwrap().config.unwrap();
        assert_eq!((&inspected.entrypoint, inspected.cmd.unwrap_or_default()), (&own.entrypoint, Vec::new()));
        assert!(inspected.labels.unwrap()[LABEL].starts_with(first.reference.rsplit_once('-').unwrap().1));

        // It is found again, also when its name was given to another image.
        assert_eq!(is_baked(&engine, records.path(), &node, &wanted).await, (first.clone(), false));
        let (repository, tag) = first.reference.rsplit_once(':').unwrap();
        let stolen = bollard::query_parameters::TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        engine.client().tag_image(base.reference(), Some(stolen)).await.unwrap();
        assert_eq!(is_baked(&engine, records.path(), &node, &wanted).await, (first.clone(), false));
        assert_eq!(engine.image(&first.reference).await.unwrap().unwrap().id, first.engine_id);

        // Containerd of a node of it has the image, unpacked, and is sent nothing.
        let nodes = Some(vec![NodePlan { image: Some(first.reference.clone()), ..NodePlan::new("worker", "worker") }]);
        let cluster = Cluster::make(&engine, Plan { nodes, ..Plan::default() }).await;
        let worker = cluster.nodes()[0].clone();
        let _daemon = engine.start(&worker.0, ["containerd"], false).await.unwrap();
        until_it_answers(&engine, &worker).await;
        let held = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap();
        let parcel = Parcel { wanted: wanted.clone(), origin: Origin::Engine(held), nodes: cluster.nodes().to_vec() };
        let delivered = lab_images::distribute(&engine, vec![parcel], false, &nobody).await.unwrap().remove(0);
        assert_eq!((delivered.moved.len(), delivered.there.len(), delivered.bytes), (0, 1, 0));
        assert_eq!(first.images["cilium"], delivered.source.config_digest);
        let snapshots = "cat /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs/one-more";
        let read = engine.exec(&worker.0, ["sh", "-c", snapshots], Vec::new(), LONG).await.unwrap();
        assert_eq!(read.stdout_text(), "layer", "{}", read.stderr_text());

        // Another image is another recipe. What is in use stays, the rest is removed.
        let (second, _now) = is_baked(&engine, records.path(), &node, &local("cilium", base.reference())).await;
        assert_ne!(second.engine_id, first.engine_id);
        let removed = baked::remove_all(&engine, records.path()).await.unwrap();
        assert_eq!(removed, (vec![second.reference], vec![first.reference.clone()]));
        drop(cluster);
        let removed = baked::remove_all(&engine, records.path()).await.unwrap();
        assert_eq!(removed, (vec![first.reference.clone()], Vec::new()));
        assert_eq!(engine.image(&first.reference).await.unwrap(), None);
        assert_eq!(std::fs::read_dir(records.path()).unwrap().count(), 0);
        remove(&engine, &name).await;
    });
}

/// Its layers could not be kept in a layer: the Engine would take its whiteouts for its own.
#[test]
fn an_image_that_removes_files_of_its_own_layers_is_not_baked() {
    let test = "an_image_that_removes_files_of_its_own_layers_is_not_baked";
    with_engine(test, async |engine| {
        let records = tempfile::tempdir().unwrap();
        let Some(node) = node_image(&engine, test).await else { return };
        let base = image(&engine, 1).await;
        let name = format!("lab-whiteout-{:08x}:test", fastrand::u32(..));
        crate::some::without(&engine, &base, "/content", &name).await;
        let why = Found::Unfit("removes files of the layers below it".to_owned());
        for _again in 0..2 {
            let found = bake(&engine, records.path(), &node, &local("cilium", &name)).await.unwrap();
            let (Found::Unfit(said), Found::Unfit(expected)) = (&found, &why) else { panic!("{found:?}") };
            assert!(said.starts_with("the layer ") && said.ends_with(expected), "{said}");
        }
        assert_eq!(builders(&engine).await, Vec::<String>::new());
        assert_eq!(baked::remove_all(&engine, records.path()).await.unwrap(), (Vec::new(), Vec::new()));
        assert_eq!(std::fs::read_dir(records.path()).unwrap().count(), 0);
        remove(&engine, &name).await;
    });
}

#[test]
fn what_cannot_be_baked_is_told_and_leaves_no_container() {
    with_engine("what_cannot_be_baked_is_told_and_leaves_no_container", async |engine| {
        let records = tempfile::tempdir().unwrap();
        let cilium = image(&engine, 1).await;
        // Its first process ends, since it has no containerd and no `cp`.
        let ends = Image::make(&engine, &ImagePlan::default()).await;
        let error = bake(&engine, records.path(), &ends, &local("cilium", cilium.reference())).await.unwrap_err();
        assert!(error.to_string().contains("it ended with exit code 127: sh: 5: cp: not found"), "{error}");
        assert_eq!(builders(&engine).await, Vec::<String>::new());
        assert_eq!(std::fs::read_dir(records.path()).unwrap().count(), 0);
    });
}

#[test]
fn a_container_that_a_killed_command_left_is_removed_before_the_next_bake() {
    let test = "a_container_that_a_killed_command_left_is_removed_before_the_next_bake";
    with_engine(test, async |engine| {
        let records = tempfile::tempdir().unwrap();
        let Some(node) = node_image(&engine, test).await else { return };
        let cilium = image(&engine, 1).await;
        let wanted = local("cilium", cilium.reference());
        let baking = Box::pin(bake(&engine, records.path(), &node, &wanted));
        let dropped = lab_base::clock::within(Duration::from_millis(500), "a bake", baking).await.is_err();
        let (_baked, now) = is_baked(&engine, records.path(), &node, &wanted).await;
        // On a fast machine the first one may have come to its end.
        assert!(now || !dropped);
        assert_eq!(builders(&engine).await, Vec::<String>::new());
        baked::remove_all(&engine, records.path()).await.unwrap();
    });
}
