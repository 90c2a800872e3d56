//! A Helm release, read where Helm 3 keeps it: the Secret `sh.helm.release.v1.NAME.vREVISION`, whose field `release`
//! is JSON, compressed with gzip, in base64 (helm: `pkg/storage/driver/util.go`, `secrets.go`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;

use super::call::Api;
use super::error::ApiError;
use crate::observe::HelmRelease;

/// What gzip data begin with (RFC 1952, 2.3.1), and deflate as its method, which is how Helm tells them.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// A release of Cilium's chart is 2 MiB of JSON; a Secret holds 1 MiB at most, and gzip makes no more than a thousand
/// times that of it.
const MOST: u64 = 64 << 20;

impl Api {
    /// The newest revision of a release; none if there is no such release.
    ///
    /// # Errors
    /// When its Secrets cannot be listed, or the newest cannot be read.
    pub async fn helm_release(&self, namespace: &str, name: &str) -> Result<Option<HelmRelease>, ApiError> {
        let secrets = self.list_in::<Secret>(namespace, &format!("owner=helm,name={name}")).await?;
        let Some((revision, secret)) = newest(&secrets, name) else { return Ok(None) };
        let object = format!("the Secret {namespace}/sh.helm.release.v1.{name}.v{revision}");
        let data = secret.data.as_ref().and_then(|data| data.get("release"));
        let data = data.ok_or_else(|| self.unreadable(&object, "it has no field release"))?;
        let release = decode(&data.0).map_err(|problem| self.unreadable(&object, &problem))?;
        Ok(Some(release))
    }
}

/// By the number in the name: Helm's label `version` says the same.
fn newest<'a>(secrets: &'a [Secret], name: &str) -> Option<(u32, &'a Secret)> {
    let prefix = format!("sh.helm.release.v1.{name}.v");
    let revision = |secret: &Secret| secret.metadata.name.as_deref()?.strip_prefix(&prefix)?.parse().ok();
    secrets.iter().filter_map(|secret| Some((revision(secret)?, secret))).max_by_key(|(revision, _secret)| *revision)
}

#[derive(Deserialize)]
struct Stored {
    name: String,
    #[serde(default)]
    namespace: String,
    version: u32,
    info: Info,
    chart: Chart,
    /// What was set; left out where nothing was.
    #[serde(default)]
    config: Option<Value>,
}

#[derive(Deserialize)]
struct Info {
    status: String,
}

#[derive(Deserialize)]
struct Chart {
    metadata: ChartMetadata,
}

#[derive(Deserialize)]
struct ChartMetadata {
    name: String,
    version: String,
}

fn decode(data: &[u8]) -> Result<HelmRelease, String> {
    let packed = STANDARD.decode(data).map_err(|error| format!("the field release is no base64: {error}"))?;
    let mut json = Vec::new();
    if packed.starts_with(&GZIP) {
        let read = GzDecoder::new(&packed[..]).take(MOST).read_to_end(&mut json);
        read.map_err(|error| format!("the field release is no whole gzip: {error}"))?;
    } else {
        json = packed;
    }
    let stored: Stored =
        serde_json::from_slice(&json).map_err(|error| format!("the field release holds no release: {error}"))?;
    Ok(HelmRelease {
        name: stored.name,
        namespace: stored.namespace,
        revision: stored.version,
        status: stored.info.status,
        chart: stored.chart.metadata.name,
        chart_version: stored.chart.metadata.version,
        values: stored.config.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
    })
}
