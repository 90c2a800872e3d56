//! Objects that are watched while something is waited for (Kubernetes API concepts: "Efficient detection of changes").

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kube::Resource;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use super::call::Api;
use super::error::ApiError;
use lab_base::clock;
use lab_base::clock::{Poll, WaitError};

/// A watch that says nothing for this long, and five seconds more, is begun anew: the server may be gone without
/// having closed it, as a paused container's is.
const WATCH_SECONDS: u32 = 20;
/// Between two questions to a server that does not answer, or has nothing that could be watched.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// How long something is waited for, and who hears of what is seen meanwhile.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// The wait ends with an error after it.
    pub deadline: Duration,
    /// Told what is seen, in words, whenever that changes: `kind-worker NotReady (cni plugin not initialized)`.
    pub say: &'a dyn Fn(String),
}

impl Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Patience<'_> {
    /// Waits for `what` by a future that notes down what it sees.
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
    /// Waits for `what` by asking again and again, where nothing can be watched.
    pub(super) async fn poll<T>(
        &self,
        what: &str,
        mut check: impl AsyncFnMut() -> Poll<T, String>,
    ) -> Result<T, WaitError> {
        let seen = Seen { last: RefCell::new(None), say: self.say };
        let check = async || {
            let poll = check().await;
            if let Poll::NotYet(words) = &poll {
                seen.note(words.clone());
            }
            poll
        };
        clock::until(self.deadline, AGAIN, what, check).await
    }
}

/// What was seen last.
pub(super) struct Seen<'a> {
    last: RefCell<Option<String>>,
    say: &'a dyn Fn(String),
}

impl Seen<'_> {
    /// Notes it down, and tells it if it is news.
    pub(super) fn note(&self, words: String) {
        if self.last.borrow().as_ref() != Some(&words) {
            (self.say)(words.clone());
            *self.last.borrow_mut() = Some(words);
        }
    }

    /// Notes down why it is not yet so, or ends the wait.
    pub(super) fn weigh<T>(&self, poll: Poll<T, String>) -> Option<Result<T, String>> {
        match poll {
            Poll::Ready(value) => Some(Ok(value)),
            Poll::Failed(reason) => Some(Err(reason)),
            Poll::NotYet(words) => {
                self.note(words);
                None
            }
        }
    }
}

/// The objects of one watch, as they are now.
pub(super) struct Watched<K> {
    server: String,
    call: String,
    events: BoxStream<'static, Result<Event<K>, watcher::Error>>,
    objects: BTreeMap<String, K>,
    /// What a list that is under way has brought so far; the objects are those of the last whole list until it is whole.
    coming: Option<BTreeMap<String, K>>,
    listed: bool,
    trouble: Option<ApiError>,
}

impl Api {
    /// Watches objects of a kind.
    pub(super) fn watch<K>(&self, of: kube::Api<K>, config: watcher::Config) -> Watched<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        Watched {
            server: self.server().to_owned(),
            call: format!("watch {}", K::plural(&())),
            events: watcher(of, config.timeout(WATCH_SECONDS)).backoff(Steady).boxed(),
            objects: BTreeMap::new(),
            coming: None,
            listed: false,
            trouble: None,
        }
    }
}

impl<K: Resource<DynamicType = ()> + Debug + 'static> Watched<K> {
    /// Waits for the next change, of the objects or of what is wrong with the server. Can be abandoned at any time.
    pub(super) async fn changed(&mut self) {
        loop {
            // The watcher goes on for ever; if it did not, there would be nothing left to wait for.
            let Some(event) = self.events.next().await else { return std::future::pending().await };
            if self.take(event) {
                return;
            }
        }
    }

    fn take(&mut self, event: Result<Event<K>, watcher::Error>) -> bool {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                self.trouble = Some(self.told(&error));
                return true;
            }
        };
        match event {
            Event::Init => {
                self.coming = Some(BTreeMap::new());
                return false;
            }
            Event::InitApply(object) => {
                self.coming.get_or_insert_default().insert(key(&object), object);
                return false;
            }
            Event::InitDone => {
                self.objects = self.coming.take().unwrap_or_default();
                self.listed = true;
            }
            Event::Apply(object) => drop(self.objects.insert(key(&object), object)),
            Event::Delete(object) => drop(self.objects.remove(&key(&object))),
        }
        self.trouble = None;
        true
    }

    fn told(&self, error: &watcher::Error) -> ApiError {
        use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
        match error {
            InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
                ApiError::from_kube(&self.server, &self.call, error)
            }
            WatchError(status) => ApiError::Refused {
                server: self.server.clone(),
                call: self.call.clone(),
                code: status.code,
                reason: status.message.clone(),
            },
            NoResourceVersion => ApiError::Garbled {
                server: self.server.clone(),
                call: self.call.clone(),
                problem: "a list without resourceVersion".to_owned(),
            },
        }
    }

    /// The objects by now; none before they were listed, or while the server does not answer, and why.
    pub(super) fn objects(&self) -> Result<Vec<&K>, String> {
        match &self.trouble {
            Some(error) => Err(error.briefly()),
            None if !self.listed => Err(format!("no answer yet ({})", self.call)),
            None => Ok(self.objects.values().collect()),
        }
    }
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    let meta = object.meta();
    format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

/// The same pause each time: what is waited for has a deadline of its own.
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
