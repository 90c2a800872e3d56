//! The Engine's messages while it pulls: the progress, and the kind of error.

use bollard::models::CreateImageInfo;
use std::collections::BTreeMap;

use super::ImageError;
use lab_engine::EngineError;

/// The progress of each layer of a pull.
#[derive(Debug, Default)]
pub struct Layers {
    layers: BTreeMap<String, Layer>,
    said: String,
}

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    of: u64,
    done: bool,
}

impl Layers {
    /// Takes note of a line of progress. Returns the progress of the whole pull as text.
    pub fn update(&mut self, info: &CreateImageInfo) -> String {
        let status = info.status.as_deref().unwrap_or_default();
        let unsigned = |detail: Option<i64>| detail.and_then(|bytes| u64::try_from(bytes).ok());
        match info.id.as_deref() {
            // Lines with an id are about a layer, except for the first line: its id is the tag or digest to pull.
            Some(id) if !status.starts_with("Pulling from") => {
                let layer = self.layers.entry(id.to_owned()).or_default();
                layer.done |= matches!(status, "Pull complete" | "Already exists");
                if status == "Downloading"
                    && let Some(detail) = &info.progress_detail
                {
                    layer.bytes = unsigned(detail.current).unwrap_or(layer.bytes);
                    layer.of = unsigned(detail.total).unwrap_or(layer.of);
                }
                if matches!(status, "Download complete" | "Verifying Checksum" | "Pull complete") {
                    layer.bytes = layer.of;
                }
            }
            _ if !status.is_empty() => status.clone_into(&mut self.said),
            _ => {}
        }
        self.summary()
    }

    /// The progress as text: `3 of 7 layers, 120 of 310 MB`.
    pub fn summary(&self) -> String {
        if self.layers.is_empty() {
            return if self.said.is_empty() { "no answer yet".to_owned() } else { self.said.clone() };
        }
        let done = self.layers.values().filter(|layer| layer.done).count();
        let (bytes, of) = self.layers.values().fold((0, 0), |(bytes, of), layer| (bytes + layer.bytes, of + layer.of));
        format!("{done} of {} layers, {} of {} MB", self.layers.len(), bytes / 1_000_000, of / 1_000_000)
    }
}

/// Tells the kinds of pull and load errors apart by the Engine's message, which contains the message of the registry, the
/// resolver or the kernel.
pub fn refused(image: &str, action: &'static str, error: EngineError) -> ImageError {
    const LIMIT: [&str; 4] = ["toomanyrequests", "too many requests", "rate limit", "status: 429"];
    const FULL: [&str; 2] = ["no space left on device", "disk quota exceeded"];
    const NETWORK: [&str; 11] = [
        "no such host",
        "name resolution",
        "connection refused",
        "connection reset",
        "network is unreachable",
        "no route to host",
        "i/o timeout",
        "tls handshake timeout",
        "client.timeout exceeded",
        "request canceled while waiting",
        "server misbehaving",
    ];
    const NOT_THERE: [&str; 7] = [
        "manifest unknown",
        "manifest_unknown",
        "name unknown",
        "not found",
        "access denied",
        "unauthorized",
        "does not exist",
    ];
    let EngineError::Answered { message: said, .. } = error else { return error.into() };
    let (image, lower) = (image.to_owned(), said.to_lowercase());
    let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if has(&LIMIT) {
        ImageError::RateLimited { image, said }
    } else if has(&FULL) {
        ImageError::DiskFull { image, said }
    } else if has(&NETWORK) {
        ImageError::NoNetwork { image, said }
    } else if has(&NOT_THERE) {
        ImageError::NotThere { image, said }
    } else {
        ImageError::Refused { image, action, said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(said: &str) -> ImageError {
        let doing = "pull it".to_owned();
        refused("a:1", "pulled", EngineError::Answered { doing, status: 500, message: said.to_owned() })
    }

    /// Messages of Docker 20.10 to 28, and of Docker Hub, Quay and Google's registry.
    #[test]
    fn the_reason_is_told_apart() {
        for said in [
            "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            "error from registry: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
            "received unexpected HTTP status: 429 Too Many Requests",
        ] {
            assert!(matches!(why(said), ImageError::RateLimited { .. }), "{said}");
        }
        for said in [
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 192.0.2.1:53: no such host",
            "Get \"https://quay.io/v2/\": dial tcp 192.0.2.1:443: connect: connection refused",
            "Get \"https://quay.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            "Get \"https://quay.io/v2/\": net/http: TLS handshake timeout",
            "Get \"https://quay.io/v2/\": dial tcp: lookup quay.io: Temporary failure in name resolution",
        ] {
            assert!(matches!(why(said), ImageError::NoNetwork { .. }), "{said}");
        }
        for said in [
            "manifest for quay.io/cilium/cilium@sha256:00 not found: manifest unknown: manifest unknown",
            "pull access denied for nothing, repository does not exist or may require 'docker login': denied",
            "unauthorized: access to the requested resource is not authorized",
        ] {
            assert!(matches!(why(said), ImageError::NotThere { .. }), "{said}");
        }
        let full = "failed to register layer: write /usr/bin/cilium-agent: no space left on device";
        assert!(matches!(why(full), ImageError::DiskFull { .. }));
        assert!(matches!(why("the moon is full"), ImageError::Refused { .. }));
        let broken = EngineError::Refused { endpoint: "unix:///x".to_owned() };
        assert!(matches!(refused("a:1", "pulled", broken), ImageError::Engine(EngineError::Refused { .. })));
    }

    #[test]
    fn the_layers_are_counted() {
        let mut layers = Layers::default();
        assert_eq!(layers.summary(), "no answer yet");
        let mut progress = String::new();
        for line in [
            r#"{"status":"Pulling from cilium/cilium","id":"sha256:00"}"#,
            r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#,
            r#"{"status":"Already exists","progressDetail":{},"id":"b"}"#,
            r#"{"status":"Downloading","progressDetail":{"current":40000000,"total":90000000},"progress":"[=> ]","id":"a"}"#,
        ] {
            progress = layers.update(&serde_json::from_str(line).unwrap());
        }
        assert_eq!(progress, "1 of 2 layers, 40 of 90 MB");
        progress = layers.update(&serde_json::from_str(r#"{"status":"Pull complete","id":"a"}"#).unwrap());
        assert_eq!(progress, "2 of 2 layers, 90 of 90 MB");
    }
}
