//! Where an image comes from that the Engine does not have under the name that the article gives it.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use super::archive::{Naming, Platform};
use super::load::load;
use super::tag::tag;
use super::take::take;
use super::{Find, ImageError, Instead, Wanted};
use lab_engine::Engine;

/// What a file that gzip has written begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Gets the image, under the name by which it is looked for in the Engine.
pub(super) async fn obtain(
    engine: &Engine,
    wanted: &Wanted,
    instead: &Instead,
    deadline: Duration,
    tell: &dyn Fn(String),
) -> Result<(), ImageError> {
    match instead {
        Instead::Archive(path) => {
            tell(format!("{}: loading {}", wanted.name, path.display()));
            let unreadable = |error: std::io::Error| ImageError::Refused {
                image: path.display().to_string(),
                action: "read",
                said: error.to_string(),
            };
            let archive = unpacked(path).map_err(unreadable)?;
            let platform = Platform::linux(engine.architecture().unwrap_or(std::env::consts::ARCH));
            let naming = Naming { reference: wanted.reference.clone(), repo_digest: None, platform, config: None };
            load(engine, archive, naming, &path.display().to_string()).await
        }
        Instead::Published { reference, digest } => {
            let published = Wanted {
                name: wanted.name.clone(),
                reference: reference.clone(),
                find: Find::Digest(digest.clone()),
                instead: None,
            };
            let held = take(engine, &published, deadline, tell).await?;
            let name = format!("{}:{}", wanted.reference.repository(), wanted.reference.tag().unwrap_or_default());
            tag(engine, held.id.as_str(), &name).await
        }
    }
}

/// The archive, whether gzip has packed it or not.
fn unpacked(path: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::new(File::open(path)?);
    let packed = file.fill_buf()?.starts_with(&GZIP);
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
