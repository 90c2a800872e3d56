//! The article's release, and others in its place.

use super::*;
use crate::fixture::addr;
use crate::fixture::kind::{expectations, release};
use lab_model::{Finding, NotHeld};
use serde_json::json;

fn judged(change: impl FnOnce(&mut HelmRelease)) -> Judgement {
    let mut seen = release();
    change(seen.release.as_mut().expect("a release"));
    release_has_the_articles_values(&seen, &expectations())
}

/// The one finding against it.
fn only(judgement: Judgement) -> Finding {
    match judgement {
        Err(NotHeld::Refuted(findings)) if findings.len() == 1 => findings.into_iter().next().expect("one"),
        other => panic!("not refuted once: {other:?}"),
    }
}

fn reasons(change: impl FnOnce(&mut HelmRelease)) -> Vec<Reason> {
    judged(change).expect_err("should not hold").reasons()
}

#[test]
fn accepts_the_articles_release() {
    let proof = judged(|_release| {}).expect("held");
    assert_eq!(proof.summary, "cilium 1.12.4 in kube-system, revision 1, with 7 of 7 values");
    assert_eq!(
        proof.details,
        [
            "autoDirectNodeRoutes=true",
            "bpf.masquerade=true",
            "ipv4NativeRoutingCIDR=10.0.0.0/8",
            "k8sServiceHost=172.18.0.2, the address of kind-control-plane",
            "k8sServicePort=6443",
            "kubeProxyReplacement=strict",
            "tunnel=disabled",
            "the lab's own: image.useDigest=false, operator.image.useDigest=false",
        ]
    );
    let without = judged(|release| {
        let values = release.values.as_object_mut().expect("values");
        values.retain(|key, _value| !["image", "operator"].contains(&key.as_str()));
    });
    assert_eq!(without.expect("held").details, proof.details[..7]);
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
    for (key, expected, observed) in [
        ("tunnel", "tunnel=disabled", "tunnel is not set"),
        (
            "k8sServiceHost",
            "k8sServiceHost=172.18.0.2, the address of kind-control-plane now",
            "k8sServiceHost is not set",
        ),
        ("bpf", "bpf.masquerade=true", "bpf.masquerade is not set"),
    ] {
        let missing = only(judged(|release| drop(release.values.as_object_mut().expect("values").remove(key))));
        assert_eq!(missing.reason, Reason::WrongValue, "{key}");
        assert_eq!((missing.expected.as_str(), missing.observed.as_str()), (expected, observed));
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
    let other = only(judged(|release| release.values["hubble"] = json!({"relay": {"enabled": true}})));
    assert_eq!(other.reason, Reason::UndeclaredValue);
    assert_eq!(
        other.expected,
        "no other values than autoDirectNodeRoutes, bpf.masquerade, ipv4NativeRoutingCIDR, k8sServiceHost, \
         k8sServicePort, kubeProxyReplacement, tunnel"
    );
    assert_eq!(other.observed, "hubble.relay.enabled=true");
    assert_eq!(other.by_hand.as_deref(), Some("helm get values cilium --namespace kube-system"));
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
    type Change = fn(&mut HelmRelease);
    let changes: [(Change, &str); 4] = [
        (|release| "1.12.5".clone_into(&mut release.chart_version), "release cilium of cilium 1.12.5 in kube-system"),
        (|release| "cilium-dev".clone_into(&mut release.chart), "release cilium of cilium-dev 1.12.4 in kube-system"),
        (|release| "default".clone_into(&mut release.namespace), "release cilium of cilium 1.12.4 in default"),
        (|release| "second".clone_into(&mut release.name), "release second of cilium 1.12.4 in kube-system"),
    ];
    for (change, observed) in changes {
        let other = only(judged(change));
        assert_eq!((other.reason, other.observed.as_str()), (Reason::WrongChart, observed));
        assert_eq!(other.expected, "release cilium of cilium 1.12.4 in kube-system");
        assert_eq!(other.by_hand.as_deref(), Some("helm status cilium --namespace kube-system"));
    }
    let failed = only(judged(|release| "failed".clone_into(&mut release.status)));
    assert_eq!(failed.reason, Reason::ReleaseNotDeployed);
    assert_eq!((failed.expected.as_str(), failed.observed.as_str()), ("release cilium deployed", "revision 1: failed"));
    let none = only(release_has_the_articles_values(&ReleaseSeen { release: None, ..release() }, &expectations()));
    assert_eq!(none.reason, Reason::NoRelease);
    assert_eq!((none.expected.as_str(), none.observed.as_str()), ("release cilium in kube-system", "no such release"));
    assert_eq!(none.by_hand.as_deref(), Some("helm list --all-namespaces"));
}

#[test]
fn without_the_control_planes_address_it_is_unobserved() {
    let unknown = "k8sServiceHost: no control plane's address is known";
    for control_planes in [BTreeMap::new(), [("kind-control-plane".into(), None)].into()] {
        let seen = ReleaseSeen { control_planes, ..release() };
        let judgement = release_has_the_articles_values(&seen, &expectations());
        assert_eq!(judgement, Err(NotHeld::Unobserved(unknown.to_owned())));
    }
}
