//! Packs a kit: exports images from the Engine, which pulls those that it does not have, and adds the chart.

use async_recursion::async_recursion as boxed;
use std::time::Duration;

use super::{Index, KitChart, KitError, KitImage, KitWriter, SCHEMA, Stored};
use crate::archive::{Archived, pass_on};
use crate::reader::feed;
use crate::{Held, ImageError, Platform, Wanted};
use lab_base::clock;
use lab_engine::Engine;
use lab_manifest::Version;

/// What to pack.
#[derive(Debug)]
pub struct Order {
    /// The images, in this order.
    pub images: Vec<Wanted>,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub chart_version: Version,
    /// The chart's archive.
    pub chart_file: Vec<u8>,
    /// The version of Kubernetes in the node image; none if it is not the pinned node image.
    pub kubernetes: Option<Version>,
    /// The deadline for pulling each image.
    pub pull_deadline: Duration,
}

/// Packs a kit. `tell` is called with the progress. Returns the kit's index and its size in bytes.
///
/// # Errors
/// [`KitError`]; no file is left then.
#[boxed(?Send)]
pub async fn pack(
    engine: &Engine,
    order: Order,
    mut kit: KitWriter,
    tell: &dyn Fn(String),
) -> Result<(Index, u64), KitError> {
    let mut taken = Vec::new();
    for wanted in order.images {
        taken.push((crate::take(engine, &wanted, order.pull_deadline, tell).await?, wanted));
    }
    let platform = platform(engine, &taken)?;
    let mut images = Vec::new();
    for (held, wanted) in taken {
        tell(format!("{}: packing {} MB", wanted.name, held.size / 1_000_000));
        let image;
        (kit, image) = add(engine, kit, &wanted, &held).await?;
        images.push(image);
    }
    let name = format!("chart/{}-{}.tgz", order.chart, order.chart_version);
    let path = kit.path().to_owned();
    let (file, ()) = kit.member(&name, Stored::Plain, |out| {
        out.write_all(&order.chart_file).map_err(KitError::io(&path, "be written"))
    })?;
    let index = Index {
        schema: SCHEMA,
        packed_by: concat!("lab ", env!("CARGO_PKG_VERSION")).to_owned(),
        packed: clock::rfc3339(clock::unix_now()),
        platform,
        kubernetes: order.kubernetes,
        images,
        chart: KitChart { name: order.chart, version: order.chart_version, file },
    };
    // On a thread of its own, because it waits until the bytes are on the disk.
    let finishing = {
        let index = index.clone();
        tokio::task::spawn_blocking(move || kit.finish(&index))
    };
    let bytes = finishing.await.map_err(|stopped| KitError::Stopped { path, why: stopped.to_string() })??;
    Ok((index, bytes))
}

/// The one platform of all images; an error if they differ.
fn platform(engine: &Engine, taken: &[(Held, Wanted)]) -> Result<Platform, KitError> {
    let own = engine.architecture().map(Platform::linux);
    let expected = own.or_else(|| taken.first().map(|(held, _)| held.platform.clone()));
    let expected = expected.unwrap_or_else(|| Platform::linux(std::env::consts::ARCH));
    match taken.iter().find(|(held, _)| held.platform != expected) {
        None => Ok(expected),
        Some((held, wanted)) => Err(KitError::Platform {
            image: wanted.shown(),
            expected: expected.to_string(),
            found: held.platform.to_string(),
        }),
    }
}

async fn add(
    engine: &Engine,
    mut kit: KitWriter,
    wanted: &Wanted,
    held: &Held,
) -> Result<(KitWriter, KitImage), KitError> {
    let naming = wanted.naming(held.platform.clone(), held.config.clone());
    let (feed, archive) = feed();
    let member = format!("images/{}.tar.zst", wanted.name);
    let (image, path) = (wanted.shown(), kit.path().to_owned());
    let packing = tokio::task::spawn_blocking(move || {
        let packed = kit.member(&member, Stored::Zstd, |out| {
            pass_on(archive, out, &naming).map_err(|source| KitError::from(ImageError::Archive { image, source }))
        });
        packed.map(|(file, archived)| (kit, file, archived))
    });
    let (fed, packed) = tokio::join!(crate::export(engine, held, feed), packing);
    fed?;
    let packed = packed.map_err(|stopped| KitError::Stopped { path, why: stopped.to_string() })?;
    let (kit, file, Archived { config, layout, .. }) = packed?;
    let image = KitImage {
        name: wanted.name.clone(),
        reference: wanted.reference.clone(),
        repo_digest: wanted.repo_digest().cloned(),
        config_digest: config,
        layout,
        file,
    };
    Ok((kit, image))
}
