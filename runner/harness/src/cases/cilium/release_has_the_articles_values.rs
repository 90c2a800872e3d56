//! `cilium::release_has_the_articles_values`.

use crate::cases::article;
use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cilium as judge;
use lab_kind::{ByHand, KindLab};
use serde_json::Value;

pub(in crate::cases) const CASE: Case = Case {
    name: "cilium::release_has_the_articles_values",
    article: "helm install cilium cilium/cilium --version 1.12.4",
    claim: "The Helm release is the pinned chart in kube-system with the article's seven values, k8sServiceHost being the control plane's address now.",
    against: &[Pinned::Chart, Pinned::Values, Pinned::PodPool],
    needs: Stage::RoutingInstalled,
    on: kind_only!(kind::release, judge::release_has_the_articles_values),
    shown: Shown::Now(commands),
    turned: &[(Effect::ServiceHostStale, Refuted(&[(Reason::StaleServiceHost, BRIDGE)]))],
    explanation: Explanation {
        step: "The article installs chart cilium 1.12.4 into kube-system with seven values: tunnel, autoDirectNodeRoutes, ipv4NativeRoutingCIDR, \
               kubeProxyReplacement, k8sServiceHost, k8sServicePort and bpf.masquerade.",
        native: "Two of them are native routing: tunnel=disabled takes the overlay away, autoDirectNodeRoutes=true puts routes in its place. \
                 ipv4NativeRoutingCIDR says for which addresses.",
        read: &[
            read_on_kind("Helm's release, in its Secret in kube-system: chart, version, status, values."),
            read_on_kind("The control plane's address now (Engine), which k8sServiceHost must be."),
        ],
        by_hand: &[
            on_kind("helm list --namespace kube-system", "cilium, deployed, cilium-1.12.4"),
            on_kind("helm get values cilium --namespace kube-system", "the seven values"),
            on_kind("docker inspect kind-control-plane", "IPAddress in the network kind: k8sServiceHost"),
        ],
        breaks: &[
            breaks(
                Reason::NoRelease,
                "helm install was not run, or with another kubeconfig or namespace; or Cilium was installed by cilium-cli.",
            ),
            breaks(Reason::ReleaseNotDeployed, "helm was interrupted, or a hook failed: pending-install or failed."),
            breaks(
                Reason::WrongChart,
                "--version was left out: the newest chart, in which `tunnel` and `kubeProxyReplacement=strict` no longer exist.",
            ),
            breaks(
                Reason::WrongValue,
                "A mistyped --set: Helm takes any key. Or an upgrade without --reuse-values, which takes values back.",
            ),
            breaks(Reason::UndeclaredValue, "A value that the article does not have and no option declared."),
            breaks(
                Reason::StaleServiceHost,
                "The article's 172.18.0.4, copied: Docker gives the control plane another address from time to time. \
                   Agents wait for the API server and nodes stay NotReady.",
            ),
        ],
        unobserved: "The control plane's address is not known.",
    },
};

fn commands(lab: &KindLab, _seen: &Value) -> Vec<ByHand> {
    let release = &lab.spec().manifests.cilium.release;
    let values = format!("helm get values {} --namespace {}", release.name, release.namespace);
    vec![article::on_host("helm list --all-namespaces"), article::on_host(&values)]
}
