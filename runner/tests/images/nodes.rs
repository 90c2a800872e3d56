//! From the Engine into the nodes.

use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::Engine;
use lab_images::{Delivered, Find, ImageError, Instead, NodeFailed, Origin, Parcel, Wanted};
use lab_model::observe::{ImageFrom, NodeName};
use lab_stand_in::{Cluster, with_engine};
use std::io::{Read, Write};
use std::time::Duration;

use crate::scripts::{one, plan};
use crate::some::{LONG, config, image, layered, local, nobody, remove};

async fn distribute(engine: &Engine, wanted: &Wanted, nodes: &[NodeName]) -> Result<Delivered, ImageError> {
    let held = lab_images::take(engine, wanted, LONG, &nobody).await.unwrap();
    let parcel = Parcel { wanted: wanted.clone(), origin: Origin::Engine(held), nodes: nodes.to_vec() };
    lab_images::distribute(engine, vec![parcel], false, &nobody).await.map(|mut delivered| delivered.remove(0))
}

async fn shell(engine: &Engine, node: &NodeName, script: &str) -> String {
    let ran = engine.exec(&node.0, ["sh", "-c", script], Vec::new(), LONG).await.unwrap();
    assert!(ran.success(), "{script}: {}", ran.stderr_text());
    ran.stdout_text()
}

/// What a node lists under the name.
async fn listed(engine: &Engine, node: &NodeName, wanted: &Wanted) -> Option<String> {
    let images = lab_images::node_images(engine, node, LONG).await.unwrap();
    images.get(&wanted.reference).map(|image| image.id.clone())
}

#[test]
fn an_image_gets_to_all_nodes_and_is_not_moved_twice() {
    with_engine("an_image_gets_to_all_nodes_and_is_not_moved_twice", async |engine| {
        let mut cluster = Cluster::make(&engine, plan()).await;
        let image = image(&engine, 3).await;
        let (held, config) = config(&engine, &image).await;
        let wanted = local("hello-app", image.reference());
        let first = distribute(&engine, &wanted, cluster.nodes()).await.unwrap();
        assert_eq!((first.moved.as_slice(), first.there.len()), (cluster.nodes(), 0));
        assert_eq!(first.given, [wanted.reference.to_string()]);
        assert!(first.bytes > 3 << 20 && !first.is_known_by_digest());
        let source = &first.source;
        assert_eq!((source.name.as_str(), source.from), ("hello-app", ImageFrom::Local));
        assert_eq!(source.config_digest, config.to_string());
        assert_eq!(source.engine_id, Some(held.id.to_string()));
        assert_eq!((source.reference.as_str(), &source.repo_digest), (image.reference(), &None));
        for node in cluster.nodes() {
            assert_eq!(listed(&engine, node, &wanted).await.as_deref(), Some(config.as_str()));
        }
        // A node that was made anew lacks it; the others are left alone.
        let worker = cluster.nodes()[1].clone();
        cluster.remove(&worker).await;
        cluster.add(&lab_stand_in::NodePlan::new("worker", "worker")).await;
        let nodes = cluster.nodes().to_vec();
        let second = distribute(&engine, &wanted, &nodes).await.unwrap();
        assert_eq!((second.moved.as_slice(), second.there.len()), ([worker].as_slice(), 2));
        let third = distribute(&engine, &wanted, &nodes).await.unwrap();
        assert_eq!((third.moved.len(), third.there.len(), third.bytes), (0, 3, 0));
        assert_eq!(third.source, second.source);
        for node in &nodes {
            assert_eq!(shell(&engine, node, "cat /imports").await.lines().count(), 1, "{node}");
        }
    });
}

