//! Taking away what was made, now and after a run that could not do it itself.

use futures_util::stream::{self, StreamExt};
use std::time::{Duration, Instant};

use super::objects::{EXPIRES, OWN, Ours, of_run, run_of};
use crate::reading::AT_ONCE;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_kube::api::{Api, ApiError};

/// A namespace is gone once all that is in it is; pods have a second for that.
const GONE: Duration = Duration::from_mins(2);
/// Between two checks.
const AGAIN: Duration = Duration::from_millis(500);
/// A request to make something may still be under way when its connection is closed.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// What an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The run; empty where a label is missing.
    pub run: String,
    /// The namespace.
    pub namespace: String,
    /// Until when it may be in use.
    pub expires: String,
    /// Whether that has passed.
    pub expired: bool,
}

/// Takes away what a run made: its namespace with all that is in it, or of a namespace that was there, its pods and its
/// Service. A line for each thing.
///
/// # Errors
/// What is left, and how to take it away.
pub(super) async fn take_down(api: &Api, ours: &Ours, context: &str) -> Result<Vec<String>, String> {
    let done = if ours.given {
        let counted = clear(api, &ours.namespace, &ours.selector()).await;
        counted.map(|Cleared { pods, services }| {
            format!("removed {pods} pods and {services} Service of the probe's from {}", ours.namespace)
        })
    } else {
        remove(api, &ours.namespace, &ours.run).await.map(|()| format!("removed the namespace {}", ours.namespace))
    };
    let done = done.map(|line| vec![line]);
    let given = if ours.given { format!(" --probe-namespace {}", ours.namespace) } else { String::new() };
    done.map_err(|why| {
        format!(
            "not everything is taken away: {why}. Its pods end by themselves; `lab down --on cluster --context {context}{given} \
             --name {}` takes away the rest",
            ours.run
        )
    })
}

/// Removes the namespace of a run with all that is in it, and waits until it is gone.
async fn remove(api: &Api, name: &str, run: &str) -> Result<(), String> {
    // Its pods first: where Kubernetes finds some that still end, it looks again later and later. What is left here goes
    // with the namespace.
    let _left = clear(api, name, &of_run(run)).await;
    let begun = clock::now();
    let what = format!("the removal of the namespace {name}");
    let gone = clock::until(GONE, AGAIN, &what, async || {
        // Each time, since one that was still being made would not have been there the first time.
        match api.namespace(name).await {
            Ok(Some(found)) if run_of(&found.labels) != Some(run) => {
                return Poll::Failed(format!("the namespace {name} is not of the run {run}, and is left"));
            }
            Ok(Some(found)) if !found.terminating => {}
            Ok(_) => return is_gone(api, name, begun).await,
            Err(error) if error.is_transient() => return Poll::NotYet(error.briefly()),
            Err(error) => return Poll::Failed(format!("the namespace {name}: {}", error.briefly())),
        }
        if let Err(error) = api.delete_namespace(name).await {
            if error.is_transient() {
                return Poll::NotYet(error.briefly());
            }
            // It is being removed already.
            if !matches!(error, ApiError::Refused { code: 409, .. }) {
                return Poll::Failed(format!("the namespace {name}: {}", error.briefly()));
            }
        }
        is_gone(api, name, begun).await
    });
    gone.await.map_err(|error| error.to_string())
}

async fn is_gone(api: &Api, name: &str, begun: Instant) -> Poll<(), String> {
    match api.namespace(name).await {
        Ok(None) if begun.elapsed() >= UNDER_WAY => Poll::Ready(()),
        Ok(None) => Poll::NotYet("it is gone".to_owned()),
        Ok(Some(_)) => Poll::NotYet(match api.pods_labelled(name, OWN).await {
            Ok(pods) => format!("the namespace {name} is there still, with {} pods", pods.len()),
            Err(error) => error.briefly(),
        }),
        Err(error) => Poll::NotYet(error.briefly()),
    }
}

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cleared {
    pods: usize,
    services: usize,
}

