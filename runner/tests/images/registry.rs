//! Pulling by digest, from a registry that is not always willing.

use lab_engine::Engine;
use lab_images::{Find, ImageError, Instead, Origin, Parcel, Reference, Wanted};
use lab_manifest::Digest;
use lab_model::observe::ImageFrom;
use lab_stand_in::{Cluster, with_engine};
use std::cell::RefCell;

use crate::registry_server::{Mood, Registry};
use crate::scripts::one;
use crate::some::{LONG, local, nobody, remove};

fn wanted(host: &str, digest: &Digest) -> Wanted {
    Wanted {
        name: "cilium".to_owned(),
        reference: Reference::in_full(&format!("{host}/cilium/cilium:v1.12.4")).unwrap(),
        find: Find::Digest(digest.clone()),
        instead: None,
    }
}

/// Why it cannot be pulled from a registry in this mood.
async fn refused(engine: &Engine, mood: Mood) -> ImageError {
    let registry = Registry::listen(mood).await;
    let wanted = wanted(&registry.host, &registry.digest);
    let error = lab_images::take(engine, &wanted, LONG, &nobody).await.unwrap_err();
    assert!(error.to_string().starts_with(&wanted.shown()), "{error}");
    assert_eq!(lab_images::held(engine, &wanted).await.unwrap(), None);
    error
}

#[test]
fn an_image_is_pulled_by_its_digest_once_and_passed_on() {
    with_engine("an_image_is_pulled_by_its_digest_once_and_passed_on", async |engine| {
        let registry = Registry::listen(Mood::Open).await;
        let wanted = wanted(&registry.host, &registry.digest);
        let heard = RefCell::new(Vec::new());
        let held = lab_images::take(&engine, &wanted, LONG, &|far| heard.borrow_mut().push(far)).await.unwrap();
        assert!(held.taken);
        assert_eq!(held.config.as_ref(), Some(&registry.config));
        assert!(heard.borrow().iter().any(|far| far == "cilium: 1 of 1 layers, 0 of 0 MB"), "{heard:?}");
        // Never by the tag: a tag is somebody's word.
        let asked = registry.asked();
        assert!(asked.iter().any(|path| path.ends_with(registry.digest.as_str())), "{asked:?}");
        assert!(!asked.iter().any(|path| path.contains("v1.12.4")), "{asked:?}");
        let again = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap();
        assert!(!again.taken && registry.asked() == asked);
        // By digest it has no name in the Engine; on the node it has.
        let cluster = Cluster::make(&engine, one()).await;
        let parcel = Parcel { wanted: wanted.clone(), origin: Origin::Engine(again), nodes: cluster.nodes().to_vec() };
        let delivered = lab_images::distribute(&engine, vec![parcel], true, &nobody).await;
        remove(&engine, &format!("{}@{}", wanted.reference.repository(), registry.digest)).await;
        let source = delivered.unwrap().remove(0).source;
        assert_eq!((source.from, source.repo_digest), (ImageFrom::Registry, Some(registry.digest.to_string())));
        assert_eq!(source.config_digest, registry.config.to_string());
        let images = lab_images::node_images(&engine, &cluster.nodes()[0], LONG).await.unwrap();
        assert!(images.has(&wanted.reference, &registry.config), "{images:?}");
        assert_eq!(registry.asked(), asked);
    });
}

#[test]
fn what_upstream_publishes_is_taken_by_its_digest_where_the_engine_has_none_of_the_name() {
    with_engine("what_upstream_publishes_is_taken", async |engine| {
        let registry = Registry::listen(Mood::Open).await;
        let Wanted { reference, .. } = wanted(&registry.host, &registry.digest);
        let name = format!("lab-published-{:08x}:1.0", fastrand::u32(..));
        let by_digest = format!("{}@{}", reference.repository(), registry.digest);
        let instead = Some(Instead::Published { reference, digest: registry.digest.clone() });
        let wanted = Wanted { instead, ..local("hello-app", &name) };
        let held = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap();
        assert_eq!((held.taken, held.config.as_ref()), (true, Some(&registry.config)));
        let asked = registry.asked();
        assert!(asked.iter().any(|path| path.ends_with(registry.digest.as_str())), "{asked:?}");
        // From then on the Engine has it.
        let again = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap();
        assert!(!again.taken && registry.asked() == asked);
        let cluster = Cluster::make(&engine, one()).await;
        let parcel = Parcel { wanted, origin: Origin::Engine(held), nodes: cluster.nodes().to_vec() };
        let delivered = lab_images::distribute(&engine, vec![parcel], true, &nobody).await;
        remove(&engine, &name).await;
        remove(&engine, &by_digest).await;
        let source = delivered.unwrap().remove(0).source;
        assert_eq!((source.from, source.reference.as_str()), (ImageFrom::Published, name.as_str()));
        assert_eq!(source.config_digest, registry.config.to_string());
    });
}

#[test]
fn a_registry_that_limits_the_rate_is_named() {
    with_engine("a_registry_that_limits_the_rate_is_named", async |engine| {
        let error = refused(&engine, Mood::Limited).await;
        assert!(matches!(error, ImageError::RateLimited { .. }), "{error}");
    });
}

#[test]
fn what_a_registry_does_not_have_is_named() {
    with_engine("what_a_registry_does_not_have_is_named", async |engine| {
        let error = refused(&engine, Mood::Empty).await;
        assert!(matches!(error, ImageError::NotThere { .. }), "{error}");
    });
}

#[test]
fn another_manifest_or_half_a_layer_is_not_taken() {
    with_engine("another_manifest_or_half_a_layer_is_not_taken", async |engine| {
        let error = refused(&engine, Mood::Wrong).await;
        assert!(matches!(&error, ImageError::Refused { said, .. } if said.contains("digest")), "{error}");
        let error = refused(&engine, Mood::Broken).await;
        assert!(matches!(error, ImageError::Refused { .. }), "{error}");
    });
}

#[test]
fn a_registry_that_is_not_reached_is_named() {
    with_engine("a_registry_that_is_not_reached_is_named", async |engine| {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let wanted = wanted(&closed.to_string(), &Digest::of(b"anything"));
        let error = lab_images::take(&engine, &wanted, LONG, &nobody).await.unwrap_err();
        assert!(matches!(error, ImageError::NoNetwork { .. }), "{error}");
    });
}
