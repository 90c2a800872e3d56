//! Bakes: imports images in a container of the node image, and commits it.

use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, ImageConfig, ImageInspect, Mount, MountType};
use bollard::query_parameters::{CommitContainerOptionsBuilder, CreateContainerOptions, LogsOptionsBuilder};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::record::Record;
use super::{Ingredient, LABEL, Oven, Recipe, inspect};
use crate::ImageError;
use crate::deliver::pass;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_engine::Engine;
use lab_manifest::Digest;
use lab_model::observe::{Baked, NodeName};

/// The deadline for making, starting, stopping or removing the container.
const CONTAINER_DEADLINE: Duration = Duration::from_mins(1);
/// How long containerd may take to answer in it.
const STARTED_DEADLINE: Duration = Duration::from_secs(30);
/// The time between two questions whether it does, and the deadline of one.
const INTERVAL: Duration = Duration::from_millis(100);
const CTR_DEADLINE: Duration = Duration::from_secs(10);
/// The deadline for the commit: two gigabytes are read, packed and unpacked by the Engine.
const COMMIT_DEADLINE: Duration = Duration::from_mins(10);
/// The deadline for unpacking the node image's own images, and for copying everything.
const SETTLE_DEADLINE: Duration = Duration::from_mins(10);
/// The first process of the container, for `sh`.
const BEGIN: &str = include_str!("begin.sh");
/// Puts everything in its place, for `sh`.
const SETTLE: &str = include_str!("settle.sh");
/// The exit code of [`SETTLE`] for images that cannot be baked.
const UNFIT: i64 = 3;
/// Where the container has a volume, for containerd's folder.
const VOLUME: &str = "/bake";