#[test]
fn another_image_under_the_name_is_replaced() {
    with_engine("another_image_under_the_name_is_replaced", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let image = image(&engine, 1).await;
        let wanted = local("hello-app", image.reference());
        let worker = &cluster.nodes()[0];
        shell(&engine, worker, ": > /liar").await;
        let error = distribute(&engine, &wanted, cluster.nodes()).await.unwrap_err();
        let ImageError::Nodes { failed, .. } = &error else { panic!("{error}") };
        let [NodeFailed::Unlike { node, found: Some(found), .. }] = failed.as_slice() else { panic!("{error}") };
        assert_eq!((node, Some(found.clone())), (worker, listed(&engine, worker, &wanted).await));
        shell(&engine, worker, "rm /liar").await;
        let delivered = distribute(&engine, &wanted, cluster.nodes()).await.unwrap();
        assert_eq!(delivered.moved.as_slice(), cluster.nodes());
        assert_eq!(listed(&engine, worker, &wanted).await, Some(delivered.source.config_digest));
    });
}

#[test]
fn an_image_by_its_id_and_with_more_layers_is_named_as_it_should_be() {
    with_engine("an_image_by_its_id_and_with_more_layers_is_named_as_it_should_be", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let base = image(&engine, 1).await;
        let name = format!("lab-layered-{:08x}:test", fastrand::u32(..));
        let id = layered(&engine, &base, &name).await;
        let mut wanted = local("cilium", "quay.io/cilium/cilium:v1.12.4");
        wanted.find = Find::Local(id.to_string());
        let delivered = distribute(&engine, &wanted, cluster.nodes()).await;
        remove(&engine, &name).await;
        let delivered = delivered.unwrap();
        assert_eq!(delivered.given, ["quay.io/cilium/cilium:v1.12.4"]);
        let there = listed(&engine, &cluster.nodes()[0], &wanted).await;
        assert_eq!(there, Some(delivered.source.config_digest));
    });
}

#[test]
fn a_node_without_room_is_named_and_the_others_have_it() {
    with_engine("a_node_without_room_is_named_and_the_others_have_it", async |engine| {
        let cluster = Cluster::make(&engine, plan()).await;
        let image = image(&engine, 8).await;
        let wanted = local("cilium", image.reference());
        let worker = &cluster.nodes()[2];
        // A real file system without room: 64 MiB, of which 4 are left.
        shell(&engine, worker, "echo /dev/shm > /store; head -c 60M /dev/zero > /dev/shm/filled").await;
        let error = distribute(&engine, &wanted, cluster.nodes()).await.unwrap_err();
        let ImageError::Nodes { image: named, failed } = &error else { panic!("{error}") };
        assert_eq!(named, image.reference());
        let [NodeFailed::DiskFull { node, said }] = failed.as_slice() else { panic!("{error}") };
        assert!(node == worker && said.to_lowercase().contains("no space left on device"), "{error}");
        assert_eq!(listed(&engine, worker, &wanted).await, None);
        for node in &cluster.nodes()[..2] {
            assert!(listed(&engine, node, &wanted).await.is_some(), "{node}");
        }
    });
}

#[test]
fn a_node_that_refuses_stops_or_lags_is_named() {
    with_engine("a_node_that_refuses_stops_or_lags_is_named", async |engine| {
        let cluster = Cluster::make(&engine, plan()).await;
        let image = image(&engine, 8).await;
        let wanted = local("operator-generic", image.reference());
        let [slow, deaf, worker] = cluster.nodes() else { panic!("three nodes") };
        shell(&engine, slow, ": > /slow").await;
        shell(&engine, deaf, ": > /deaf").await;
        let error = distribute(&engine, &wanted, cluster.nodes()).await.unwrap_err();
        let ImageError::Nodes { failed, .. } = &error else { panic!("{error}") };
        let [NodeFailed::Refused { node, command, code: 1, said }] = failed.as_slice() else { panic!("{error}") };
        assert_eq!((node, command.as_str()), (deaf, "ctr -n k8s.io images import --no-unpack -"));
        assert!(said.contains("connection refused"), "{said}");
        for node in [slow, worker] {
            assert!(listed(&engine, node, &wanted).await.is_some(), "{node}");
        }
        cluster.stop(worker).await;
        let error = distribute(&engine, &wanted, cluster.nodes()).await.unwrap_err();
        let ImageError::Nodes { failed, .. } = &error else { panic!("{error}") };
        let [NodeFailed::Engine { node, source }] = failed.as_slice() else { panic!("{error}") };
        assert!(node == worker && source.to_string().contains("is not running"), "{error}");
    });
}

