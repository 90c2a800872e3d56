//! Watches objects for the waits (Kubernetes API concepts: "Efficient detection of changes").

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kube::Resource;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use super::call::{Api, garbled};
use super::error::ApiError;
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};

/// A watch ends after this time, and is begun again. A watch on which nothing arrives for five seconds more counts as dead:
/// the server of a paused container is gone without closing the connection.
const WATCH_SECONDS: u32 = 20;
/// The time between two calls when the server does not answer, or when there is nothing to watch.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// How long to wait, and what to call with what is seen meanwhile.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// The wait fails after this time.
    pub deadline: Duration,
    /// Called with a text that says what is seen, whenever it changes: `kind-worker NotReady (cni plugin not
    /// initialized)`.
    pub say: &'a dyn Fn(String),
}

impl Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Patience<'_> {
    /// Waits for `what` with a future that notes what it sees in [`Seen`].
    pub(super) async fn wait<T>(
        &self,
        what: &str,
        body: impl AsyncFnOnce(&Seen<'_>) -> Result<T, String>,
    ) -> Result<T, WaitError> {
        let begun = clock::now();
        let seen = Seen { last: RefCell::new(None), say: self.say };
        match clock::within(self.deadline, what, body(&seen)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reason)) => Err(WaitError::Failed { what: what.to_owned(), waited: begun.elapsed(), reason }),
            Err(_late) => {
                let (what, deadline) = (what.to_owned(), self.deadline);
                Err(WaitError::Deadline { what, deadline, last: seen.last.into_inner() })
            }
        }
    }
}

impl Patience<'_> {
    /// Waits for `what` by repeating a check, where nothing can be watched.
    pub(super) async fn poll<T>(
        &self,
        what: &str,
        mut check: impl AsyncFnMut() -> Poll<T, String>,
    ) -> Result<T, WaitError> {
        let seen = Seen { last: RefCell::new(None), say: self.say };
        let check = async || {
            let poll = check().await;
            if let Poll::NotYet(status) = &poll {
                seen.note(status.clone());
            }
            poll
        };
        clock::until(self.deadline, AGAIN, what, check).await
    }
}

/// What a wait has seen last.
pub(super) struct Seen<'a> {
    last: RefCell<Option<String>>,
    say: &'a dyn Fn(String),
}

impl Seen<'_> {
    /// Notes a status, and reports it if it has changed.
    pub(super) fn note(&self, status: String) {
        if self.last.borrow().as_ref() != Some(&status) {
            (self.say)(status.clone());
            *self.last.borrow_mut() = Some(status);
        }
    }

    /// Returns the result that ends the wait, if the check has one; otherwise notes the status.
    pub(super) fn weigh<T>(&self, poll: Poll<T, String>) -> Option<Result<T, String>> {
        match poll {
            Poll::Ready(value) => Some(Ok(value)),
            Poll::Failed(reason) => Some(Err(reason)),
            Poll::NotYet(status) => {
                self.note(status);
                None
            }
        }
    }
}

/// The current objects of one watch.
pub(super) struct Watched<K> {
    api: Api,
    call: String,
    events: BoxStream<'static, Result<Event<DynamicObject>, watcher::Error>>,
    objects: BTreeMap<String, K>,
    /// The objects of a list that is not complete yet. Until it is, `objects` are those of the last complete list.
    coming: Option<BTreeMap<String, K>>,
    listed: bool,
    trouble: Option<ApiError>,
}

impl Api {
    /// Watches objects of a kind in a namespace, or of all.
    pub(super) fn watch<K>(&self, namespace: Option<&str>, config: watcher::Config) -> Watched<K>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        Watched {
            api: self.clone(),
            call: format!("watch {}", K::plural(&())),
            events: watcher(self.objects::<K>(namespace), config.timeout(WATCH_SECONDS)).backoff(Steady).boxed(),
            objects: BTreeMap::new(),
            coming: None,
            listed: false,
            trouble: None,
        }
    }
}

impl<K: Resource<DynamicType = ()> + DeserializeOwned> Watched<K> {
    /// Waits for the next change of the objects, or of an error of the server. The future may be dropped at any time.
    pub(super) async fn changed(&mut self) {
        loop {
            // The watcher never ends; if it did, no change could come any more.
            let Some(event) = self.events.next().await else { return std::future::pending().await };
            if self.take(event) {
                return;
            }
        }
    }

    fn take(&mut self, event: Result<Event<DynamicObject>, watcher::Error>) -> bool {
        let taken = event.map_err(|error| self.api_error(&error)).and_then(|event| self.note(event));
        match taken {
            Ok(changed) => {
                if changed {
                    self.trouble = None;
                }
                changed
            }
            Err(error) => {
                self.trouble = Some(error);
                true
            }
        }
    }

    /// Whether the event has changed the objects.
    fn note(&mut self, event: Event<DynamicObject>) -> Result<bool, ApiError> {
        match event {
            Event::Init => {
                self.coming = Some(BTreeMap::new());
                return Ok(false);
            }
            Event::InitApply(object) => {
                let name = key(&object);
                let object = self.api.typed(&self.call, object)?;
                self.coming.get_or_insert_default().insert(name, object);
                return Ok(false);
            }
            Event::InitDone => {
                self.objects = self.coming.take().unwrap_or_default();
                self.listed = true;
            }
            Event::Apply(object) => {
                let name = key(&object);
                self.objects.insert(name, self.api.typed(&self.call, object)?);
            }
            Event::Delete(object) => drop(self.objects.remove(&key(&object))),
        }
        Ok(true)
    }

    fn api_error(&self, error: &watcher::Error) -> ApiError {
        use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
        let (server, call) = (self.api.server(), &self.call);
        match error {
            InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
                ApiError::from_kube(server, call, error)
            }
            WatchError(status) => ApiError::Refused {
                server: server.to_owned(),
                call: call.clone(),
                code: status.code,
                reason: status.message.clone(),
            },
            NoResourceVersion => garbled(server, call, "a list without resourceVersion".to_owned()),
        }
    }

    /// The current objects; or, before they were listed and while the server does not answer, the reason.
    pub(super) fn objects(&self) -> Result<Vec<&K>, String> {
        match &self.trouble {
            Some(error) => Err(error.briefly()),
            None if !self.listed => Err(format!("no answer yet ({})", self.call)),
            None => Ok(self.objects.values().collect()),
        }
    }
}

fn key(object: &DynamicObject) -> String {
    let meta = &object.metadata;
    format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

/// A constant pause between retries; the wait has a deadline of its own.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(AGAIN)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
