//! Parses `cilium status -o json`: the status of an agent (cilium 1.12: `api/v1/models`, `StatusResponse`).

use serde::Deserialize;
use serde_json::{Map, Value};

use lab_model::observe::{AgentStatus, ComponentState, FailingController};

/// The parts of the answer that are read in addition to those with a `state`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Raw {
    controllers: Option<Vec<Controller>>,
    kube_proxy_replacement: Option<KubeProxyReplacement>,
    host_routing: Option<Mode>,
    masquerading: Option<Masquerading>,
}

#[derive(Deserialize)]
struct Controller {
    name: String,
    #[serde(default)]
    status: ControllerStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ControllerStatus {
    /// The server leaves it out while it is zero.
    #[serde(default)]
    consecutive_failure_count: u32,
    #[serde(default)]
    last_failure_msg: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubeProxyReplacement {
    mode: Option<String>,
    direct_routing_device: Option<String>,
}

#[derive(Deserialize)]
struct Mode {
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Masquerading {
    #[serde(default)]
    enabled: bool,
    mode: Option<String>,
    #[serde(rename = "snat-exclusion-cidr-v4")]
    snat_exclusion_v4: Option<String>,
}

/// Parses the status.
///
/// # Errors
/// A text that says why, when the JSON has another form, or no part of it has a state.
pub fn parse_status(text: &str) -> Result<AgentStatus, String> {
    let wrong = |what: String| format!("`cilium status -o json`: {what}");
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut components = Vec::new();
    collect("", &object, &mut components);
    let raw = Raw::deserialize(Value::Object(object)).map_err(|error| wrong(error.to_string()))?;
    if components.is_empty() {
        return Err(wrong("no part of it has a state".to_owned()));
    }
    let controllers = raw.controllers.unwrap_or_default();
    let masquerading = raw.masquerading.filter(|masquerading| masquerading.enabled);
    let exclusion = masquerading.as_ref().and_then(|it| it.snat_exclusion_v4.as_deref()).filter(|it| !it.is_empty());
    let exclusion = exclusion.map(|cidr| cidr.parse().map_err(|_| wrong(format!("snat-exclusion-cidr-v4: {cidr:?}"))));
    let (mode, device) = raw.kube_proxy_replacement.map(|it| (it.mode, it.direct_routing_device)).unwrap_or_default();
    Ok(AgentStatus {
        components,
        controllers: controllers.len(),
        failing: controllers.into_iter().filter_map(failing).collect(),
        kube_proxy_replacement: mode,
        direct_routing_device: device.filter(|name| !name.is_empty()),
        host_routing: raw.host_routing.and_then(|it| it.mode),
        masquerading: masquerading.and_then(|it| it.mode),
        snat_exclusion: exclusion.transpose()?,
    })
}

fn failing(controller: Controller) -> Option<FailingController> {
    let Controller { name, status } = controller;
    (status.consecutive_failure_count > 0).then_some(FailingController {
        name,
        consecutive_failures: status.consecutive_failure_count,
        message: status.last_failure_msg,
    })
}

/// Collects the objects with a `state`, named by their keys and at most two levels deep: `hubble`,
/// `cluster.ciliumHealth`. Deeper ones belong to single nodes, endpoints and proxies.
fn collect(within: &str, object: &Map<String, Value>, found: &mut Vec<ComponentState>) {
    for (key, value) in object {
        let Some(part) = value.as_object() else { continue };
        let name = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
        if let Some(state) = part.get("state").and_then(Value::as_str) {
            let message = part.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned();
            found.push(ComponentState { name: name.clone(), state: state.to_owned(), message });
        }
        if within.is_empty() {
            collect(&name, part, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_that_fail_now_are_told_and_others_counted() {
        let status = parse_status(
            r#"{"cilium": {"state": "Ok", "msg": " (v-)"}, "controllers": [
                {"name": "failed once", "status": {"failure-count": 3, "last-failure-msg": "long ago"}},
                {"name": "fails", "status": {"consecutive-failure-count": 2, "last-failure-msg": "i/o timeout"}},
                {"name": "new"}]}"#,
        );
        let status = status.unwrap();
        assert_eq!(status.controllers, 3);
        let fails =
            FailingController { name: "fails".to_owned(), consecutive_failures: 2, message: "i/o timeout".to_owned() };
        assert_eq!(status.failing, [fails]);
        assert_eq!((status.host_routing, status.masquerading, status.snat_exclusion), (None, None, None));
    }

    #[test]
    fn masquerading_that_is_off_has_no_mode() {
        let text = r#"{"cilium": {"state": "Ok"},
            "masquerading": {"enabled": false, "mode": "BPF", "snat-exclusion-cidr-v4": "10.0.0.0/8"}}"#;
        let status = parse_status(text).unwrap();
        assert_eq!((status.masquerading, status.snat_exclusion), (None, None));
    }

    #[test]
    fn a_status_of_nothing_is_none() {
        for (text, words) in [
            ("", "EOF while parsing"),
            ("[]", "invalid type: sequence"),
            ("{}", "no part of it has a state"),
            (r#"{"cilium": {"msg": "Ok"}}"#, "no part of it has a state"),
            (r#"{"cilium": {"state": "Ok"}, "controllers": [{}]}"#, "missing field `name`"),
            (
                r#"{"cilium": {"state": "Ok"}, "masquerading": {"enabled": true, "snat-exclusion-cidr-v4": "all"}}"#,
                "snat-exclusion-cidr-v4: \"all\"",
            ),
        ] {
            let error = parse_status(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
