//! An Engine on a socket of its own that answers what a real one once answered, with single things changed.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lab_doctor::Row;
use lab_engine::{Endpoint, Engine, EngineError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;

use super::machine::{Machine, data};

/// What it answers: by method and path without the API's version. None is silence.
type Answers = BTreeMap<String, Option<(u16, Value)>>;

/// What it answers, and what it was asked.
pub(crate) struct FakeEngine {
    answers: Answers,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

fn recorded(file: &str) -> Value {
    let path = data().join("engine").join(file);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// The id of the container, and of the image, that the doctor makes.
const MADE: &str = "0f0f0f";

impl FakeEngine {
    /// An Engine of this host, with no cluster and no network `kind`, on which a privileged container runs.
    pub(crate) fn new() -> Self {
        let mut engine = Self { answers: Answers::new(), asked: Arc::default() };
        engine.answer("GET /_ping", 200, json!("OK"));
        engine.answer("GET /version", 200, recorded("version.json"));
        engine.answer("GET /info", 200, recorded("info.json"));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        engine.info("KernelVersion", json!(kernel.trim()));
        let networks = recorded("networks.json");
        engine.networks(networks.as_array().unwrap().iter().filter(|network| network["Name"] != "kind"));
        engine.answer("GET /containers/json", 200, json!([]));
        engine.answer("GET /images/kindest/node:v1.25.3/json", 404, json!({"message": "no such image"}));
        engine.answer("GET /images/json", 200, json!([]));
        engine.answer("POST /images/create", 200, json!({"status": MADE}));
        engine.answer("POST /containers/create", 201, json!({"Id": MADE, "Warnings": []}));
        let inspected = json!({"Id": MADE, "HostConfig": {"CgroupnsMode": "private"}});
        engine.answer(&format!("GET /containers/{MADE}/json"), 200, inspected);
        engine.answer(&format!("POST /containers/{MADE}/start"), 204, Value::Null);
        engine.answer(&format!("POST /containers/{MADE}/wait"), 200, json!({"StatusCode": 0}));
        engine.answer(&format!("DELETE /containers/{MADE}"), 204, Value::Null);
        engine.answer(&format!("DELETE /images/{MADE}"), 200, json!([]));
        engine
    }

    pub(crate) fn answer(&mut self, to: &str, status: u16, body: Value) {
        self.answers.insert(to.to_owned(), Some((status, body)));
    }

    pub(crate) fn silence(&mut self, to: &str) {
        self.answers.insert(to.to_owned(), None);
    }

    /// Changes what it tells of itself.
    pub(crate) fn info(&mut self, key: &str, value: Value) {
        let Some(Some((_, info))) = self.answers.get_mut("GET /info") else { panic!("no info") };
        info[key] = value;
    }

    /// Changes what it says its version is.
    pub(crate) fn version(&mut self, key: &str, value: Value) {
        let Some(Some((_, version))) = self.answers.get_mut("GET /version") else { panic!("no version") };
        version[key] = value;
    }

    /// Its networks, and one whose gateway is an address of this host's: that of a bridge of another host's is not.
    pub(crate) fn networks<'a>(&mut self, networks: impl Iterator<Item = &'a Value>) {
        let ipam = json!({"Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.1"}]});
        let own = json!({"Name": "own", "Id": "0e".repeat(32), "Driver": "bridge", "IPAM": ipam});
        let all: Vec<Value> = networks.cloned().chain([own]).collect();
        for network in &all {
            self.answer(&format!("GET /networks/{}", network["Id"].as_str().unwrap()), 200, network.clone());
        }
        self.answer("GET /networks", 200, json!(all));
    }

    /// The recorded cluster of three nodes, and its network.
    pub(crate) fn with_cluster(mut self) -> Self {
        let networks = recorded("networks.json");
        self.networks(networks.as_array().unwrap().iter());
        let kind = recorded("network-kind.json");
        self.answer(&format!("GET /networks/{}", kind["Id"].as_str().unwrap()), 200, kind.clone());
        self.answer("GET /containers/json", 200, recorded("containers.json"));
        self
    }

    /// What the doctor makes of this machine with this Engine.
    pub(crate) fn rows(self, machine: &Machine) -> Vec<Row> {
        lab_base::runtime().unwrap().block_on(async {
            let (engine, _folder) = self.met().await;
            lab_doctor::kind::kind_with(&machine.input, engine).await
        })
    }

    /// Serves on this thread's runtime, as long as that runs, and connects.
    pub(crate) async fn met(mut self) -> (Result<Engine, EngineError>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let endpoint = Endpoint::parse(&format!("unix://{}", socket.display()), None, "the test").unwrap();
        // As the fake docker program tells it.
        if self.answers.get("GET /info").is_some_and(Option::is_some) {
            self.info("ID", json!(format!("the Engine at {endpoint}")));
        }
        let listener = UnixListener::bind(&socket).unwrap();
        let (answers, asked) = (Arc::new(self.answers), self.asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                let serve = service_fn(move |request| reply(Arc::clone(&answers), Arc::clone(&asked), request));
                let http = hyper::server::conn::http1::Builder::new();
                // A client that goes away is none of its business.
                tokio::spawn(async move { http.serve_connection(TokioIo::new(connection), serve).await.is_ok() });
            }
        });
        (Engine::connect_to(endpoint).await, folder)
    }
}

async fn reply(
    answers: Arc<Answers>,
    asked: Arc<Mutex<Vec<String>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let path = match path.strip_prefix("/v1.").and_then(|rest| rest.split_once('/')) {
        Some((_version, rest)) => format!("/{rest}"),
        None => path.to_owned(),
    };
    let line = format!("{} {path}", request.method());
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    asked.lock().unwrap().push(format!("{line} {}", String::from_utf8_lossy(&body)));
    let (status, body) = match answers.get(&line) {
        Some(Some((status, body))) => (*status, body.clone()),
        Some(None) => std::future::pending().await,
        None => (404, json!({"message": format!("page not found: {line}")})),
    };
    let mut response = Response::new(Full::new(match body {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    }));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    Ok(response)
}
