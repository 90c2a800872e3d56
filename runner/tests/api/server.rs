//! A small API server: lists, objects, watches, logs, server-side apply and deletion, as far as a lab uses them.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use lab::backend::kind::api::Api;
use lab::clock;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::objects::{Moment, Objects};

/// For anything that is waited for. Only a broken program, or a machine that stands still, takes as long.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Runs a future on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    lab::runtime().unwrap().block_on(future)
}

/// What the server does instead of answering, to requests whose path holds some text.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Takes the request, and says nothing.
    Hang,
    /// This status and body.
    Answer(u16, String),
    /// Begins an answer, and closes the connection.
    Break,
}

struct State {
    objects: Objects,
    faults: Vec<(String, Fault)>,
    requests: Vec<String>,
    logs: Vec<(String, String)>,
    /// Watches end after it, as if it were the time that they asked for.
    watch_length: Duration,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    task: Option<JoinHandle<()>>,
    tls: Option<TlsAcceptor>,
    folder: TempDir,
}

impl Server {
    /// Serves what was recorded at a moment.
    pub(crate) async fn start(moment: Moment) -> Self {
        Self::start_with(moment, None).await
    }

    /// The same, behind TLS.
    pub(crate) async fn start_with(moment: Moment, tls: Option<TlsAcceptor>) -> Self {
        let state = State {
            objects: Objects::recorded(moment),
            faults: Vec::new(),
            requests: Vec::new(),
            logs: Vec::new(),
            watch_length: DEADLINE,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (changed, _) = watch::channel(0);
        let mut server = Self {
            address,
            state: Arc::new(Mutex::new(state)),
            changed,
            task: None,
            tls,
            folder: tempfile::tempdir().unwrap(),
        };
        server.with(|objects| objects.put("configmaps", version_of(moment)));
        server.serve(listener);
        server
    }

    fn serve(&mut self, listener: TcpListener) {
        let (state, changed, tls) = (Arc::clone(&self.state), self.changed.clone(), self.tls.clone());
        self.task = Some(tokio::spawn(async move {
            // The connections end with this task.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (state, changed, tls) = (Arc::clone(&state), changed.clone(), tls.clone());
                connections.spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&state), changed.subscribe(), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    if let Some(tls) = tls {
                        if let Ok(stream) = tls.accept(stream).await {
                            let _ended = http.serve_connection(TokioIo::new(stream), service).await;
                        }
                    } else {
                        let _ended = http.serve_connection(TokioIo::new(stream), service).await;
                    }
                });
            }
        }));
    }

    /// Ends all connections and listens no more.
    pub(crate) async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _aborted = task.await;
        }
    }

    /// Listens again at the same port; what was watched before cannot be watched on from there.
    pub(crate) fn start_again(&mut self) {
        self.with(Objects::compact);
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.serve(socket.listen(64).unwrap());
    }

    /// A kubeconfig for it, as kind writes one, without certificates.
    pub(crate) fn kubeconfig(&self) -> std::path::PathBuf {
        let file = self.folder.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig(&self.url())).unwrap();
        file
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub(crate) async fn api(&self) -> Api {
        Api::from_kubeconfig(&self.kubeconfig()).await.unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes objects, and tells those who watch.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Objects) -> T) -> T {
        let result = change(&mut self.state().objects);
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// From now on, requests whose path holds this text come to that.
    pub(crate) fn fault(&self, path: &str, fault: Fault) {
        self.state().faults.push((path.to_owned(), fault));
    }

    /// From now on nothing is wrong.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// The log of a pod's container; the one before it has `previous` in its key: `kube-system/cilium-5hdjt previous`.
    pub(crate) fn log(&self, key: &str, text: &str) {
        self.state().logs.push((key.to_owned(), text.to_owned()));
    }

    /// Watches end after so long.
    pub(crate) fn end_watches_after(&self, length: Duration) {
        self.state().watch_length = length;
    }

    /// All requests so far: `GET /api/v1/nodes`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The version is kept among the objects, under a name that nobody asks for.
fn version_of(moment: Moment) -> Value {
    json!({"metadata": {"namespace": "server", "name": "version"}, "version": moment.json("version.json")})
}

/// A kubeconfig with this server.
pub(crate) fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: kind-kind\n  cluster:\n    server: {url}\ncontexts:\n\
         - name: kind-kind\n  context:\n    cluster: kind-kind\n    user: kind-kind\ncurrent-context: kind-kind\nusers:\n\
         - name: kind-kind\n  user: {{}}\n"
    )
}

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

