//! Cilium's chart: the pinned file, whoever brings it.

use sha2::Digest as _;
use std::path::Path;
use std::time::Duration;

use super::KitError;
use crate::exec::Invocation;
use crate::manifest::Sha256;
use crate::pins::Chart;

/// For a file of 200 kB.
const DEADLINE: Duration = Duration::from_mins(1);

/// Reads a chart's archive, and refuses any but the pinned one.
///
/// # Errors
/// [`KitError::Io`], [`KitError::Chart`].
pub fn verify(path: &Path, pin: &Chart) -> Result<Vec<u8>, KitError> {
    let bytes = std::fs::read(path).map_err(KitError::io(path, "be read"))?;
    let found = Sha256::from_sha256(sha2::Sha256::digest(&bytes).into());
    if found != pin.sha256 {
        let (path, expected) = (path.to_owned(), pin.sha256.clone());
        return Err(KitError::Chart { path, expected, found, url: pin.url.to_string() });
    }
    Ok(bytes)
}

/// The pinned chart: the file that is given, or brought from its repository by `helm`.
///
/// # Errors
/// As [`verify`], and [`KitError::Stopped`] with helm's own words when it cannot bring it.
pub async fn bring(file: Option<&Path>, pin: &Chart) -> Result<Vec<u8>, KitError> {
    if let Some(file) = file {
        return verify(file, pin);
    }
    let url = pin.url.as_str();
    let stopped = |why: String| {
        let remedy = "give the file: --chart FILE";
        KitError::Stopped { path: url.into(), why: format!("cannot be brought by `helm pull`: {why}; {remedy}") }
    };
    let folder = tempfile::tempdir().map_err(|error| stopped(error.to_string()))?;
    let pull = Invocation::new("helm").args(["pull", url, "--destination"]).args([folder.path()]);
    let ended = pull.run(DEADLINE).await.map_err(|error| stopped(error.to_string()))?;
    if !ended.success() {
        return Err(stopped(format!("{}: {}", ended.exit, ended.stderr_text().trim())));
    }
    let name = url.rsplit('/').next().unwrap_or(url);
    verify(&folder.path().join(name), pin)
}
