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
mod tests {
    use super::*;
    use crate::fixture::addr;
    use crate::fixture::kind::{expectations, release};
    use lab_model::NotHeld;
    use serde_json::json;

    fn judged(change: impl FnOnce(&mut HelmRelease)) -> Judgement {
        let mut seen = release();
        change(seen.release.as_mut().expect("a release"));
        release_has_the_articles_values(&seen, &expectations())
    }

    fn reasons(change: impl FnOnce(&mut HelmRelease)) -> Vec<Reason> {
        judged(change).expect_err("should not hold").reasons()
    }

    #[test]
    fn accepts_the_articles_release() {
        let proof = judged(|_release| {}).expect("held");
        assert_eq!(proof.summary, "cilium 1.12.4 in kube-system, revision 1, with 7 of 7 values");
        assert!(proof.details.contains(&"k8sServiceHost=172.18.0.2, the address of kind-control-plane".to_owned()));
        assert!(proof.details[7].starts_with("the lab's own: image.useDigest=false"), "{:?}", proof.details);
        assert!(judged(|release| release.values["autoDirectNodeRoutes"] = json!("true")).is_ok());
    }

    #[test]
    fn refutes_each_value_that_is_another_one_or_missing() {
        for (key, value) in [
            ("tunnel", json!("vxlan")),
            ("autoDirectNodeRoutes", json!(false)),
            ("ipv4NativeRoutingCIDR", json!("10.0.0.0/16")),
            ("kubeProxyReplacement", json!("partial")),
            ("k8sServicePort", json!(443)),
            ("bpf", json!({"masquerade": false})),
        ] {
            assert_eq!(reasons(|release| release.values[key] = value), [Reason::WrongValue], "{key}");
        }
        for key in ["tunnel", "k8sServiceHost", "bpf"] {
            let missing = reasons(|release| drop(release.values.as_object_mut().expect("values").remove(key)));
            assert_eq!(missing, [Reason::WrongValue], "{key}");
        }
        assert_eq!(reasons(|release| release.values = Value::Null), [Reason::WrongValue; 7]);
    }

    #[test]
    fn refutes_an_address_of_no_control_plane() {
        let judgement = judged(|release| release.values["k8sServiceHost"] = json!("172.18.0.99"));
        let Err(NotHeld::Refuted(findings)) = judgement else { panic!("not refuted") };
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].reason, Reason::StaleServiceHost);
        assert_eq!(findings[0].expected, "k8sServiceHost=172.18.0.2, the address of kind-control-plane now");
        assert_eq!(findings[0].by_hand.as_deref(), Some("helm get values cilium --namespace kube-system"));
    }

    #[test]
    fn refutes_an_address_that_the_control_plane_had() {
        let mut seen = release();
        seen.control_planes.insert("kind-control-plane".into(), Some(addr("172.18.0.9")));
        let judgement = release_has_the_articles_values(&seen, &expectations());
        assert_eq!(judgement.expect_err("stale").reasons(), [Reason::StaleServiceHost]);
    }

    #[test]
    fn refutes_what_nobody_declared() {
        let other = reasons(|release| release.values["hubble"] = json!({"relay": {"enabled": true}}));
        assert_eq!(other, [Reason::UndeclaredValue]);
        assert_eq!(reasons(|release| release.values["image"] = json!({"useDigest": true})), [Reason::UndeclaredValue]);
        // A declared one is expected like the article's.
        let mut expect = expectations();
        let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
        cluster.values.insert("hubble.relay.enabled".to_owned(), json!(true));
        let mut seen = release();
        let values = seen.release.as_mut().map(|release| &mut release.values).expect("a release");
        values["hubble"] = json!({"relay": {"enabled": true}});
        assert!(release_has_the_articles_values(&seen, &expect).is_ok());
        assert!(release_has_the_articles_values(&release(), &expect).is_err());
    }

    #[test]
    fn refutes_another_chart_place_or_state() {
        assert_eq!(reasons(|release| "1.12.5".clone_into(&mut release.chart_version)), [Reason::WrongChart]);
        assert_eq!(reasons(|release| "cilium-dev".clone_into(&mut release.chart)), [Reason::WrongChart]);
        assert_eq!(reasons(|release| "default".clone_into(&mut release.namespace)), [Reason::WrongChart]);
        assert_eq!(reasons(|release| "failed".clone_into(&mut release.status)), [Reason::ReleaseNotDeployed]);
        let none = release_has_the_articles_values(&ReleaseSeen { release: None, ..release() }, &expectations());
        assert_eq!(none.expect_err("no release").reasons(), [Reason::NoRelease]);
    }

    #[test]
    fn without_the_control_planes_address_it_is_unobserved() {
        for control_planes in [BTreeMap::new(), [("kind-control-plane".into(), None)].into()] {
            let seen = ReleaseSeen { control_planes, ..release() };
            let judgement = release_has_the_articles_values(&seen, &expectations());
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
    }
}