fn body(text: impl Into<Bytes>) -> Body {
    StreamBody::new(stream::once(std::future::ready(Ok(Frame::data(text.into())))).boxed())
}

fn json_answer(status: u16, value: &Value) -> Response<Body> {
    plain(status, value.to_string())
}

fn plain(status: u16, text: String) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(body(text)).unwrap()
}

fn not_found(path: &str) -> Response<Body> {
    let message = format!("{path} not found");
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "NotFound", "code": 404});
    json_answer(404, &status)
}

async fn answer(
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let full = parts.uri.to_string();
    let sent = incoming.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let fault = {
        let mut state = state.lock().unwrap();
        state.requests.push(format!("{} {full}", parts.method));
        state.faults.iter().find(|(text, _)| full.contains(text.as_str())).map(|(_, fault)| fault.clone())
    };
    let query = Query::of(parts.uri.query().unwrap_or_default());
    Ok(match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Answer(code, text)) => plain(code, text),
        Some(Fault::Break) => {
            let broken = stream::iter([
                Ok(Frame::data(Bytes::from_static(b"{\"items\": ["))),
                Err(std::io::Error::other("the server goes away")),
            ]);
            Response::new(StreamBody::new(broken.boxed()))
        }
        None if query.watch => watched(&state, changed, &path, &query),
        None => {
            let mut state = state.lock().unwrap();
            match parts.method {
                Method::GET => get(&state, &path, &query),
                Method::PATCH => patch(&mut state.objects, &path, &sent),
                Method::DELETE => delete(&mut state.objects, &path),
                other => plain(405, format!("{other} is not served")),
            }
        }
    })
}

/// What a request asks for beside its path.
struct Query {
    watch: bool,
    version: u64,
    labels: Vec<(String, String)>,
    name: Option<String>,
    previous: bool,
}

impl Query {
    fn of(text: &str) -> Self {
        let text = text.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
        let value = |key: &str| {
            let start = format!("{key}=");
            text.split('&').find_map(|part| part.strip_prefix(&start)).map(str::to_owned)
        };
        let pairs = |text: String| -> Vec<(String, String)> {
            let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        Self {
            watch: value("watch").is_some_and(|value| value == "true"),
            version: value("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or_default(),
            labels: value("labelSelector").map(pairs).unwrap_or_default(),
            name: value("fieldSelector").and_then(|selector| Some(selector.strip_prefix("metadata.name=")?.to_owned())),
            previous: value("previous").is_some_and(|value| value == "true"),
        }
    }

    fn selects(&self, namespace: Option<&str>, object: &Value) -> bool {
        let meta = &object["metadata"];
        namespace.is_none_or(|namespace| meta["namespace"] == namespace)
            && self.name.as_ref().is_none_or(|name| meta["name"] == name.as_str())
            && self.labels.iter().all(|(key, value)| meta["labels"][key] == value.as_str())
    }
}

fn get(state: &State, path: &str, query: &Query) -> Response<Body> {
    let objects = &state.objects;
    match path {
        "/readyz" => return plain(200, "ok".to_owned()),
        "/version" => return json_answer(200, &objects.named("configmaps", "version")["version"]),
        _ => {}
    }
    if let Some(pod) = path.strip_suffix("/log") {
        let parts: Vec<&str> = pod.rsplit('/').collect();
        let key = format!("{}/{}{}", parts[2], parts[0], if query.previous { " previous" } else { "" });
        let log = state.logs.iter().find(|(found, _)| *found == key);
        return log.map_or_else(|| not_found(path), |(_, text)| plain(200, text.clone()));
    }
    let Some((kind, namespace, name)) = objects.find(path) else { return not_found(path) };
    let items = objects.all(kind.plural).iter();
    if let Some(name) = name {
        let wanted = Query { name: Some(name), ..Query::of("") };
        let object = items.into_iter().find(|object| wanted.selects(namespace.as_deref(), object));
        return object.map_or_else(|| not_found(path), |object| json_answer(200, object));
    }
    let items: Vec<Value> = items.filter(|object| query.selects(namespace.as_deref(), object)).map(in_list).collect();
    let version = kind.api.trim_start_matches("/apis/").trim_start_matches("/api/");
    let list = json!({"kind": format!("{}List", kind.singular), "apiVersion": version,
        "metadata": {"resourceVersion": objects.version().to_string()}, "items": items});
    json_answer(200, &list)
}

/// In a list, a real server leaves out what the list says of all of its items.
fn in_list(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    object
}

/// Server-side apply, of an object that comes whole.
fn patch(objects: &mut Objects, path: &str, sent: &[u8]) -> Response<Body> {
    let Some((kind, Some(namespace), Some(_name))) = objects.find(path) else { return not_found(path) };
    let mut object: Value = serde_json::from_slice(sent).unwrap();
    // As Kubernetes 1.20 does.
    if kind.plural == "services" && object["spec"]["ports"][0]["protocol"].is_null() {
        let message = "failed to create typed patch object: .spec.ports: element 0: associative list with keys has an \
                       element that omits key field \"protocol\" (and doesn't have default value)";
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "code": 500});
        return json_answer(500, &status);
    }
    object["metadata"]["namespace"] = json!(namespace);
    objects.put(kind.plural, object.clone());
    json_answer(200, &object)
}

