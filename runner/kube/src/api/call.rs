//! The client of the API server: it uses the lab's own kubeconfig only, and every call has a deadline.

use async_recursion::async_recursion as boxed;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::error::ApiError;
use lab_base::clock;
use lab_base::failure::chain;

/// The default deadline of a call. A server on loopback answers in milliseconds, but one that is starting or short of CPU
/// time takes longer.
const CALL: Duration = Duration::from_secs(10);
/// A connection on which nothing arrives for this long counts as dead. Watches end earlier by themselves.
const SILENCE: Duration = Duration::from_secs(25);
/// The deadline for connecting. A connection over loopback succeeds at once or not at all.
const CONNECT: Duration = Duration::from_secs(3);

/// How many objects are asked for at a time: a large cluster has tens of thousands of pods.
const PAGE: u32 = 500;
/// What is said of a list that ends before its last page.
const GONE: &str = "its next page is not there any more";

/// What is read of a page of a list.
#[derive(Deserialize)]
struct Page {
    metadata: Option<PageMeta>,
}

#[derive(Deserialize)]
struct PageMeta {
    r#continue: Option<String>,
}

/// The API server of a lab.
#[derive(Clone)]
pub struct Api {
    client: Client,
    server: String,
    deadline: Duration,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("server", &self.server).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Api {
    /// A client for the server that a kubeconfig's current context names. No other file and no environment variable is
    /// read, so that another cluster is never taken for the lab. The server is not contacted yet.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ApiError::Kubeconfig`], when the file is not a kubeconfig, or its certificates cannot be used.
    #[boxed(?Send)]
    pub async fn from_kubeconfig(file: &Path) -> Result<Self, ApiError> {
        let wrong = |error: &dyn std::error::Error| ApiError::kubeconfig(file, chain(error));
        let kubeconfig = Kubeconfig::read_from(file).map_err(|error| wrong(&error))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.map_err(|error| wrong(&error))?;
        // The library would use HTTPS_PROXY and similar variables, but a proxy cannot reach a server on this host.
        config.proxy_url = None;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        config.reset_reader_on_write = true;
        // No retries here: the waits retry, and report what they saw meanwhile.
        config.default_retry = false;
        // Without TLS there is nothing to verify: a machine without certificate authorities of its own has no need of them.
        if config.cluster_url.scheme_str() == Some("http") {
            config.root_cert = Some(Vec::new());
        }
        Self::with_config(config).map_err(|error| wrong(&error))
    }

    /// A client with a configuration that is complete.
    pub(crate) fn with_config(config: Config) -> kube::Result<Self> {
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config)?;
        Ok(Self { client, server, deadline: CALL })
    }

    /// The same client with another deadline for each call (10 s by default).
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The server's URL from the kubeconfig: `https://127.0.0.1:36363`.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits for a call, with the deadline. `call` says in errors what was asked: `list nodes`.
    pub(super) async fn call<T>(
        &self,
        call: &str,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiError> {
        match clock::within(self.deadline, call, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApiError::from_kube(&self.server, call, &error)),
            Err(_late) => {
                let (server, call) = (self.server.clone(), call.to_owned());
                Err(ApiError::Silent { server, call, deadline: self.deadline })
            }
        }
    }

