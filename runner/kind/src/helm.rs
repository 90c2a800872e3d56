//! The Helm commands that install or upgrade Cilium.

use serde_json::Value;
use std::path::Path;

use lab_base::exec::Invocation;
use lab_manifest::Release;

/// What Helm does with a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `helm install`, as the article runs it.
    Install,
    /// `helm upgrade`: changes the installed release to these values.
    Upgrade,
}

/// `helm install` or `helm upgrade`, with the chart and the values each in a file.
pub fn apply(
    order: Order,
    helm: &Path,
    release: &Release,
    chart: &Path,
    values: &Path,
    kubeconfig: &Path,
) -> Invocation {
    let order = match order {
        Order::Install => "install",
        Order::Upgrade => "upgrade",
    };
    Invocation::new(helm)
        .args([order, release.name.as_str()])
        .args([chart])
        .args(["--namespace", release.namespace.as_str(), "--kubeconfig"])
        .args([kubeconfig])
        .args(["--values"])
        .args([values])
}

/// The equivalent command in the article's form, for a user to compare.
pub fn as_in_the_article(release: &Release, version: &str, values: &Value) -> String {
    let mut settings = Vec::new();
    flatten("", values, &mut settings);
    let settings: Vec<String> = settings.iter().map(|setting| format!(" \\\n  --set {setting}")).collect();
    format!(
        "helm install {} cilium/{} --version {version} --namespace {}{}",
        release.name.as_str(),
        release.chart.as_str(),
        release.namespace.as_str(),
        settings.concat()
    )
}

/// Writes values as settings for `helm --set`, such as `a.b=c`.
fn flatten(prefix: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, into);
            }
        }
        Value::String(text) => into.push(format!("{prefix}={text}")),
        other => into.push(format!("{prefix}={other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_manifest::Manifests;
    use lab_manifest::overrides::installed_values;
    use lab_model::Routing;
    use std::net::Ipv4Addr;

    #[test]
    fn the_command_for_a_reader_is_the_articles() {
        let manifests = Manifests::embedded().unwrap();
        let mut expected = manifests.cluster_expectations("kind");
        expected.own_values.clear();
        let values = installed_values(&expected, Ipv4Addr::new(172, 18, 0, 4), Routing::Native);
        assert_eq!(
            as_in_the_article(&manifests.cilium.release, "1.12.4", &values),
            "helm install cilium cilium/cilium --version 1.12.4 --namespace kube-system \\\n  \
             --set autoDirectNodeRoutes=true \\\n  --set bpf.masquerade=true \\\n  \
             --set ipv4NativeRoutingCIDR=10.0.0.0/8 \\\n  --set k8sServiceHost=172.18.0.4 \\\n  \
             --set k8sServicePort=6443 \\\n  --set kubeProxyReplacement=strict \\\n  --set tunnel=disabled"
        );
    }
}
