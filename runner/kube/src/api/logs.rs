//! Logs of containers and events of the cluster, for errors and for the artefacts of a failed run.

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::LogParams;

use super::call::Api;
use super::error::ApiError;
use super::shorten::cut;
use super::stuck::Stuck;
use crate::excerpt::{errors_in, excerpt};

/// How many lines of a log an error repeats, how many of them begin like errors, and how many characters of each line.
const QUOTED: usize = 5;
const ERRORS: usize = 2;
const LINE: usize = 300;
/// How many lines are read for that: a crash ends with a trace of some dozens.
const READ: u32 = 200;

impl Api {
    /// The last lines of a container's log (`GET …/pods/NAME/log`); with `previous`, of the container that ran before the
    /// current one.
    ///
    /// # Errors
    /// When there is no such container, or its kubelet does not answer.
    #[boxed(?Send)]
    pub async fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        lines: u32,
    ) -> Result<String, ApiError> {
        let pods: kube::Api<Pod> = kube::Api::namespaced(self.client(), namespace);
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines.into()),
            previous,
            ..LogParams::default()
        };
        let call = format!("get the log of {container} in {namespace}/{pod}");
        self.call(&call, pods.logs(pod, &params)).await
    }

    /// The events of the cluster as lines, oldest first: time, type, object, reason and message (`core/v1` Event, which
    /// the server keeps for an hour).
    ///
    /// # Errors
    /// When it cannot be listed.
    #[boxed(?Send)]
    pub async fn events(&self) -> Result<Vec<String>, ApiError> {
        let mut events = self.list::<Event>().await?;
        events.sort_by_key(when);
        Ok(events.iter().map(line).collect())
    }

    /// A text with the end of the log of a running container.
    pub(super) async fn end_of_log(&self, namespace: &str, pod: &str, container: &str) -> String {
        match self.log(namespace, pod, container, false, READ).await {
            Ok(log) if log.trim().is_empty() => format!("the log of {container} in {namespace}/{pod} is empty"),
            Ok(log) => {
                let end = end_of(&log);
                format!("the log of {container} in {namespace}/{pod} ends:\n{end}")
            }
            Err(error) => format!("the log of {container} in {namespace}/{pod} cannot be read: {}", error.briefly()),
        }
    }

    /// A text that says why a container is stuck, with the end of its log.
    pub(super) async fn stuck_with_log(&self, stuck: &Stuck) -> String {
        let summary = stuck.summary();
        if !stuck.has_run {
            return summary;
        }
        let Stuck { namespace, pod, container, .. } = stuck;
        // The log of the previous container comes first, because the current one may not have run yet. The previous one
        // may be gone already.
        let log = match self.log(namespace, pod, container, true, READ).await {
            Ok(log) if !log.trim().is_empty() => Ok(log),
            _ => self.log(namespace, pod, container, false, READ).await,
        };
        match log {
            Ok(log) if log.trim().is_empty() => format!("{summary}; its log is empty"),
            Ok(log) => format!("{summary}; its log ends:\n{}", end_of(&log)),
            Err(error) => format!("{summary}; its log cannot be read: {}", error.briefly()),
        }
    }
}

/// What an error quotes of a log.
fn end_of(log: &str) -> String {
    excerpt(log.lines().map(|line| cut(line, LINE)), QUOTED, errors_in(log).min(ERRORS)).join("\n")
}

/// The time of an event in seconds since 1970: `lastTimestamp` of a counted event, `eventTime` of a single one.
fn when(event: &Event) -> Option<i64> {
    let counted = event.last_timestamp.as_ref().map(|time| time.0.as_second());
    counted.or_else(|| event.event_time.as_ref().map(|time| time.0.as_second()))
}

fn line(event: &Event) -> String {
    let time = when(event).and_then(|seconds| u64::try_from(seconds).ok());
    let time = time.map_or_else(
        || "no time".to_owned(),
        |seconds| lab_base::clock::rfc3339(std::time::Duration::from_secs(seconds)),
    );
    let object = &event.involved_object;
    let namespace = object.namespace.as_deref().map(|name| format!("{name}/")).unwrap_or_default();
    let times = event.count.filter(|count| *count > 1).map(|count| format!(" ({count} times)")).unwrap_or_default();
    format!(
        "{time} {} {} {namespace}{} {}: {}{times}",
        event.type_.as_deref().unwrap_or("-"),
        object.kind.as_deref().unwrap_or("-"),
        object.name.as_deref().unwrap_or("-"),
        event.reason.as_deref().unwrap_or("-"),
        cut(event.message.as_deref().unwrap_or_default(), 2000),
    )
}
