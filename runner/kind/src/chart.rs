//! Finds the chart's file: given by the user, or downloaded once and kept in a cache. Its hash must be that in
//! `pins.json`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{cache, tool};
use lab_backend::{Doing, LabError};
use lab_base::exec::Invocation;
use lab_base::sha256;
use lab_manifest::pins;
use lab_model::stage::Stage;

/// The deadline for downloading the chart, which has some hundred kilobytes.
const PULL_DEADLINE: Duration = Duration::from_mins(2);
/// The environment variable with the path of the chart's file; `nix develop` sets it.
pub const CHART_VARIABLE: &str = "LAB_CHART";

/// Finds the pinned chart: at the path in [`CHART_VARIABLE`], in the cache, or by `helm pull` from its repository.
///
/// # Errors
/// When there is none, or it is not the pinned one. A downloaded chart that is not the pinned one is not kept.
pub async fn pinned(chart: &pins::Chart, name: &str, helm: &Path, doing: &Doing) -> Result<PathBuf, LabError> {
    if let Some(named) = std::env::var_os(CHART_VARIABLE).map(PathBuf::from) {
        verify(&named, chart.sha256.as_str()).map_err(|why| failed(format!("{CHART_VARIABLE}: {why}")))?;
        return Ok(named);
    }
    let cache = cache::folder().ok_or_else(|| {
        failed(format!(
            "neither XDG_CACHE_HOME nor HOME is set, so it cannot be downloaded; set {CHART_VARIABLE} to the path of its file"
        ))
    })?;
    let file = cache.join(format!("{name}-{}.tgz", chart.version));
    if file.is_file() {
        match verify(&file, chart.sha256.as_str()) {
            Ok(()) => return Ok(file),
            // The file was not downloaded completely by another program, or is of an older pin.
            Err(_other) => fs::remove_file(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?,
        }
    }
    let new = pull(chart, name, helm, &cache, doing).await?;
    verify(&new, chart.sha256.as_str())
        .map_err(|why| failed(format!("the chart in {} is not the pinned one: {why}", chart.repository)))?;
    fs::rename(&new, &file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    Ok(file)
}

async fn pull(chart: &pins::Chart, name: &str, helm: &Path, cache: &Path, doing: &Doing) -> Result<PathBuf, LabError> {
    let folder = |error: io::Error| failed(format!("{}: {error}", cache.display()));
    fs::create_dir_all(cache).map_err(folder)?;
    let fetched = tempfile::Builder::new().prefix("pull").tempdir_in(cache).map_err(folder)?;
    let invocation = Invocation::new(helm)
        .args(["pull", name, "--repo", chart.repository.as_str(), "--version", chart.version.as_str(), "--destination"])
        .args([fetched.path()]);
    tool::succeed(invocation, "helm pull", doing, PULL_DEADLINE).await.map_err(|error| {
        failed(format!(
            "{error}\nwithout a network, give the chart's file with {CHART_VARIABLE}=FILE, `--chart FILE` or `--kit FILE`"
        ))
    })?;
    let name = format!("{name}-{}.tgz", chart.version);
    let kept = cache.join(format!("{name}.new"));
    fs::rename(fetched.path().join(&name), &kept)
        .map_err(|error| failed(format!("helm pull left no {name}: {error}")))?;
    Ok(kept)
}

/// Checks that a file has this hash (SHA-256, 64 hexadecimal digits).
///
/// # Errors
/// A text that names the file and both hashes.
pub fn verify(file: &Path, expected: &str) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let found = sha256(&bytes);
    if found == expected {
        return Ok(());
    }
    Err(format!("{}: expected sha256 {expected} (pins.json: chart.sha256), found {found}", file.display()))
}

fn failed(why: impl fmt::Display) -> LabError {
    LabError::Stage { stage: Stage::RoutingInstalled, why: format!("the chart: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_bytes_are_the_chart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cilium-1.12.4.tgz");
        fs::write(&file, b"chart").unwrap();
        // sha256sum of the five letters.
        let hash = "5d53b24c2a4bc24b9ab5ac6bd5a9c0ed5ab2dd1d9bd3b62a5fdcbc8d23c86a8b";
        let found = sha256(b"chart");
        assert!(verify(&file, &found).is_ok());
        let refused = verify(&file, hash).unwrap_err();
        assert!(refused.contains(&format!("expected sha256 {hash}")) && refused.ends_with(&found), "{refused}");
        assert!(verify(&folder.path().join("none"), hash).unwrap_err().contains("No such file"));
    }
}
