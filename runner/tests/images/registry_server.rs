//! A registry on loopback that knows one image, or has a reason not to show it (distribution-spec v1.0).

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use lab_manifest::Digest;
use serde_json::json;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With the image.
    Open,
    /// With status 429, as Docker Hub does.
    Limited,
    /// With status 404.
    Empty,
    /// With another manifest than was asked for.
    Wrong,
    /// With half of the layer.
    Broken,
}

/// It, and what it has been asked.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Where it listens, and so how its images' names begin.
    pub(crate) host: String,
    /// The manifest's digest.
    pub(crate) digest: Digest,
    /// The configuration's digest.
    pub(crate) config: Digest,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
struct Content {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

fn content() -> Content {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(8);
    header.set_mode(0o644);
    builder.append_data(&mut header, "content", fastrand::u64(..).to_le_bytes().as_slice()).unwrap();
    let layer = builder.into_inner().unwrap();
    let config = json!({
        "architecture": lab_images::Platform::linux(std::env::consts::ARCH).architecture, "os": "linux",
        "config": {}, "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer).as_str()] },
    });
    let config = config.to_string().into_bytes();
    let described = |kind: &str, content: &[u8]| json!({ "mediaType": kind, "digest": Digest::of(content).as_str(), "size": content.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": described("application/vnd.docker.container.image.v1+json", &config),
        "layers": [described("application/vnd.docker.image.rootfs.diff.tar", &layer)],
    });
    Content { manifest: manifest.to_string().into_bytes(), config, layer }
}

impl Registry {
    /// Begins to listen, in the runtime that this is called in.
    pub(crate) async fn listen(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let content = Arc::new(content());
        let (digest, config) = (Digest::of(&content.manifest), Digest::of(&content.config));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (content, kept) = (Arc::clone(&content), Arc::clone(&kept));
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        kept.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
                        let response = answer(&content, mood, request.uri().path());
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let _closed = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(connection), service)
                        .await;
                });
            }
        });
        Self { host, digest, config, asked }
    }

    /// What it has been asked by now.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(content: &Content, mood: Mood, path: &str) -> Response<Full<Bytes>> {
    let with = |status: u16, kind: &str, body: &[u8]| {
        let builder = Response::builder().status(status).header("Content-Type", kind);
        builder.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
    };
    let error = |status: u16, code: &str, message: &str| {
        let body = json!({ "errors": [{ "code": code, "message": message }] });
        with(status, "application/json", body.to_string().as_bytes())
    };
    if path == "/v2/" {
        return with(200, "application/json", b"{}");
    }
    let manifest = "application/vnd.docker.distribution.manifest.v2+json";
    match (mood, path.contains("/manifests/")) {
        (Mood::Limited, _) => error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
        (Mood::Empty, true) => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        (Mood::Wrong, true) => with(200, manifest, &[content.manifest.as_slice(), b" "].concat()),
        (_, true) => with(200, manifest, &content.manifest),
        (_, false) if path.ends_with(Digest::of(&content.config).as_str()) => {
            with(200, "application/octet-stream", &content.config)
        }
        (Mood::Broken, false) => with(200, "application/octet-stream", &content.layer[..content.layer.len() / 2]),
        (_, false) if path.ends_with(Digest::of(&content.layer).as_str()) => {
            with(200, "application/octet-stream", &content.layer)
        }
        (_, false) => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    }
}