fn delete(objects: &mut Objects, path: &str) -> Response<Body> {
    let Some((kind, namespace, Some(name))) = objects.find(path) else { return not_found(path) };
    let meant = Query { name: Some(name), ..Query::of("") };
    match objects.remove(kind.plural, |object| meant.selects(namespace.as_deref(), object)) {
        Some(object) => json_answer(200, &object),
        None => not_found(path),
    }
}

fn watched(state: &Arc<Mutex<State>>, changed: watch::Receiver<u64>, path: &str, query: &Query) -> Response<Body> {
    let found = state.lock().unwrap().objects.find(path);
    let Some((kind, namespace, None)) = found else { return not_found(path) };
    let length = state.lock().unwrap().watch_length;
    let ends = clock::now() + length;
    let watching = Watching {
        state: Arc::clone(state),
        changed,
        plural: kind.plural,
        namespace,
        labels: query.labels.clone(),
        name: query.name.clone(),
        version: query.version,
    };
    let events = stream::unfold(watching, move |mut watching| async move {
        let left = ends.saturating_duration_since(clock::now());
        let line = clock::within(left, "a change", watching.next()).await.ok()?;
        Some((Ok(Frame::data(Bytes::from(line))), watching))
    });
    Response::builder().header("content-type", "application/json").body(StreamBody::new(events.boxed())).unwrap()
}

struct Watching {
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    plural: &'static str,
    namespace: Option<String>,
    labels: Vec<(String, String)>,
    name: Option<String>,
    version: u64,
}

impl Watching {
    async fn next(&mut self) -> String {
        loop {
            if let Some(line) = self.line() {
                return line;
            }
            // The sender lives as long as the server, and this with it.
            self.changed.changed().await.unwrap();
        }
    }

    fn line(&mut self) -> Option<String> {
        let state = self.state.lock().unwrap();
        let changes = state.objects.changes_since(self.version);
        // The server has forgotten what came between: it has restarted.
        if changes.first().map_or(state.objects.version(), |change| change.version) > self.version + 500 {
            self.version = state.objects.version();
            let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
                "status": "Failure", "message": "too old resource version", "reason": "Expired", "code": 410}});
            return Some(format!("{gone}\n"));
        }
        let query = Query { labels: self.labels.clone(), name: self.name.clone(), ..Query::of("") };
        for change in changes {
            self.version = change.version;
            if change.plural == self.plural && query.selects(self.namespace.as_deref(), &change.object) {
                return Some(format!("{}\n", json!({"type": change.verb, "object": change.object})));
            }
        }
        None
    }
}
