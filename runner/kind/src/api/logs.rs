//! What containers and the cluster said: logs and events, for errors and for what is kept of a failure.

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::LogParams;

use super::call::Api;
use super::error::ApiError;
use super::stuck::Stuck;
use super::words::{cut, last_lines};

/// Of a log, what an error repeats: lines, and characters of each.
const LAST_LINES: usize = 5;
const LINE: usize = 300;

impl Api {
    /// The end of a container's log, at most so many lines (`GET …/pods/NAME/log`); of the container before it where
    /// `previous` is set.
    ///
    /// # Errors
    /// When there is no such container, or its kubelet does not answer.
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

    /// What happened in the cluster, oldest first, a line each: time, type, object, reason and message (`core/v1`
    /// Event, which the server keeps for an hour).
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn events(&self) -> Result<Vec<String>, ApiError> {
        let mut events = self.list::<Event>().await?;
        events.sort_by_key(when);
        Ok(events.iter().map(line).collect())
    }

    /// The end of the log of a container that runs.
    pub(super) async fn log_ends(&self, namespace: &str, pod: &str, container: &str) -> String {
        let lines = u32::try_from(LAST_LINES).unwrap_or(u32::MAX);
        match self.log(namespace, pod, container, false, lines).await {
            Ok(log) if log.trim().is_empty() => format!("the log of {container} in {namespace}/{pod} is empty"),
            Ok(log) => {
                let end = last_lines(&log, LAST_LINES, LINE);
                format!("the log of {container} in {namespace}/{pod} ends:\n{end}")
            }
            Err(error) => format!("the log of {container} in {namespace}/{pod} cannot be read: {}", error.briefly()),
        }
    }

    /// Why a container is stuck, with the last it wrote.
    pub(super) async fn last_words(&self, stuck: &Stuck) -> String {
        let words = stuck.words();
        if !stuck.has_run {
            return words;
        }
        let Stuck { namespace, pod, container, .. } = stuck;
        let lines = u32::try_from(LAST_LINES).unwrap_or(u32::MAX);
        // The container that is there now may not have run yet; the one before it may be gone already.
        let log = match self.log(namespace, pod, container, true, lines).await {
            Ok(log) if !log.trim().is_empty() => Ok(log),
            _ => self.log(namespace, pod, container, false, lines).await,
        };
        match log {
            Ok(log) if log.trim().is_empty() => format!("{words}; its log is empty"),
            Ok(log) => format!("{words}; its log ends:\n{}", last_lines(&log, LAST_LINES, LINE)),
            Err(error) => format!("{words}; its log cannot be read: {}", error.briefly()),
        }
    }
}

/// Events are counted (`lastTimestamp`) or single (`eventTime`).
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
