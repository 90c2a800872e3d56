//! Which cluster is meant, where it is somebody's own: a context of a kubeconfig, by its name or confirmed, or the cluster
//! that this program runs in. Nothing is taken for meant that was not said.

use async_recursion::async_recursion as boxed;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::path::PathBuf;
use std::time::Duration;

use crate::api::Api;
use lab_base::failure::{Failure, chain, code};

/// A connection to a server far away takes longer than one on this host.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing arrives for this long counts as dead.
const SILENCE: Duration = Duration::from_mins(1);
/// The deadline of a call: a list of a large cluster takes seconds.
const CALL: Duration = Duration::from_secs(45);
/// What stands for the context where there is none.
pub const IN_CLUSTER: &str = "in-cluster";

/// What was said of the cluster that is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig (`--kubeconfig`); else the files that `KUBECONFIG` names, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context that is meant (`--context`).
    pub context: Option<String>,
    /// The kubeconfig's current context is meant (`--current-context`).
    pub current: bool,
    /// The cluster that this program runs in is meant (`--in-cluster`).
    pub in_cluster: bool,
}

/// A cluster that can be asked.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Its API server.
    pub api: Api,
    /// The context's name, or [`IN_CLUSTER`].
    pub context: String,
}

impl Access {
    /// A client of the cluster that is meant. The server is not contacted yet.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Exit code 2 where it was not said which cluster is meant, with the contexts that there are; 3 where the kubeconfig
    /// cannot be used.
    #[boxed(?Send)]
    pub async fn connect(&self) -> Result<Reached, Failure> {
        if self.in_cluster {
            let config = Config::incluster().map_err(|error| Failure {
                code: code::USAGE,
                message: format!("--in-cluster: this program runs in no pod with a service account: {}", chain(&error)),
            })?;
            return finished(config, IN_CLUSTER.to_owned(), IN_CLUSTER);
        }
        let (kubeconfig, place) = self.read()?;
        let context = self.choose(&kubeconfig, &place)?;
        let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        finished(config.map_err(|error| unusable(&place, &chain(&error)))?, context, &place)
    }

    fn read(&self) -> Result<(Kubeconfig, String), Failure> {
        let (read, place) = match &self.kubeconfig {
            Some(file) => (Kubeconfig::read_from(file), file.display().to_string()),
            None => (Kubeconfig::read(), found_place()),
        };
        Ok((read.map_err(|error| unusable(&place, &chain(&error)))?, place))
    }

    /// The context that is meant.
    fn choose(&self, kubeconfig: &Kubeconfig, place: &str) -> Result<String, Failure> {
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        let there = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        let known = |name: &str| names.contains(&name);
        let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
        match (&self.context, self.current, current) {
            (Some(name), ..) if known(name) => Ok(name.clone()),
            (Some(name), ..) => Err(Failure::usage(format!("--context {name}: {place} has no such context; {there}"))),
            (None, true, Some(name)) if known(name) => Ok(name.to_owned()),
            (None, true, Some(name)) => Err(Failure::usage(format!(
                "--current-context: {place} names {name:?}, and has no such context; {there}"
            ))),
            (None, true, None) => {
                Err(Failure::usage(format!("--current-context: {place} names no current context; {there}")))
            }
            (None, false, current) => {
                let confirm = current.map(|name| format!(", or `--current-context` for {name}")).unwrap_or_default();
                Err(Failure::usage(format!(
                    "it is not said which cluster is meant, and none is taken unsaid: give `--context NAME` of {place}; \
                     {there}{confirm}"
                )))
            }
        }
    }
}

/// Where a kubeconfig is looked for that was not named, in words.
fn found_place() -> String {
    match std::env::var("KUBECONFIG") {
        Ok(files) if !files.is_empty() => files,
        _ => "~/.kube/config".to_owned(),
    }
}

fn unusable(place: &str, problem: &str) -> Failure {
    Failure { code: code::INPUT, message: format!("the kubeconfig {place} cannot be used: {problem}") }
}

fn finished(mut config: Config, context: String, place: &str) -> Result<Reached, Failure> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.default_retry = false;
    // Without TLS there is nothing to verify: a machine without certificate authorities of its own has no need of them.
    if config.cluster_url.scheme_str() == Some("http") {
        config.root_cert = Some(Vec::new());
    }
    let api = Api::with_config(config).map_err(|error| unusable(place, &chain(&error)))?;
    Ok(Reached { api: api.with_deadline(CALL), context })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(current: &str) -> Kubeconfig {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {current}\ncontexts:\n- name: staging\n  context: {{cluster: a, user: a}}\n\
             - name: production\n  context: {{cluster: b, user: b}}\n"
        );
        Kubeconfig::from_yaml(&text).unwrap()
    }

    fn chosen(access: &Access, current: &str) -> Result<String, String> {
        access.choose(&kubeconfig(current), "their.yaml").map_err(|failure| {
            assert_eq!(failure.code, code::USAGE);
            failure.message
        })
    }

    #[test]
    fn no_context_is_taken_that_was_not_said() {
        let unsaid = Access::default();
        assert_eq!(
            chosen(&unsaid, "production").unwrap_err(),
            "it is not said which cluster is meant, and none is taken unsaid: give `--context NAME` of their.yaml; it has \
             staging, production, or `--current-context` for production"
        );
        assert!(chosen(&unsaid, "\"\"").unwrap_err().ends_with("it has staging, production"));
        let named = |name: &str| Access { context: Some(name.to_owned()), ..Access::default() };
        assert_eq!(chosen(&named("staging"), "production").as_deref(), Ok("staging"));
        let why = "--context stagin: their.yaml has no such context; it has staging, production";
        assert_eq!(chosen(&named("stagin"), "production").unwrap_err(), why);
        let confirmed = Access { current: true, ..Access::default() };
        assert_eq!(chosen(&confirmed, "production").as_deref(), Ok("production"));
        assert!(chosen(&confirmed, "\"\"").unwrap_err().contains("names no current context"));
        assert!(chosen(&confirmed, "gone").unwrap_err().contains("names \"gone\""));
    }
}
