//! Threads that enter network namespaces, ask, and end.
//!
//! A thread that has entered a namespace is never used for another one, and the main thread enters none.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns};
use tokio::sync::watch;

use super::capture::{Wanted, capture};

use super::look::{LookError, look};
use super::view::OWN_NETNS;
use lab_base::failure::chain;
use lab_model::request::{Answer, Answered, Ask, Request};

/// Namespaces that are looked into at the same time, captures not counted.
const AT_ONCE: usize = 16;

/// Why a namespace could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// Its file cannot be opened.
    #[error("cannot open the namespace {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kernel does not let this process in.
    #[error("cannot enter the namespace {}", path.display())]
    Enter {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Enters a namespace of this kind with this thread, unless it is in there already: that would be allowed to nobody
/// (user namespaces), or not to everybody (the others).
pub(super) fn enter(path: &Path, kind: CloneFlags, own: &str) -> Result<(), EnterError> {
    let open = |path: &Path| -> Result<(File, (u64, u64)), EnterError> {
        let failed = |source| EnterError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok((file, (metadata.dev(), metadata.ino())))
    };
    let (file, wanted) = open(path)?;
    let (_own, current) = open(Path::new(own))?;
    if wanted == current {
        return Ok(());
    }
    setns(file, kind).map_err(|errno| EnterError::Enter { path: path.to_owned(), source: errno.into() })
}

/// Runs a future with this thread inside this namespace.
fn inside<T>(netns: Option<&Path>, future: impl Future<Output = Result<T, LookError>>) -> Result<T, String> {
    if let Some(path) = netns {
        enter(path, CloneFlags::CLONE_NEWNET, OWN_NETNS).map_err(|error| chain(&error))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot build the probe's runtime: {error}"))?;
    runtime.block_on(future).map_err(|error| chain(&error))
}

/// An index into the list of questions, and the answer.
type Indexed = (usize, Result<Answer, String>);

/// Answers all questions, in their order, those without a namespace about `netns`, or the one of this process.
///
/// Namespaces are looked into at the same time, the questions about one namespace one after the other, and captures
/// beside everything: all else begins when they run, and `ready` is called then. If one cannot, the others end at once,
/// and nothing else is asked. Captures end when `stop` says true, or when its sender is gone.
pub fn answers(
    asks: &[Ask],
    netns: Option<&Path>,
    ready: impl FnOnce(),
    stop: &watch::Receiver<bool>,
) -> Vec<Answered> {
    let place_of = |ask: &'_ Ask| ask.netns.clone().or_else(|| netns.map(Path::to_owned));
    let (captures, others): (Vec<_>, Vec<_>) =
        asks.iter().enumerate().partition(|(_index, ask)| matches!(ask.request, Request::Capture { .. }));
    let (answer, answered) = mpsc::channel::<Indexed>();
    let (abort, aborted) = watch::channel(false);
    thread::scope(|scope| {
        let (running, ran) = mpsc::channel::<bool>();
        for &(index, ask) in &captures {
            let (answer, running, netns) = (answer.clone(), running.clone(), place_of(ask));
            let (mut stop, mut aborted) = (stop.clone(), aborted.clone());
            let (unspawned, unheard) = (answer.clone(), running.clone());
            let thread = thread::Builder::new().spawn_scoped(scope, move || {
                let mut told = false;
                let stop = async {
                    tokio::select! {
                        // An error is a sender that has gone: nobody else would end this capture.
                        _told = stop.wait_for(|stop| *stop) => {}
                        _told = aborted.wait_for(|abort| *abort) => {}
                    }
                };
                let result = unwound(|| {
                    let ready = || {
                        told = true;
                        // Nobody listens any more once another capture has failed.
                        let _ = running.send(true);
                    };
                    inside(netns.as_deref(), one_capture(ask, ready, stop))
                });
                if !told {
                    let _ = running.send(false);
                }
                let _ = answer.send((index, result));
            });
            if let Err(error) = thread {
                let _ = unheard.send(false);
                let _ = unspawned.send((index, Err(no_thread(&error))));
            }
        }
        let all_run = captures.iter().all(|_capture| ran.recv() == Ok(true));
        if all_run {
            if !captures.is_empty() {
                ready();
            }
            look_around(scope, &others, place_of, &answer);
        } else {
            let _ = abort.send(true);
            for (index, _ask) in &others {
                let _ = answer.send((*index, Err("not asked, because a capture could not begin".to_owned())));
            }
        }
    });
    drop(answer);
    let mut all: Vec<Option<Result<Answer, String>>> = asks.iter().map(|_ask| None).collect();
    for (index, result) in answered {
        all[index] = Some(result);
    }
    let pair = |(ask, result): (&Ask, Option<Result<Answer, String>>)| Answered {
        place: ask.place.clone(),
        answer: result.unwrap_or_else(|| Err("the probe's thread ended without an answer".to_owned())),
    };
    asks.iter().zip(all).map(pair).collect()
}

/// Asks everything that is no capture, with a thread for each namespace.
fn look_around<'scope, 'asks: 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    asks: &[(usize, &'asks Ask)],
    place_of: impl Fn(&Ask) -> Option<PathBuf>,
    answer: &mpsc::Sender<Indexed>,
) {
    let mut groups: BTreeMap<Option<PathBuf>, Vec<(usize, &Ask)>> = BTreeMap::new();
    for &(index, ask) in asks {
        groups.entry(place_of(ask)).or_default().push((index, ask));
    }
    let (done, ended) = mpsc::channel();
    for (number, (netns, group)) in groups.into_iter().enumerate() {
        if number >= AT_ONCE {
            // One ends for each that begins from here on. It cannot be closed: `done` is held here.
            let _ = ended.recv();
        }
        let (unspawned, indexes) = (answer.clone(), group.iter().map(|(index, _ask)| *index).collect::<Vec<_>>());
        let (answer, one_less, done) = (answer.clone(), done.clone(), done.clone());
        let thread = thread::Builder::new().spawn_scoped(scope, move || {
            for (index, ask) in group {
                let result = unwound(|| inside(netns.as_deref(), look(&ask.request)));
                let _ = answer.send((index, result));
            }
            let _ = done.send(());
        });
        if let Err(error) = thread {
            let _ = one_less.send(());
            for index in indexes {
                let _ = unspawned.send((index, Err(no_thread(&error))));
            }
        }
    }
}

fn no_thread(error: &io::Error) -> String {
    format!("no thread could be started: {error}")
}

async fn one_capture(ask: &Ask, ready: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<Answer, LookError> {
    match &ask.request {
        Request::Capture { device, filter, deadline, pcap } => {
            let wanted = Wanted { place: &ask.place, device, filter, deadline: *deadline, pcap: pcap.as_deref() };
            capture(wanted, ready, stop).await.map(Answer::Captured)
        }
        other => look(other).await,
    }
}

/// A panic is an answer too: the other questions are still worth asking.
fn unwound<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(format!("the probe panicked: {}", told(&*panic))))
}

fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}
