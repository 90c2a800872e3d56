//! The Helm release.

use serde_json::Value;
use std::collections::BTreeMap;

use super::written;
use crate::of_cluster;
use crate::weighing::Weighing;
use lab_model::expect::flatten;
use lab_model::expect::{ClusterExpectations, Expectations, FROM_CLUSTER};
use lab_model::observe::{HelmRelease, Place};
use lab_model::seen::ReleaseSeen;
use lab_model::{Judgement, Proof, Reason};

/// The release is deployed, of the pinned chart, in the right namespace, with all values that it should have and no
/// others; where the API server is, is the control plane's address now.
///
/// # Errors
/// [`Reason::NoRelease`] alone, or [`Reason::WrongChart`], [`Reason::ReleaseNotDeployed`], and for each value
/// [`Reason::WrongValue`], [`Reason::StaleServiceHost`] or [`Reason::UndeclaredValue`]. Unobserved where the control
/// plane's address is not known.
pub fn release_has_the_articles_values(seen: &ReleaseSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    let mut weighing = Weighing::default();
    let mut against = Against { cluster, weighing: &mut weighing };
    let Some(release) = &seen.release else {
        against.refute(
            Reason::NoRelease,
            format!("release {} in {}", cluster.release, cluster.namespace),
            "no such release".to_owned(),
            "list --all-namespaces",
        );
        return weighing.conclude(|| Proof::new(""));
    };
    against.chart(release);
    let mut values = BTreeMap::new();
    flatten("", &release.values, &mut values);
    let mut lines = Vec::new();
    for (key, wanted) in &cluster.values {
        if let Some(line) = against.value(key, wanted, values.get(key), seen) {
            lines.push(line);
        }
    }
    let mut own = Vec::new();
    for (key, found) in &values {
        if cluster.values.contains_key(key) {
            continue;
        }
        match cluster.own_values.get(key) {
            Some(wanted) if written(wanted) == written(found) => own.push(format!("{key}={}", written(found))),
            Some(_) | None => against.refute(
                Reason::UndeclaredValue,
                format!("no other values than {}", listed(&cluster.values)),
                format!("{key}={}", written(found)),
                "get values",
            ),
        }
    }
    if !own.is_empty() {
        lines.push(format!("the lab's own: {}", own.join(", ")));
    }
    let total = cluster.values.len();
    weighing.conclude(|| {
        Proof::new(format!(
            "{} {} in {}, revision {}, with {total} of {total} values",
            release.chart, release.chart_version, release.namespace, release.revision
        ))
        .with_details(lines)
    })
}

fn listed(values: &BTreeMap<String, Value>) -> String {
    values.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The release while it is compared.
struct Against<'a> {
    cluster: &'a ClusterExpectations,
    weighing: &'a mut Weighing,
}

impl Against<'_> {
    fn refute(&mut self, reason: Reason, expected: String, observed: String, command: &str) {
        let ClusterExpectations { release, namespace, .. } = self.cluster;
        let show = if command.starts_with("list") {
            format!("helm {command}")
        } else {
            format!("helm {command} {release} --namespace {namespace}")
        };
        self.weighing.refute(reason, Place::Bridge, expected, observed, Some(show));
    }

    fn chart(&mut self, found: &HelmRelease) {
        let ClusterExpectations { chart, chart_version, release, namespace, .. } = self.cluster;
        let is_pinned = found.chart == *chart && found.chart_version == *chart_version;
        if !is_pinned || found.name != *release || found.namespace != *namespace {
            self.refute(
                Reason::WrongChart,
                format!("release {release} of {chart} {chart_version} in {namespace}"),
                format!("release {} of {} {} in {}", found.name, found.chart, found.chart_version, found.namespace),
                "status",
            );
        }
        if found.status != "deployed" {
            let observed = format!("revision {}: {}", found.revision, found.status);
            self.refute(Reason::ReleaseNotDeployed, format!("release {release} deployed"), observed, "status");
        }
    }

    /// Compares one value. What is to be said of it where there is nothing against it.
    fn value(&mut self, key: &str, wanted: &Value, found: Option<&Value>, seen: &ReleaseSeen) -> Option<String> {
        let found_text = found.map(|found| format!("{key}={}", written(found)));
        let observed = found_text.clone().unwrap_or_else(|| format!("{key} is not set"));
        if wanted.as_str() != Some(FROM_CLUSTER) {
            if found.is_some_and(|found| written(found) == written(wanted)) {
                return found_text;
            }
            self.refute(Reason::WrongValue, format!("{key}={}", written(wanted)), observed, "get values");
            return None;
        }
        let addresses: Vec<_> =
            seen.control_planes.iter().filter_map(|(node, address)| Some((node, (*address)?))).collect();
        if addresses.is_empty() {
            self.weighing.miss(format!("{key}: no control plane's address is known"));
            return None;
        }
        let named = found.and_then(|found| addresses.iter().find(|(_, address)| written(found) == address.to_string()));
        if let Some((node, address)) = named {
            return Some(format!("{key}={address}, the address of {node}"));
        }
        let (node, address) = addresses[0];
        let reason = if found.is_some() { Reason::StaleServiceHost } else { Reason::WrongValue };
        self.refute(reason, format!("{key}={address}, the address of {node} now"), observed, "get values");
        None
    }
}

#[cfg(test)]
mod tests;
