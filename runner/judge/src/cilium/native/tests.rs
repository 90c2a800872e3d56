//! Three agents that route natively, and what can be wrong with one.

use serde_json::json;

use super::*;
use crate::fixture::kind::{agent, expectations, native};
use crate::fixture::net;
use lab_model::NotHeld;

fn judged(change: impl FnOnce(&mut NativeSeen)) -> Judgement {
    let mut seen = native();
    change(&mut seen);
    routes_natively(&seen, &expectations())
}

fn reasons(judgement: Judgement) -> Vec<Reason> {
    judgement.expect_err("should not hold").reasons()
}

fn with_config(change: impl FnOnce(&mut AgentConfig)) -> Judgement {
    judged(|seen| {
        let mut one = agent();
        change(one.config.as_mut().expect("a configuration"));
        seen.agents.insert("kind-worker".into(), one);
    })
}

fn with_status(change: impl FnOnce(&mut AgentStatus)) -> Judgement {
    judged(|seen| {
        let mut one = agent();
        change(one.status.as_mut().expect("a status"));
        seen.agents.insert("kind-worker".into(), one);
    })
}

#[test]
fn accepts_agents_that_run_the_articles_values() {
    let proof = judged(|_seen| {}).expect("held");
    assert_eq!(
        proof.summary,
        "3 of 3 agents run with tunnel=disabled, autoDirectNodeRoutes=true, ipv4NativeRoutingCIDR=10.0.0.0/8, \
         kubeProxyReplacement=strict, bpf.masquerade=true"
    );
    assert!(proof.details[0].starts_with("kind-control-plane: host routing BPF"), "{}", proof.details[0]);
}

#[test]
fn refutes_an_agent_that_runs_with_something_else() {
    let changes: [fn(&mut AgentConfig); 5] = [
        |config| config.tunnel = Some("vxlan".to_owned()),
        |config| config.auto_direct_node_routes = Some(false),
        |config| config.native_cidr = Some(net("10.0.0.0/16")),
        |config| config.kube_proxy_replacement = Some("partial".to_owned()),
        |config| config.bpf_masquerade = Some(false),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let judgement = with_config(change);
        let Err(NotHeld::Refuted(findings)) = judgement else { panic!("{number}: not refuted: {judgement:?}") };
        assert_eq!(findings.len(), 1, "{number}");
        assert_eq!(findings[0].reason, Reason::WrongAgentConfig, "{number}");
        assert_eq!(findings[0].place, Place::Node("kind-worker".into()));
    }
}

#[test]
fn refutes_a_config_map_that_no_agent_has_read_yet() {
    let changed = judged(|seen| {
        let map = seen.config_map.as_mut().expect("a ConfigMap");
        map.insert("auto-direct-node-routes".to_owned(), "false".to_owned());
    });
    assert_eq!(reasons(changed), [Reason::WrongConfigMap]);
    let removed = judged(|seen| drop(seen.config_map.as_mut().expect("a ConfigMap").remove("tunnel")));
    assert_eq!(reasons(removed), [Reason::WrongConfigMap]);
}

#[test]
fn refutes_a_status_that_says_otherwise() {
    let changes: [fn(&mut AgentStatus); 5] = [
        |status| status.kube_proxy_replacement = Some("Partial".to_owned()),
        |status| status.masquerading = Some("iptables".to_owned()),
        |status| status.masquerading = None,
        |status| status.snat_exclusion = Some(net("10.0.0.0/16")),
        |status| status.direct_routing_device = None,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(reasons(with_status(change)), [Reason::WrongAgentStatus], "{number}");
    }
}

#[test]
fn legacy_host_routing_is_named_and_does_not_refute() {
    let proof = with_status(|status| status.host_routing = Some("Legacy".to_owned())).expect("held");
    assert!(proof.details[1].contains("host routing Legacy"), "{:?}", proof.details);
}

#[test]
fn declared_values_are_what_is_expected() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.values.insert("tunnel".to_owned(), json!("vxlan"));
    cluster.values.insert("autoDirectNodeRoutes".to_owned(), json!(false));
    let mut seen = native();
    let map = seen.config_map.as_mut().expect("a ConfigMap");
    map.insert("tunnel".to_owned(), "vxlan".to_owned());
    map.insert("auto-direct-node-routes".to_owned(), "false".to_owned());
    for one in seen.agents.values_mut() {
        let config = one.config.as_mut().expect("a configuration");
        (config.tunnel, config.auto_direct_node_routes) = (Some("vxlan".to_owned()), Some(false));
        one.status.as_mut().expect("a status").direct_routing_device = None;
    }
    assert!(routes_natively(&seen, &expect).is_ok());
    assert!(routes_natively(&native(), &expect).is_err());
}

#[test]
fn what_was_not_told_is_unobserved() {
    let gap = |number: usize, judgement: &Judgement| {
        assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
    };
    let changes: [fn(&mut NativeSeen); 6] = [
        |seen| seen.nodes.clear(),
        |seen| drop(seen.nodes.pop()),
        |seen| drop(seen.agents.remove(&"kind-worker".into())),
        |seen| seen.config_map = Err("not found".to_owned()),
        |seen| seen.config_map = Ok([].into()),
        |seen| {
            let silent = AgentSeen { config: Err("exit code 1".to_owned()), ..agent() };
            seen.agents.insert("kind-worker".into(), silent);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        gap(number, &judged(change));
    }
    let fields: [fn(&mut AgentConfig); 5] = [
        |config| config.tunnel = None,
        |config| config.auto_direct_node_routes = None,
        |config| config.native_cidr = None,
        |config| config.kube_proxy_replacement = None,
        |config| config.bpf_masquerade = None,
    ];
    for (number, change) in fields.into_iter().enumerate() {
        gap(number, &with_config(change));
    }
    let fields: [fn(&mut AgentStatus); 3] = [
        |status| status.kube_proxy_replacement = None,
        |status| status.snat_exclusion = None,
        |status| status.host_routing = None,
    ];
    for (number, change) in fields.into_iter().enumerate() {
        gap(number, &with_status(change));
    }
}
