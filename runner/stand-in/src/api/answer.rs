//! The server's answers: lists, objects, logs, server-side apply, deletions and watches.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response};
use lab_base::clock;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

use super::exec;
use super::objects::Objects;
use super::server::{Fault, State};

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

/// Answers one request.
pub(super) async fn answer(
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
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
        None if let Some(words) = forbidden(&state, &parts.method, &path) => failure(403, "Forbidden", &words),
        None if path.ends_with("/exec") => {
            let response = exec::begin(&state, &parts, upgrade);
            response.map(|()| body(""))
        }
        None if path.ends_with("/selfsubjectaccessreviews") => review(&state.lock().unwrap(), &sent),
        None if query.watch => watched(&state, changed, &path, &query),
        None => {
            let mut state = state.lock().unwrap();
            match parts.method {
                Method::GET => get(&state, &path, &query),
                Method::PATCH => patch(&mut state.objects, &path, &sent),
                Method::DELETE => delete(&mut state.objects, &path),
                Method::POST => create(&mut state, &path, &sent),
                other => plain(405, format!("{other} is not served")),
            }
        }
    })
}

/// Why the client may not do this, if it may not.
fn forbidden(state: &Arc<Mutex<State>>, method: &Method, path: &str) -> Option<String> {
    let state = state.lock().unwrap();
    let right = if path.ends_with("/exec") {
        "get pods/exec".to_owned()
    } else {
        let (kind, _namespace, name) = state.objects.find(path)?;
        let verb = match (method, name) {
            (&Method::GET, Some(_)) => "get",
            (&Method::GET, None) => "list",
            (&Method::POST, _) => "create",
            (&Method::DELETE, _) => "delete",
            _ => return None,
        };
        format!("{verb} {}", kind.plural)
    };
    let refused = state.refused.iter().find(|(of, _)| *of == right).map(|(_, words)| words.clone());
    refused.or_else(|| state.forbidden.contains(&right).then(|| format!("{path} is forbidden")))
}

/// Makes an object, and lets the cluster do with it what it does.
fn create(state: &mut State, path: &str, sent: &[u8]) -> Response<Body> {
    let Some((kind, namespace, None)) = state.objects.find(path) else { return not_found(path) };
    let mut object: Value = serde_json::from_slice(sent).unwrap();
    if let Some(namespace) = &namespace {
        if !state.objects.all("namespaces").iter().any(|known| known["metadata"]["name"] == namespace.as_str()) {
            return failure(404, "NotFound", &format!("namespaces \"{namespace}\" not found"));
        }
        object["metadata"]["namespace"] = json!(namespace);
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let same = |known: &Value| {
        known["metadata"]["name"] == name.as_str() && known["metadata"]["namespace"] == object["metadata"]["namespace"]
    };
    if state.objects.all(kind.plural).iter().any(same) {
        return failure(409, "AlreadyExists", &format!("{} \"{name}\" already exists", kind.plural));
    }
    state.objects.put(kind.plural, object.clone());
    if let Some(created) = &state.created {
        created(&mut state.objects, kind.plural, &name);
    }
    json_answer(201, &object)
}

fn failure(code: u16, reason: &str, message: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    json_answer(code, &status)
}

/// Answers a `SelfSubjectAccessReview`.
fn review(state: &State, sent: &[u8]) -> Response<Body> {
    let mut review: Value = serde_json::from_slice(sent).unwrap();
    let asked = &review["spec"]["resourceAttributes"];
    let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
    let part = if text("subresource").is_empty() { String::new() } else { format!("/{}", text("subresource")) };
    let right = format!("{} {}{part}", text("verb"), text("resource"));
    review["status"] = json!({"allowed": !state.forbidden.contains(&right)});
    json_answer(201, &review)
}

/// The query of a request.
struct Query {
    watch: bool,
    version: u64,
    labels: Vec<(String, String)>,
    name: Option<String>,
    previous: bool,
    /// How many objects are asked for at a time, and from which one on.
    page: Option<(usize, usize)>,
}

impl Query {
    fn of(text: &str) -> Self {
        let text = text.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/").replace("%2B", "+");
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
            page: value("limit").and_then(|limit| {
                let from = value("continue").map_or(Some(0), |token| token.strip_prefix("from+")?.parse().ok());
                Some((limit.parse().ok()?, from?))
            }),
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
    let selected: Vec<&Value> = items.filter(|object| query.selects(namespace.as_deref(), object)).collect();
    let (limit, from) = query.page.unwrap_or((selected.len(), 0));
    let items: Vec<Value> = selected.iter().skip(from).take(limit).map(|object| in_list(object)).collect();
    let version = kind.api.trim_start_matches("/apis/").trim_start_matches("/api/");
    let mut list = json!({"kind": format!("{}List", kind.singular), "apiVersion": version,
        "metadata": {"resourceVersion": objects.version().to_string()}, "items": items});
    if from + limit < selected.len() {
        // With a character that a query does not have as it is.
        list["metadata"]["continue"] = json!(format!("from+{}", from + limit));
    }
    json_answer(200, &list)
}

/// An object without `apiVersion` and `kind`, which a real server leaves out in lists.
fn in_list(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    object
}

/// Server-side apply: fields that others have set, such as a Service's address, stay.
fn patch(objects: &mut Objects, path: &str, sent: &[u8]) -> Response<Body> {
    let Some((kind, Some(namespace), Some(name))) = objects.find(path) else { return not_found(path) };
    let mut object: Value = serde_json::from_slice(sent).unwrap();
    // Kubernetes 1.20 refuses a port without a protocol with this message.
    if kind.plural == "services" && object["spec"]["ports"][0]["protocol"].is_null() {
        let message = "failed to create typed patch object: .spec.ports: element 0: associative list with keys has an \
                       element that omits key field \"protocol\" (and doesn't have default value)";
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "code": 500});
        return json_answer(500, &status);
    }
    object["metadata"]["namespace"] = json!(namespace);
    let known = objects.all(kind.plural).iter().find(|known| {
        known["metadata"]["name"] == name.as_str() && known["metadata"]["namespace"] == namespace.as_str()
    });
    if let Some(known) = known {
        object = merged(known.clone(), object);
    }
    objects.put(kind.plural, object.clone());
    json_answer(200, &object)
}

fn merged(known: Value, sent: Value) -> Value {
    match (known, sent) {
        (Value::Object(mut known), Value::Object(sent)) => {
            for (key, value) in sent {
                let before = known.remove(&key).unwrap_or(Value::Null);
                known.insert(key, merged(before, value));
            }
            Value::Object(known)
        }
        (_known, sent) => sent,
    }
}

fn delete(objects: &mut Objects, path: &str) -> Response<Body> {
    let Some((kind, namespace, Some(name))) = objects.find(path) else { return not_found(path) };
    let meant = Query { name: Some(name), ..Query::of("") };
    match objects.remove(kind.plural, |object| meant.selects(namespace.as_deref(), object)) {
        Some(object) => {
            if kind.plural == "namespaces" {
                objects.clear(object["metadata"]["name"].as_str().unwrap_or_default());
            }
            json_answer(200, &object)
        }
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
            // The sender lives at least as long as this watch, because the server owns both.
            self.changed.changed().await.unwrap();
        }
    }

    fn line(&mut self) -> Option<String> {
        let state = self.state.lock().unwrap();
        let changes = state.objects.changes_since(self.version);
        // The server has restarted, and no longer has the changes since this version.
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