/// Removes the pods and Services of a namespace that have these labels, and waits until they are gone.
async fn clear(api: &Api, namespace: &str, labels: &str) -> Result<Cleared, String> {
    let mut cleared = Cleared::default();
    let what = format!("the removal of pods from {namespace}");
    let gone = clock::until(GONE, AGAIN, &what, async || {
        let (pods, services) =
            match (api.pods_labelled(namespace, labels).await, api.own_services(namespace, labels).await) {
                (Ok(pods), Ok(services)) => (pods, services),
                (Err(error), _) | (_, Err(error)) if error.is_transient() => return Poll::NotYet(error.briefly()),
                (Err(error), _) | (_, Err(error)) => return Poll::Failed(error.briefly()),
            };
        if pods.is_empty() && services.is_empty() {
            return Poll::Ready(());
        }
        for service in &services {
            match api.delete_service(namespace, service).await {
                Ok(()) => cleared.services += 1,
                Err(error) if error.is_transient() => {}
                Err(error) => return Poll::Failed(error.briefly()),
            }
        }
        let ending = stream::iter(pods.iter().filter(|pod| !pod.terminating))
            .map(|pod| api.delete_pod(namespace, &pod.name))
            .buffer_unordered(AT_ONCE);
        for deleted in ending.collect::<Vec<_>>().await {
            match deleted {
                Ok(()) => cleared.pods += 1,
                Err(error) if error.is_transient() => {}
                Err(error) => return Poll::Failed(error.briefly()),
            }
        }
        Poll::NotYet(format!("{} pods and {} Services are there still", pods.len(), services.len()))
    });
    gone.await.map_err(|error| error.to_string())?;
    Ok(cleared)
}

/// Which of what earlier runs left is meant.
fn is_meant(left: &Left, run: Option<&str>, all: bool) -> bool {
    all || run.map_or(left.expired, |run| run == left.run)
}

/// Takes away what earlier runs left: what has expired, that of one run, or all. In a namespace that was there, everything
/// of this program's. A line for each thing that was taken away, and for each that was left.
///
/// # Errors
/// When the server does not tell what there is, or something could not be taken away.
pub async fn sweep(api: &Api, given: Option<&str>, run: Option<&str>, all: bool) -> Result<Vec<String>, String> {
    if let Some(namespace) = given {
        let cleared = clear(api, namespace, &run.map_or_else(|| OWN.to_owned(), of_run)).await?;
        let Cleared { pods, services } = cleared;
        let line = (cleared != Cleared::default())
            .then(|| format!("removed {pods} pods and {services} Services of the probe's from {namespace}"));
        return Ok(line.into_iter().collect());
    }
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for left in listed(api).await? {
        let Left { run: of, namespace, expires, .. } = &left;
        if !is_meant(&left, run, all) {
            lines.push(format!(
                "left the namespace {namespace} of run {of}, which may be in use until {expires}: `--name {of}` removes it"
            ));
            continue;
        }
        match remove(api, namespace, of).await {
            Ok(()) => lines.push(format!("removed the namespace {namespace} of run {of}")),
            Err(why) => failed.push(why),
        }
    }
    if failed.is_empty() { Ok(lines) } else { Err(failed.join("\n")) }
}

/// What earlier runs left.
async fn listed(api: &Api) -> Result<Vec<Left>, String> {
    let namespaces = api.own_namespaces(OWN).await.map_err(|error| error.briefly())?;
    let now = clock::rfc3339(clock::unix_now());
    let left = namespaces.into_iter().filter_map(|namespace| {
        // Others may call their objects managed by a program of this name; the run's label is this one's own.
        let run = run_of(&namespace.labels)?.to_owned();
        let expires = namespace.annotations.get(EXPIRES).cloned().unwrap_or_default();
        // Times of this form are in the order of their texts.
        Some(Left { run, namespace: namespace.name, expired: expires < now, expires })
    });
    Ok(left.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_in_use_is_left_unless_it_is_meant() {
        let left = |run: &str, expired| Left {
            run: run.to_owned(),
            namespace: format!("lab-probe-{run}"),
            expires: String::new(),
            expired,
        };
        assert!(is_meant(&left("a", true), None, false) && !is_meant(&left("a", false), None, false));
        assert!(is_meant(&left("a", false), Some("a"), false) && !is_meant(&left("a", true), Some("b"), false));
        assert!(is_meant(&left("a", false), None, true));
    }
}