    /// The objects of a kind, of a namespace or of all. They are read as any kind's are, and become `K` in [`Api::typed`]:
    /// calls that know `K` would be compiled again for each.
    pub(super) fn objects<K: Resource<DynamicType = ()>>(&self, namespace: Option<&str>) -> kube::Api<DynamicObject> {
        let kind = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => kube::Api::namespaced_with(self.client(), namespace, &kind),
            None => kube::Api::all_with(self.client(), &kind),
        }
    }

    /// An object in the answer to a call.
    pub(super) fn typed<K>(&self, call: &str, object: DynamicObject) -> Result<K, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        object.try_parse().map_err(|error| garbled(&self.server, call, chain(&error)))
    }

    /// All objects of a kind, of every namespace.
    pub(super) async fn list<K>(&self) -> Result<Vec<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        self.listed(&format!("list {}", K::plural(&())), &self.objects::<K>(None), &ListParams::default()).await
    }

    /// All objects of a kind, of every namespace, asked for page by page, each made at once into what is kept of it.
    pub(super) async fn paged<K, T>(&self, make: impl Fn(K) -> T) -> Result<Vec<T>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let (call, of) = (format!("list {}", K::plural(&())), self.objects::<K>(None));
        let mut found = Vec::new();
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let page = self.call(&call, of.list(&params)).await?;
            for object in page.items {
                found.push(make(self.typed(&call, object)?));
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }

    /// The texts of a list's pages; none if the server does not have the path.
    pub(super) async fn text_pages(&self, path: &str) -> Result<Option<Vec<String>>, ApiError> {
        let mut pages = Vec::new();
        let mut query = format!("{path}?limit={PAGE}");
        while let Some(text) = self.text(&query).await? {
            let page: Page = serde_json::from_str(&text)
                .map_err(|error| garbled(&self.server, &format!("get {path}"), error.to_string()))?;
            pages.push(text);
            match page.metadata.and_then(|metadata| metadata.r#continue).filter(|token| !token.is_empty()) {
                Some(token) => query = format!("{path}?limit={PAGE}&continue={}", in_query(&token)),
                None => return Ok(Some(pages)),
            }
        }
        if pages.is_empty() { Ok(None) } else { Err(garbled(&self.server, &format!("get {path}"), GONE.to_owned())) }
    }

    /// All objects of a kind, of every namespace or of none, that have these labels.
    pub(super) async fn list_everywhere<K>(&self, labels: &str) -> Result<Vec<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let call = format!("list {}", K::plural(&()));
        self.listed(&call, &self.objects::<K>(None), &ListParams::default().labels(labels)).await
    }

    /// All objects of a kind in a namespace that have these labels (`a=b,c=d`; empty means all objects).
    pub(super) async fn list_in<K>(&self, namespace: &str, labels: &str) -> Result<Vec<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let call = format!("list {} in {namespace}", K::plural(&()));
        self.listed(&call, &self.objects::<K>(Some(namespace)), &ListParams::default().labels(labels)).await
    }

    async fn listed<K>(
        &self,
        call: &str,
        of: &kube::Api<DynamicObject>,
        params: &ListParams,
    ) -> Result<Vec<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let objects = self.call(call, of.list(params)).await?.items;
        objects.into_iter().map(|object| self.typed(call, object)).collect()
    }

    /// One object; none if there is none of this name.
    pub(super) async fn get<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let call = format!("get {} {namespace}/{name}", K::plural(&()));
        let object = self.call(&call, self.objects::<K>(Some(namespace)).get_opt(name)).await?;
        object.map(|object| self.typed(&call, object)).transpose()
    }

    /// The body of the answer to a GET; none if the server does not have the path.
    pub(super) async fn text(&self, path: &str) -> Result<Option<String>, ApiError> {
        let call = format!("get {path}");
        let request = hyper::Request::get(path).body(Vec::new());
        let request =
            request.map_err(|error| garbled(&self.server, &call, format!("{path} is not a valid path: {error}")))?;
        let answer = self.call(&call, async {
            match self.client.request_text(request).await {
                Ok(text) => Ok(Some(text)),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                Err(error) => Err(error),
            }
        });
        answer.await
    }

    /// The answer to a GET, parsed as a type that k8s-openapi does not have; none if the server does not have the path.
    pub(super) async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(path).await? else { return Ok(None) };
        let read = serde_json::from_str(&text).map(Some);
        read.map_err(|error| garbled(&self.server, &format!("get {path}"), error.to_string()))
    }
}

/// A text as it stands in a query.
fn in_query(text: &str) -> String {
    let mut written = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            written.push(char::from(octet));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(written, "%{octet:02X}");
        }
    }
    written
}

/// The error about an answer that cannot be read.
pub(super) fn garbled(server: &str, call: &str, problem: String) -> ApiError {
    ApiError::Garbled { server: server.to_owned(), call: call.to_owned(), problem }
}