/// Bakes the image of this recipe. Its container is removed whatever happens, save when this future is dropped.
pub(super) async fn bake(
    engine: &Engine,
    oven: &Oven<'_>,
    key: &str,
    recipe: Recipe,
    tell: &dyn Fn(String),
) -> Result<Record, ImageError> {
    super::remove_builders(engine, oven.mark).await?;
    let node = inspect(engine, recipe.node.as_str()).await?.unwrap_or_default();
    let body = ContainerCreateBody {
        image: Some(recipe.node.to_string()),
        entrypoint: Some(["sh", "-c", BEGIN].map(str::to_owned).to_vec()),
        cmd: Some(Vec::new()),
        labels: Some(HashMap::from([(LABEL.to_owned(), oven.mark.to_owned())])),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            // Containerd mounts what it unpacks.
            cap_add: Some(vec!["SYS_ADMIN".to_owned()]),
            security_opt: Some(["seccomp=unconfined", "apparmor=unconfined"].map(str::to_owned).to_vec()),
            mounts: Some(vec![Mount {
                target: Some(VOLUME.to_owned()),
                typ: Some(MountType::VOLUME),
                ..Mount::default()
            }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let making = engine.client().create_container(None::<CreateContainerOptions>, body);
    let made = engine.call("make a container of the node image", CONTAINER_DEADLINE, making).await?;
    let reference = recipe.named(key);
    let record = in_container(engine, &made.id, key, &reference, node, recipe.images, tell).await;
    let removed = super::remove_builders(engine, oven.mark).await;
    let record = record?;
    removed?;
    Ok(record)
}

async fn in_container(
    engine: &Engine,
    id: &str,
    key: &str,
    reference: &str,
    node: ImageInspect,
    images: Vec<Ingredient>,
    tell: &dyn Fn(String),
) -> Result<Record, ImageError> {
    engine.start_container(id).await?;
    until_containerd_answers(engine, id, reference).await?;
    let container = [NodeName(id.to_owned())];
    let imports = images.into_iter().map(async |Ingredient { wanted, origin }| {
        let tell = |progress: String| tell(format!("{} into the node image: {progress}", wanted.name));
        let archived = pass(engine, &wanted, origin, &container, true, &tell).await?;
        Ok::<_, ImageError>((wanted.name.clone(), archived.config.to_string()))
    });
    let imported = futures_util::future::try_join_all(imports).await?;
    tell("unpacking the node image's own images".to_owned());
    let settled = engine.exec(id, ["sh", "-c", SETTLE], Vec::new(), SETTLE_DEADLINE).await?;
    let said = settled.stderr_text().trim().to_owned();
    match settled.code {
        0 => {}
        UNFIT => return Ok(Record::Unfit(said)),
        code => {
            let why = format!("its last step ended with exit code {code}: {said}");
            return Err(ImageError::NotBaked { image: reference.to_owned(), why });
        }
    }
    // It has nothing left to end in good order.
    engine.kill_container(id).await?;
    tell("committing the node image with its images".to_owned());
    let made = commit(engine, id, key, reference, node.config.unwrap_or_default()).await?;
    let node_id = node.id.unwrap_or_default();
    let node_layers = node.root_fs.and_then(|root| root.layers).unwrap_or_default();
    let mut all = engine.image(made.as_str()).await?.unwrap_or_default().layers;
    let layer = all.pop().unwrap_or_default();
    if all != node_layers || layer.is_empty() {
        let why = format!("it was to have the {} layers of {node_id} and one more", node_layers.len());
        return Err(ImageError::NotBaked { image: reference.to_owned(), why });
    }
    let images: BTreeMap<String, String> = imported.into_iter().collect();
    let reference = reference.to_owned();
    Ok(Record::Baked(Baked { reference, engine_id: made.to_string(), node_id, layer, images }))
}

async fn until_containerd_answers(engine: &Engine, id: &str, reference: &str) -> Result<(), ImageError> {
    let answered = clock::until(STARTED_DEADLINE, INTERVAL, "containerd in the node image", async || {
        match engine.exec(id, ["ctr", "version"], Vec::new(), CTR_DEADLINE).await {
            Ok(ran) if ran.success() => Poll::Ready(()),
            Ok(ran) => Poll::NotYet(ran.stderr_text().trim().to_owned()),
            Err(error) => match ended(engine, id).await {
                Some(code) => Poll::Failed(format!("it ended with exit code {code}: {}", last_said(engine, id).await)),
                None => Poll::NotYet(chain(&error)),
            },
        }
    });
    answered.await.map_err(|error| ImageError::NotBaked { image: reference.to_owned(), why: error.to_string() })
}

/// The last line that a container's first process has said.
async fn last_said(engine: &Engine, id: &str) -> String {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail("1").build();
    let mut lines = Box::pin(engine.client().logs(id, Some(options)));
    match engine.call("show what it said", CTR_DEADLINE, async { lines.next().await.transpose() }).await {
        Ok(Some(line)) => String::from_utf8_lossy(&line.into_bytes()).trim().to_owned(),
        Ok(None) => "it said nothing".to_owned(),
        Err(error) => chain(&error),
    }
}

/// The exit code of a container that has ended.
async fn ended(engine: &Engine, id: &str) -> Option<i64> {
    let state = engine.container(id).await.ok().flatten()?.state?;
    state.exit_code.filter(|_code| state.running == Some(false))
}

/// Commits the container with the node image's own configuration, in place of that which it was baked with. What is left
/// empty there the Engine would take from the container (moby v20.10, `daemon/commit.go`, `merge`).
async fn commit(engine: &Engine, id: &str, key: &str, reference: &str, of: ImageConfig) -> Result<Digest, ImageError> {
    let mut labels = of.labels.unwrap_or_default();
    labels.insert(LABEL.to_owned(), key.to_owned());
    let config = ContainerConfig {
        labels: Some(labels),
        entrypoint: of.entrypoint,
        cmd: of.cmd,
        env: of.env,
        user: of.user,
        working_dir: of.working_dir,
        stop_signal: of.stop_signal,
        volumes: of.volumes,
        exposed_ports: of.exposed_ports,
        ..ContainerConfig::default()
    };
    let options = CommitContainerOptionsBuilder::new().container(id).pause(false).build();
    let doing = "commit the node image with its images";
    let made = engine.call(doing, COMMIT_DEADLINE, engine.client().commit_container(options, config)).await?;
    Digest::try_from(made.id)
        .map_err(|error| ImageError::NotBaked { image: reference.to_owned(), why: error.to_string() })
}
