//! What reading a cluster that is there already needs: that it answers, that Cilium is in it, and rights. Nothing is tried
//! but questions.

use std::path::Path;

use crate::{Outcome, Row, files};
use lab_cluster::ForeignCluster;
use lab_cluster::tier::{READ, Right, probe};
use lab_kube::access::{IN_CLUSTER, Reached};
use lab_model::foreign::{Configuration, Mode};

/// Where Cilium is where it could not be looked for.
const USUAL: &str = "kube-system";

/// What of the probe tier is asked about.
#[derive(Debug, Clone, Copy)]
pub struct ProbeTier<'a> {
    /// It is wanted: a right that is missing is a refusal. Else it is a warning: the cluster can be read without it.
    pub wanted: bool,
    /// The namespace that is there for it.
    pub namespace: Option<&'a str>,
}

/// Checks the cluster. `namespace` is where Cilium is, if that was said; `read` makes a configuration of what was seen; `sent`
/// is none where only reading is asked about.
pub async fn cluster(
    reached: &Reached,
    namespace: Option<&str>,
    runs_dir: &Path,
    sent: Option<ProbeTier<'_>>,
    read: &dyn Fn(&ForeignCluster) -> Configuration,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let why = "all that is judged is read through the API server";
    match reached.api.version().await {
        Ok(version) => rows.push(Row::ok("cluster.api", format!("{}, {version}", reached.api.server()), why)),
        Err(error) => {
            let remedy = "check the kubeconfig, and that its server can be reached from here";
            rows.push(Row::bad(Outcome::Refusal, "cluster.api", error.briefly(), why, remedy));
            return rows;
        }
    }
    let survey = Box::pin(lab_cluster::Survey::take(reached, namespace)).await;
    let why = "agents are asked, and their configuration decides what each case expects";
    let at = match survey {
        Ok(survey) => {
            let cluster = ForeignCluster::of(reached, survey);
            rows.push(cilium(&read(&cluster), why));
            cluster.survey().namespace.clone()
        }
        Err(failure) => {
            let remedy = "see the rows below; where Cilium is elsewhere, give `--cilium-namespace NAME`";
            rows.push(Row::bad(Outcome::Refusal, "cluster.cilium", failure.message, why, remedy));
            namespace.unwrap_or(USUAL).to_owned()
        }
    };
    for right in READ {
        let otherwise = if right.needed { Outcome::Refusal } else { Outcome::Warning };
        rows.push(allowed(reached, right, Some(&at), otherwise, "").await);
    }
    if let Some(tier) = sent {
        let options = match tier.namespace {
            Some(namespace) => format!(" --tier probe --probe-namespace {namespace}"),
            None => " --tier probe".to_owned(),
        };
        for right in probe(tier.namespace.is_some()) {
            let otherwise = if right.needed && tier.wanted { Outcome::Refusal } else { Outcome::Warning };
            rows.push(allowed(reached, right, tier.namespace, otherwise, &options).await);
        }
    }
    rows.push(files::runs(runs_dir));
    rows
}

fn cilium(configuration: &Configuration, why: &str) -> Row {
    let found = configuration.in_words();
    let id = "cluster.cilium";
    match (&configuration.mode, configuration.unknown_version()) {
        (Mode::Tunnel(_), _) => {
            let remedy = "the cases are about native routing: there is nothing for them to look at here";
            Row::bad(Outcome::Refusal, id, found, why, remedy)
        }
        (_, Some(version)) => {
            let remedy =
                format!("of agents {version} nobody knows what most cases should expect; they will be unobserved");
            Row::bad(Outcome::Warning, id, found, why, remedy)
        }
        _ => Row::ok(id, found, why),
    }
}

/// Whether a right is there, and what it is otherwise that it is not.
async fn allowed(reached: &Reached, right: &Right, namespace: Option<&str>, otherwise: Outcome, options: &str) -> Row {
    let (id, asked) = (right.id(), right.in_words(namespace));
    match reached.api.may(&right.question(namespace)).await {
        Ok(Ok(())) => Row::ok(&id, format!("may {asked}"), right.why),
        Ok(Err(said)) => {
            let context = match reached.context.as_str() {
                IN_CLUSTER => String::new(),
                context => format!("kubectl --context {context} "),
            };
            let apply = if context.is_empty() { "kubectl apply".to_owned() } else { format!("{context}apply") };
            let remedy = format!(
                "an administrator adds the rule {}\nor all of them: lab doctor --on cluster{options} --rbac-for USER | {apply} -f -",
                right.rule()
            );
            Row::bad(otherwise, &id, format!("may not {asked}: {said}"), right.why, remedy)
        }
        Err(error) => {
            let remedy = "the server itself refuses the question, or does not answer";
            Row::bad(otherwise, &id, format!("{asked}: {}", error.briefly()), right.why, remedy)
        }
    }
}
