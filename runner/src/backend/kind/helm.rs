//! Installing Cilium: the pinned chart, with the article's seven values.

use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;
use std::path::Path;

use crate::backend::Routing;
use crate::exec::Invocation;
use crate::manifest::{Release, Values};

/// What an image's reference in the chart becomes: `image` and `operator.image` of chart 1.12.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartImage {
    /// Where in the values: `image`, `operator.image`.
    pub key: &'static str,
    /// Repository that takes the place of the chart's own; none where it stays.
    pub repository: Option<String>,
    /// Tag likewise.
    pub tag: Option<String>,
    /// The nodes have the image under its repository digest, so that the chart may ask for it by digest.
    pub by_digest: bool,
}

/// The values that Helm is given: the seven, with the control plane's address, and how the images are asked for.
/// A contrast changes what it is a contrast to.
///
/// # Errors
/// None that the manifest's own types can have.
pub fn values(
    seven: &Values,
    control_plane: Ipv4Addr,
    routing: Routing,
    images: &[ChartImage],
) -> Result<Value, serde_json::Error> {
    let mut values = serde_json::to_value(seven)?;
    values["k8sServiceHost"] = json!(control_plane.to_string());
    match routing {
        Routing::Native => {}
        // The chart refuses autoDirectNodeRoutes together with a tunnel.
        Routing::Vxlan => {
            values["tunnel"] = json!("vxlan");
            values["autoDirectNodeRoutes"] = json!(false);
        }
        Routing::None => values["autoDirectNodeRoutes"] = json!(false),
    }
    for image in images {
        let place = image.key.split('.').fold(&mut values, |place, key| &mut place[key]);
        let mut fields = Map::new();
        fields.insert("useDigest".to_owned(), json!(image.by_digest));
        // What is not there must not be pulled under the same name from elsewhere.
        fields.insert("pullPolicy".to_owned(), json!("IfNotPresent"));
        if let Some(repository) = &image.repository {
            fields.insert("override".to_owned(), json!(format!("{repository}:{}", image.tag.as_deref().unwrap_or("latest"))));
        }
        *place = Value::Object(fields);
    }
    Ok(values)
}

/// `helm install`, as the article runs it, with the values in a file and the chart as one.
pub fn install(helm: &Path, release: &Release, chart: &Path, values: &Path, kubeconfig: &Path, set: &[String]) -> Invocation {
    let mut invocation = Invocation::new(helm)
        .args(["install", release.name.as_str()])
        .args([chart])
        .args(["--namespace", release.namespace.as_str(), "--kubeconfig"])
        .args([kubeconfig])
        .args(["--values"])
        .args([values]);
    for assignment in set {
        invocation = invocation.args(["--set", assignment.as_str()]);
    }
    invocation
}

/// The article's own command for the same, for a reader.
pub fn as_in_the_article(release: &Release, version: &str, values: &Value, set: &[String]) -> String {
    let mut settings = Vec::new();
    flatten("", values, &mut settings);
    settings.extend(set.iter().cloned());
    let settings: Vec<String> = settings.iter().map(|setting| format!(" \\\n  --set {setting}")).collect();
    format!(
        "helm install {} cilium/{} --version {version} --namespace {}{}",
        release.name.as_str(),
        release.chart.as_str(),
        release.namespace.as_str(),
        settings.concat()
    )
}

/// `a.b=c`, as `helm --set` takes it.
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
    use crate::manifest::Manifests;

    const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 4);

    fn seven() -> Value {
        json!({
            "tunnel": "disabled",
            "autoDirectNodeRoutes": true,
            "ipv4NativeRoutingCIDR": "10.0.0.0/8",
            "kubeProxyReplacement": "strict",
            "k8sServiceHost": "172.18.0.4",
            "k8sServicePort": 6443,
            "bpf": { "masquerade": true },
        })
    }

    #[test]
    fn native_is_the_articles_seven_values_with_the_control_planes_address() {
        let manifests = Manifests::embedded().unwrap();
        let values = values(&manifests.cilium.values, CONTROL_PLANE, Routing::Native, &[]).unwrap();
        assert_eq!(values, seven());
        assert_eq!(
            as_in_the_article(&manifests.cilium.release, "1.12.4", &values, &["debug.enabled=true".to_owned()]),
            "helm install cilium cilium/cilium --version 1.12.4 --namespace kube-system \\\n  \
             --set autoDirectNodeRoutes=true \\\n  --set bpf.masquerade=true \\\n  \
             --set ipv4NativeRoutingCIDR=10.0.0.0/8 \\\n  --set k8sServiceHost=172.18.0.4 \\\n  \
             --set k8sServicePort=6443 \\\n  --set kubeProxyReplacement=strict \\\n  --set tunnel=disabled \\\n  \
             --set debug.enabled=true"
        );
    }

    #[test]
    fn a_contrast_changes_what_it_is_a_contrast_to_and_no_more() {
        let manifests = Manifests::embedded().unwrap();
        let of = |routing| values(&manifests.cilium.values, CONTROL_PLANE, routing, &[]).unwrap();
        let mut none = seven();
        none["autoDirectNodeRoutes"] = json!(false);
        assert_eq!(of(Routing::None), none);
        none["tunnel"] = json!("vxlan");
        assert_eq!(of(Routing::Vxlan), none);
    }

    #[test]
    fn an_image_that_is_on_the_nodes_by_tag_is_asked_for_by_tag() {
        let manifests = Manifests::embedded().unwrap();
        let by_tag = |key| ChartImage { key, repository: None, tag: None, by_digest: false };
        let mut replaced = by_tag("operator.image");
        (replaced.repository, replaced.tag) = (Some("registry.test/operator-generic".to_owned()), Some("mine".to_owned()));
        let values =
            values(&manifests.cilium.values, CONTROL_PLANE, Routing::Native, &[by_tag("image"), replaced]).unwrap();
        assert_eq!(values["image"], json!({ "useDigest": false, "pullPolicy": "IfNotPresent" }));
        assert_eq!(
            values["operator"]["image"],
            json!({ "useDigest": false, "pullPolicy": "IfNotPresent", "override": "registry.test/operator-generic:mine" })
        );
    }
}
