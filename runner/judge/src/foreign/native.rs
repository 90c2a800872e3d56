//! What agents run with, held against what they should have been started with.

use super::of_foreign;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{Configuration, ForeignNativeSeen};
use lab_model::observe::{AgentConfig, NodeName, Place};
use lab_model::{CiliumVersion, Judgement, Proof, Reason, words};

/// The words for one thing in `kube-proxy-replacement`, old and new.
const ALIKE: [(&str, &str); 2] = [("strict", "true"), ("disabled", "false")];

/// Each agent runs with what the `ConfigMap` `cilium-config` says: an agent reads it once, when it starts.
///
/// # Errors
/// [`Reason::WrongAgentConfig`] for each agent. Unobserved where an agent did not tell its configuration, and where one
/// differs that a `CiliumNodeConfig` may have changed.
pub fn agents_run_as_configured(seen: &ForeignNativeSeen, expect: &Expectations) -> Judgement {
    let configuration = &of_foreign(expect)?.configuration;
    if seen.agents.is_empty() {
        return unobserved("no agent was asked for its configuration");
    }
    let mut weighing = Weighing::default();
    if let Some(gap) = &seen.gap {
        weighing.miss(gap);
    }
    if seen.agents.len() < expect.nodes() {
        weighing.miss(format!("the agents of {} of {} nodes were asked", seen.agents.len(), expect.nodes()));
    }
    let wanted = wanted(configuration);
    for (node, config) in &seen.agents {
        match config {
            Err(why) => weighing.miss(format!("{node}: {why}")),
            Ok(config) => weigh(node, config, &wanted, seen, &mut weighing),
        }
    }
    let total = seen.agents.len();
    weighing.conclude(|| {
        let told: Vec<String> = wanted.iter().map(|(key, wanted)| format!("{key}={wanted}")).collect();
        Proof::new(format!("{total} of {total} agents run with {}", told.join(", ")))
    })
}

/// What agents must run with: native routing, and of the other settings those that have a value.
fn wanted(configuration: &Configuration) -> Vec<(&'static str, String)> {
    let declared = |key: &str| configuration.declared.get(key).cloned();
    let mut wanted = vec![
        ("routing", "native".to_owned()),
        ("auto-direct-node-routes", declared("auto-direct-node-routes").unwrap_or_else(|| false.to_string())),
    ];
    for key in ["ipv4-native-routing-cidr", "enable-bpf-masquerade"] {
        wanted.extend(declared(key).map(|value| (key, value)));
    }
    let proxy =
        declared("kube-proxy-replacement").filter(|word| ALIKE.iter().any(|(old, new)| word == old || word == new));
    wanted.extend(proxy.map(|word| ("kube-proxy-replacement", word)));
    wanted
}

/// What an agent runs with, in the same words; none where it does not tell.
fn found(key: &str, config: &AgentConfig) -> Option<String> {
    match key {
        "routing" => match (config.routing_mode.as_deref(), config.tunnel.as_deref()) {
            (Some("native"), _) | (None, Some("disabled")) => Some("native".to_owned()),
            (Some(mode), _) => Some(mode.to_owned()),
            (None, tunnel) => tunnel.map(|tunnel| format!("tunnel {tunnel}")),
        },
        "auto-direct-node-routes" => config.auto_direct_node_routes.map(|on| on.to_string()),
        "ipv4-native-routing-cidr" => config.native_cidr.map(|cidr| cidr.to_string()),
        "enable-bpf-masquerade" => config.bpf_masquerade.map(|on| on.to_string()),
        _ => config.kube_proxy_replacement.clone(),
    }
}

fn same(wanted: &str, found: &str) -> bool {
    let plain = |word: &str| {
        let word = word.to_ascii_lowercase();
        ALIKE.iter().find(|(old, _new)| *old == word).map_or(word, |(_old, new)| (*new).to_owned())
    };
    plain(wanted) == plain(found)
}

