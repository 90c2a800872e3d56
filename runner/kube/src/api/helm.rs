//! Reads a Helm release from where Helm 3 keeps it: the field `release` of the Secret
//! `sh.helm.release.v1.NAME.vREVISION`, which is JSON, compressed with gzip, in base64 (helm:
//! `pkg/storage/driver/util.go`, `secrets.go`).

use async_recursion::async_recursion as boxed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::Read;

use super::call::Api;
use super::error::ApiError;
use lab_model::observe::HelmRelease;

/// The first bytes of gzip data (RFC 1952, 2.3.1) with the method deflate, by which Helm recognises compressed releases.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// The most bytes of decompressed JSON that are accepted. A release of Cilium's chart has 2 MiB. A Secret has 1 MiB at
/// most, but that could decompress to a gigabyte.
const MOST: u64 = 16 << 20;
/// The most bytes of values that are accepted; the article sets seven values. Parsed, they may take ninety times as much
/// memory.
const MOST_VALUES: usize = 1 << 20;

impl Api {
    /// The newest revision of a release; none if there is no such release.
    ///
    /// # Errors
    /// When its Secrets cannot be listed, or the newest cannot be read.
    #[boxed(?Send)]
    pub async fn helm_release(&self, namespace: &str, name: &str) -> Result<Option<HelmRelease>, ApiError> {
        let secrets = self.list_in::<Secret>(namespace, &format!("owner=helm,name={name}")).await?;
        let Some((revision, secret)) = newest(&secrets, name) else { return Ok(None) };
        let object = format!("the Secret {namespace}/sh.helm.release.v1.{name}.v{revision}");
        let data = secret.data.as_ref().and_then(|data| data.get("release"));
        let data = data.ok_or_else(|| self.unreadable(&object, "it has no field release"))?;
        let release = parse_release(&data.0).map_err(|problem| self.unreadable(&object, &problem))?;
        Ok(Some(release))
    }
}

/// The Secret with the highest revision in its name; Helm's label `version` has the same number.
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
    /// The values that were set; absent if none were.
    #[serde(default)]
    config: Option<Box<RawValue>>,
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

/// Parses the Secret's field `release`.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn parse_release(data: &[u8]) -> Result<HelmRelease, String> {
    let packed = STANDARD.decode(data).map_err(|error| format!("the field release is not base64: {error}"))?;
    let mut json = Vec::new();
    if packed.starts_with(&GZIP) {
        let read = GzDecoder::new(&packed[..]).take(MOST + 1).read_to_end(&mut json);
        read.map_err(|error| format!("the field release is not complete gzip data: {error}"))?;
        if json.len() as u64 > MOST {
            return Err(format!("the field release decompresses to more than {MOST} bytes"));
        }
    } else {
        json = packed;
    }
    let stored: Stored =
        serde_json::from_slice(&json).map_err(|error| format!("the field release is not a Helm release: {error}"))?;
    let values = match stored.config {
        Some(config) if config.get().len() > MOST_VALUES => {
            return Err(format!(
                "its values have {} bytes, and at most {MOST_VALUES} are accepted",
                config.get().len()
            ));
        }
        Some(config) => serde_json::from_str(config.get()).map_err(|error| format!("its values: {error}"))?,
        None => Value::Object(serde_json::Map::new()),
    };
    Ok(HelmRelease {
        name: stored.name,
        namespace: stored.namespace,
        revision: stored.version,
        status: stored.info.status,
        chart: stored.chart.metadata.name,
        chart_version: stored.chart.metadata.version,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(json: &str) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(json.as_bytes()).unwrap();
        STANDARD.encode(gzip.finish().unwrap()).into_bytes()
    }

    fn release(config: &str) -> String {
        format!(
            r#"{{"name": "cilium", "version": 1, "info": {{"status": "deployed"}}, "config": {config},
                "chart": {{"metadata": {{"name": "cilium", "version": "1.12.4"}}}}}}"#
        )
    }

    #[test]
    fn what_unfolds_to_more_than_any_release_is_refused_before_it_takes_memory() {
        let bomb = packed(&release(&" ".repeat(20 << 20)));
        assert!(bomb.len() < 1 << 20, "a Secret could hold it");
        assert_eq!(parse_release(&bomb).unwrap_err(), "the field release decompresses to more than 16777216 bytes");
        // Each of these objects takes 632 bytes, of 7.
        let objects = format!("[{}0]", "{\"\":0},".repeat(1 << 20));
        let problem = parse_release(&packed(&release(&objects))).unwrap_err();
        assert_eq!(problem, format!("its values have {} bytes, and at most 1048576 are accepted", objects.len()));
        assert!(parse_release(&packed(&release("{\"tunnel\": \"disabled\"}"))).is_ok());
        for nothing in ["null", "{}"] {
            assert_eq!(parse_release(&packed(&release(nothing))).unwrap().values, serde_json::json!({}));
        }
    }
}
