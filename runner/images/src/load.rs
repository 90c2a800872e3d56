//! Loads an archive into the Engine, under a name.

use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::{StreamExt, stream};
use std::io::{self, Read};
use std::time::Duration;

use super::ImageError;
use super::archive::{ArchiveError, Naming, pass_on};
use super::pulled::refused;
use super::reader::tee;
use lab_base::clock;
use lab_engine::Engine;

/// The deadline for loading an image: a gigabyte onto a slow disk.
const DEADLINE: Duration = Duration::from_mins(15);

/// Loads the image that `naming` describes; `what` names the archive in errors. What the archive has beside is left out.
///
/// # Errors
/// [`ImageError`], when the archive has no such image, or the Engine does not take it.
pub(super) async fn load(
    engine: &Engine,
    archive: impl Read + Send + 'static,
    naming: Naming,
    what: &str,
) -> Result<(), ImageError> {
    let shown = naming.reference.familiar();
    let (out, mut takers) = tee(1);
    let reading = tokio::task::spawn_blocking(move || pass_on(archive, out, &naming));
    let body = stream::unfold(takers.pop(), async |chunks| {
        let mut chunks = chunks?;
        let chunk = chunks.recv().await?;
        Some((Ok::<_, io::Error>(chunk), Some(chunks)))
    });
    let options = ImportImageOptionsBuilder::default().quiet(true).build();
    let loading = async {
        let mut said = Box::pin(engine.client().import_image_stream(options, Box::pin(body), None));
        while let Some(line) = said.next().await {
            line.map_err(|error| engine.failed(&format!("load {shown}"), error))?;
        }
        Ok(())
    };
    let loaded = clock::within(DEADLINE, "loading", loading).await;
    let read = reading.await.map_err(|stopped| {
        let said = stopped.to_string();
        ImageError::Refused { image: what.to_owned(), action: "read", said }
    })?;
    match (loaded, read) {
        (Ok(Err(error)), Ok(_) | Err(ArchiveError::Write(_))) => Err(refused(&shown, "loaded", error)),
        (_, Err(source)) => Err(ImageError::Archive { image: what.to_owned(), source }),
        (Err(_passed), _) => {
            let (doing, last) = ("loading it", "no answer yet".to_owned());
            Err(ImageError::Deadline { image: shown, doing, deadline: DEADLINE, last })
        }
        (Ok(Ok(())), Ok(_)) => Ok(()),
    }
}