#[test]
fn a_node_that_is_killed_meanwhile_is_named() {
    with_engine("a_node_that_is_killed_meanwhile_is_named", async |engine| {
        let cluster = Cluster::make(&engine, plan()).await;
        let image = image(&engine, 24).await;
        let wanted = local("cilium", image.reference());
        let victim = &cluster.nodes()[1];
        shell(&engine, victim, ": > /slow").await;
        let kill = async {
            let begun = clock::until(LONG, Duration::from_millis(20), "an import", async || {
                match engine.exec(&victim.0, ["sh", "-c", "echo /images/work.*"], Vec::new(), LONG).await {
                    Ok(ran) if !ran.stdout_text().contains('*') => Poll::Ready(()),
                    Ok(_) => Poll::NotYet("not begun".to_owned()),
                    Err(error) => Poll::Failed(error.to_string()),
                }
            });
            begun.await.unwrap();
            cluster.stop(victim).await;
        };
        let (delivered, ()) = tokio::join!(distribute(&engine, &wanted, cluster.nodes()), kill);
        let error = delivered.unwrap_err();
        let ImageError::Nodes { failed, .. } = &error else { panic!("{error}") };
        assert!(failed.len() == 1 && error.to_string().contains(&victim.0), "{error}");
        for node in [&cluster.nodes()[0], &cluster.nodes()[2]] {
            assert!(listed(&engine, node, &wanted).await.is_some(), "{node}");
        }
    });
}

#[test]
fn what_the_engine_does_not_have_is_not_pulled_unless_by_digest() {
    with_engine("what_the_engine_does_not_have_is_not_pulled_unless_by_digest", async |engine| {
        let wanted = local("hello-app", "lab-no-such-image:1.0");
        let error = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Engine has no image lab-no-such-image:1.0, which this lab needs as hello-app and which lab does not pull, \
             since it has no digest in pins.json: build it or `docker load` it, or give another one with `--image \
             hello-app=REF`"
        );
    });
}

#[test]
fn an_archive_is_loaded_where_the_engine_has_none_of_the_name() {
    with_engine("an_archive_is_loaded_where_the_engine_has_none_of_the_name", async |engine| {
        let image = image(&engine, 1).await;
        let (held, config) = config(&engine, &image).await;
        let (feed, mut reader) = lab_images::reader::feed();
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_length| bytes)
        });
        let (exported, read) = tokio::join!(lab_images::export(&engine, &held, feed), reading);
        exported.unwrap();
        let archive = read.unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let name = format!("lab-archived-{:08x}:1.0", fastrand::u32(..));
        let from = |file: &str| {
            let instead = Some(Instead::Archive(folder.path().join(file)));
            Wanted { instead, ..local("hello-app", &name) }
        };
        // As `docker save` writes it, and packed as nixpkgs has its images.
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&archive).unwrap();
        for (file, bytes) in [("plain.tar", archive), ("packed.tar.gz", packed.finish().unwrap())] {
            std::fs::write(folder.path().join(file), bytes).unwrap();
            let loaded = lab_images::take(&engine, &from(file), LONG, &nobody).await.unwrap();
            assert_eq!((loaded.taken, loaded.config.as_ref()), (true, Some(&config)), "{file}");
            assert!(!lab_images::take(&engine, &from(file), LONG, &nobody).await.unwrap().taken);
            remove(&engine, &name).await;
        }
        std::fs::write(folder.path().join("text"), "no archive").unwrap();
        for file in ["text", "gone"] {
            let error = lab_images::take(&engine, &from(file), LONG, &nobody).await.unwrap_err().to_string();
            assert!(error.contains(&folder.path().join(file).display().to_string()), "{error}");
            assert_eq!(lab_images::held(&engine, &from(file)).await.unwrap(), None);
        }
    });
}
