//! Cilium's chart: checks that a file is the pinned one, wherever it comes from.

use std::path::Path;

use super::KitError;
use lab_manifest::Sha256;
use lab_manifest::pins::Chart;

/// Reads a chart's archive, and refuses any but the pinned one.
///
/// # Errors
/// When the file cannot be read, and [`KitError::Chart`].
pub fn verify(path: &Path, pin: &Chart) -> Result<Vec<u8>, KitError> {
    let bytes = std::fs::read(path).map_err(KitError::io(path, "be read"))?;
    let found = Sha256::of(&bytes);
    if found != pin.sha256 {
        let (path, expected) = (path.to_owned(), pin.sha256.clone());
        return Err(KitError::Chart { path, expected, found, url: pin.url.to_string() });
    }
    Ok(bytes)
}
