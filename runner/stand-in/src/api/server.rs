//! A small API server, with those lists, objects, watches, logs, applies and deletions that a lab uses.

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lab_kind::api::Api;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::answer::answer;
use super::objects::{Moment, Objects};

/// Deadline for everything that tests wait for. It passes only if the program is broken or the machine is stuck.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Runs a future on this thread.
///
/// # Panics
/// When the kernel gives no runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    lab_base::runtime().unwrap().block_on(future)
}

/// What the server does instead of answering a request whose path contains a certain text.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Takes the request, and never answers.
    Hang,
    /// Answers with this status and body.
    Answer(u16, String),
    /// Begins an answer, and closes the connection.
    Break,
}

/// What a command in a pod prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Printed {
    /// A command that ends well.
    pub fn well(stdout: impl Into<String>) -> Self {
        Self { code: 0, stdout: stdout.into(), stderr: String::new() }
    }
}

/// What commands print, by the pod (`kube-system/cilium-5hdjt`) and the command; none for one that never ends.
pub type Commands = Box<dyn Fn(&str, &[String]) -> Option<Printed> + Send>;

/// What a command that reads its standard input does with what has come by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It waits for more.
    More,
    /// It says this on standard error, once, and waits for more.
    Say(String),
    /// It ends.
    End(Printed),
    /// It never ends.
    Hang,
}

/// What commands that read their standard input do, by the pod, the command and all that has come.
pub type Interactive = Box<dyn Fn(&str, &[String], &[u8]) -> Step + Send>;
/// What becomes of objects once one was made, by the plural of its kind and its name.
pub type Created = Box<dyn Fn(&mut Objects, &str, &str) + Send>;

/// The state of the server.
pub(super) struct State {
    pub(super) objects: Objects,
    pub(super) faults: Vec<(String, Fault)>,
    pub(super) requests: Vec<String>,
    pub(super) logs: Vec<(String, String)>,
    pub(super) commands: Option<Commands>,
    pub(super) interactive: Option<Interactive>,
    pub(super) created: Option<Created>,
    /// The rights that this client does not have: `list nodes`, `get pods/exec`.
    pub(super) forbidden: Vec<String>,
    /// The same, of which reviews say nothing: the right, and the server's words.
    pub(super) refused: Vec<(String, String)>,
    /// The time after which watches end, in place of the one that they ask for.
    pub(super) watch_length: Duration,
}

/// A server that runs until it is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    task: Option<JoinHandle<()>>,
    tls: Option<TlsAcceptor>,
    folder: TempDir,
}

impl Server {
    /// Starts a server of the objects that were recorded at a moment.
    ///
    /// # Panics
    /// When the machine refuses.
    pub async fn start(moment: Moment) -> Self {
        Self::start_with(moment, None).await
    }

    /// The same, with TLS if it is given.
    ///
    /// # Panics
    /// When the machine refuses.
    pub async fn start_with(moment: Moment, tls: Option<TlsAcceptor>) -> Self {
        let state = State {
            objects: Objects::recorded(moment),
            faults: Vec::new(),
            requests: Vec::new(),
            logs: Vec::new(),
            commands: None,
            interactive: None,
            created: None,
            refused: Vec::new(),
            forbidden: Vec::new(),
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
            // Dropping the set, when this task is aborted, ends all connections.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (state, changed, tls) = (Arc::clone(&state), changed.clone(), tls.clone());
                connections.spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&state), changed.subscribe(), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    if let Some(tls) = tls {
                        if let Ok(stream) = tls.accept(stream).await {
                            let _ended = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
                        }
                    } else {
                        let _ended = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
                    }
                });
            }
        }));
    }

    /// Ends all connections and stops listening.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _aborted = task.await;
        }
    }

    /// Listens again on the same port. Watches cannot continue from a version before this.
    ///
    /// # Panics
    /// When the machine refuses.
    pub fn start_again(&mut self) {
        self.with(Objects::compact);
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.serve(socket.listen(64).unwrap());
    }

    /// A kubeconfig for it, as kind writes one, without certificates.
    ///
    /// # Panics
    /// When the machine refuses.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        let file = self.folder.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig(&self.url())).unwrap();
        file
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    ///
    /// # Panics
    /// When the machine refuses.
    pub async fn api(&self) -> Api {
        Api::from_kubeconfig(&self.kubeconfig()).await.unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes objects, and sends the changes to watchers.
    pub fn with<T>(&self, change: impl FnOnce(&mut Objects) -> T) -> T {
        let result = change(&mut self.state().objects);
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// From now on, requests whose path contains this text get this fault.
    pub fn fault(&self, path: &str, fault: Fault) {
        self.state().faults.push((path.to_owned(), fault));
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Sets the log of a pod's container. The key is `kube-system/cilium-5hdjt`; for the log of the container before it,
    /// `kube-system/cilium-5hdjt previous`.
    pub fn log(&self, key: &str, text: &str) {
        self.state().logs.push((key.to_owned(), text.to_owned()));
    }

    /// Says what commands in pods print.
    pub fn commands(&self, commands: Commands) {
        self.state().commands = Some(commands);
    }

    /// Takes a right from the client: requests for it are refused, and reviews say no. `list nodes`, `get pods/exec`.
    pub fn forbid(&self, right: &str) {
        self.state().forbidden.push(right.to_owned());
    }

    /// Says what commands in pods do that read their standard input.
    pub fn interactive(&self, interactive: Interactive) {
        self.state().interactive = Some(interactive);
    }

    /// Says what becomes of objects once one was made, as kubelets and controllers do.
    pub fn created(&self, created: Created) {
        self.state().created = Some(created);
    }

    /// Refuses what a review would allow, as an admission controller does, with these words.
    pub fn refuse(&self, right: &str, words: &str) {
        self.state().refused.push((right.to_owned(), words.to_owned()));
    }

    /// Refuses nothing any more.
    pub fn allow(&self) {
        self.state().refused.clear();
    }

    /// Makes watches end after this time.
    pub fn end_watches_after(&self, length: Duration) {
        self.state().watch_length = length;
    }

    /// All requests so far, for example `GET /api/v1/nodes`.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// An object that holds the recorded version of Kubernetes, under a name that no client asks for.
fn version_of(moment: Moment) -> Value {
    json!({"metadata": {"namespace": "server", "name": "version"}, "version": moment.json("version.json")})
}

/// A kubeconfig with this server.
pub fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: kind-kind\n  cluster:\n    server: {url}\ncontexts:\n\
         - name: kind-kind\n  context:\n    cluster: kind-kind\n    user: kind-kind\ncurrent-context: kind-kind\nusers:\n\
         - name: kind-kind\n  user: {{}}\n"
    )
}
