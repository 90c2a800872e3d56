//! Images to move: made here, named here, gone after.

use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use lab_engine::Engine;
use lab_images::{Find, Held, Reference, Wanted};
use lab_manifest::Digest;
use lab_stand_in::{Image, ImagePlan};
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_mins(1);

/// An image with as many bytes that cannot be compressed, and with what each stand-in's image has.
pub(crate) async fn image(engine: &Engine, megabytes: usize) -> Image {
    let mut random = fastrand::Rng::new();
    let content = std::iter::repeat_with(|| random.u8(..)).take(megabytes << 20).collect();
    let files = vec![("/content".to_owned(), content)];
    Image::make(engine, &ImagePlan { files, ..ImagePlan::default() }).await
}

/// What is wanted where an image of this name is to be had by that name.
pub(crate) fn local(name: &str, found_by: &str) -> Wanted {
    Wanted {
        name: name.to_owned(),
        reference: Reference::in_full(found_by).unwrap(),
        find: Find::Local(found_by.to_owned()),
        instead: None,
    }
}

pub(crate) fn nobody(_far: String) {}

/// The digest of its configuration, as Docker 20.10 to 28 calls images.
pub(crate) async fn config(engine: &Engine, image: &Image) -> (Held, Digest) {
    let wanted = local("hello-app", image.reference());
    let held = lab_images::take(engine, &wanted, LONG, &nobody).await.unwrap();
    let config = lab_images::config_digest(engine, &wanted, &held).await.unwrap();
    (held, config)
}

/// One more layer on an image, under another name: as many shared layers as an image of a registry's has.
pub(crate) async fn layered(engine: &Engine, image: &Image, name: &str) -> Digest {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    builder.append_data(&mut header, "one-more", b"layer".as_slice()).unwrap();
    let layer = builder.into_inner().unwrap();
    changed(engine, image, name, async |container| engine.upload(container, "/", layer).await.unwrap()).await
}

/// One more layer on an image, under another name, which removes a file of the layers below it.
pub(crate) async fn without(engine: &Engine, image: &Image, file: &str, name: &str) {
    let remove = async |container: &str| {
        engine.start_container(container).await.unwrap();
        let ran = engine.exec(container, ["rm", file], Vec::new(), LONG).await.unwrap();
        assert!(ran.success(), "{}", ran.stderr_text());
        engine.kill_container(container).await.unwrap();
    };
    changed(engine, image, name, remove).await;
}

/// What a container of an image becomes when it is changed, under another name.
async fn changed(engine: &Engine, image: &Image, name: &str, change: impl AsyncFnOnce(&str)) -> Digest {
    let body = ContainerCreateBody {
        image: Some(image.reference().to_owned()),
        cmd: Some(["/bin/sleep", "infinity"].map(str::to_owned).to_vec()),
        // On Docker's default network it would be the first to give docker0 a carrier, and so an IPv6 address.
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let container = format!("lab-layer-{:08x}", fastrand::u32(..));
    let options = CreateContainerOptionsBuilder::default().name(&container).build();
    let docker = engine.client();
    engine.call("make a container", LONG, docker.create_container(Some(options), body)).await.unwrap();
    change(&container).await;
    let (repository, tag) = name.rsplit_once(':').unwrap();
    let options = CommitContainerOptionsBuilder::default().container(&container).repo(repository).tag(tag).build();
    let made = docker.commit_container(options, ContainerConfig::default());
    let made = engine.call("commit a container", LONG, made).await.unwrap();
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    engine.call("remove it", LONG, docker.remove_container(&container, Some(options))).await.unwrap();
    Digest::try_from(made.id).unwrap()
}

/// Removes an image by one of its names; that it is not there is no failure.
pub(crate) async fn remove(engine: &Engine, name: &str) {
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    match engine.call("remove an image", LONG, engine.client().remove_image(name, Some(options), None)).await {
        Err(error) if !error.is_missing() => panic!("{error}"),
        Ok(_) | Err(_) => {}
    }
}