fn weigh(
    node: &NodeName,
    config: &AgentConfig,
    wanted: &[(&'static str, String)],
    seen: &ForeignNativeSeen,
    weighing: &mut Weighing,
) {
    let mut differing = Vec::new();
    for (key, wanted) in wanted {
        match found(key, config) {
            None => weighing.miss(format!("{node}: the agent's running configuration does not tell {key}")),
            Some(found) if same(wanted, &found) => {}
            Some(found) => differing.push((format!("{key}={wanted}"), format!("{key}={found}"))),
        }
    }
    if differing.is_empty() {
        return;
    }
    let (wanted, found): (Vec<String>, Vec<String>) = differing.into_iter().unzip();
    if let Some(name) = seen.node_configs.first() {
        weighing.miss(format!(
            "{node}: the agent runs with {}; whether the CiliumNodeConfig {name} asks that of it is not known",
            found.join(", ")
        ));
        return;
    }
    let program = CiliumVersion::OLDEST.agent_program();
    weighing.refute(
        Reason::WrongAgentConfig,
        Place::Node(node.clone()),
        format!("{node}: {}, as cilium-config says", wanted.join(", ")),
        format!("{node}: {}; an agent reads cilium-config when it starts", found.join(", ")),
        Some(words::in_agent(&format!("{program} config --all"))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::NotHeld;

    fn agent() -> AgentConfig {
        AgentConfig {
            tunnel: Some("disabled".to_owned()),
            routing_mode: None,
            auto_direct_node_routes: Some(true),
            native_cidr: "10.0.0.0/8".parse().ok(),
            kube_proxy_replacement: Some("strict".to_owned()),
            bpf_masquerade: Some(true),
            host_legacy_routing: Some(false),
        }
    }

    fn judged(settings: &[(&str, &str)], change: impl FnOnce(&mut ForeignNativeSeen)) -> Judgement {
        let agents = ["cp-1", "worker-1", "worker-2", "worker-3"].map(|name| (name.into(), Ok(agent())));
        let mut seen = ForeignNativeSeen { agents: agents.into(), node_configs: Vec::new(), gap: None };
        change(&mut seen);
        agents_run_as_configured(&seen, &expecting(settings))
    }

    fn on_worker(change: impl FnOnce(&mut AgentConfig)) -> Judgement {
        judged(&[], |seen| change(seen.agents.get_mut(&"worker-2".into()).expect("a node").as_mut().expect("told")))
    }

    #[test]
    fn accepts_agents_that_run_as_they_should_in_old_words_and_new() {
        let proof = judged(&[], |_seen| {}).expect("held");
        assert!(
            proof.summary.starts_with("4 of 4 agents run with routing=native, auto-direct-node-routes=true"),
            "{proof:?}"
        );
        assert!(on_worker(|config| config.kube_proxy_replacement = Some("True".to_owned())).is_ok());
        assert!(on_worker(|config| (config.tunnel, config.routing_mode) = (None, Some("native".to_owned()))).is_ok());
        // What is `partial` depends on the node's kernel.
        assert!(judged(&[("kube-proxy-replacement", "partial")], |_seen| {}).is_ok());
    }

    #[test]
    fn refutes_an_agent_that_was_not_started_again() {
        for judgement in [
            on_worker(|config| config.tunnel = Some("vxlan".to_owned())),
            on_worker(|config| config.auto_direct_node_routes = Some(false)),
            on_worker(|config| config.native_cidr = "10.0.0.0/16".parse().ok()),
            on_worker(|config| config.kube_proxy_replacement = Some("disabled".to_owned())),
            on_worker(|config| config.bpf_masquerade = Some(false)),
        ] {
            assert_eq!(judgement.expect_err("refuted").reasons(), [Reason::WrongAgentConfig]);
        }
        let article = judged(&[("auto-direct-node-routes", "false")], |_seen| {});
        assert_eq!(article.expect_err("refuted").reasons(), [Reason::WrongAgentConfig; 4]);
    }

    #[test]
    fn what_was_not_told_proves_nothing() {
        for judgement in [
            judged(&[], |seen| seen.agents.clear()),
            judged(&[], |seen| drop(seen.agents.remove(&"cp-1".into()))),
            judged(&[], |seen| drop(seen.agents.insert("cp-1".into(), Err("it did not answer".to_owned())))),
            judged(&[], |seen| seen.gap = Some("the ConfigMap was not collected".to_owned())),
            on_worker(|config| config.tunnel = None),
            on_worker(|config| config.auto_direct_node_routes = None),
            judged(&[("auto-direct-node-routes", "false")], |seen| seen.node_configs.push("rack-2".to_owned())),
        ] {
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
    }
}
