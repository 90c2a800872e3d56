//! Cilium's chart: the pinned file, whoever brings it.

use sha2::Digest as _;
use std::path::Path;

use super::KitError;
use lab_manifest::Sha256;
use lab_manifest::pins::Chart;

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
