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

/// Agents that encapsulate, and a release that wants it.
fn encapsulating() -> (NativeSeen, Expectations) {
    let mut seen = native();
    let map = seen.config_map.as_mut().expect("a ConfigMap");
    map.insert("tunnel".to_owned(), "vxlan".to_owned());
    map.insert("auto-direct-node-routes".to_owned(), "false".to_owned());
    for one in seen.agents.values_mut() {
        let config = one.config.as_mut().expect("a configuration");
        (config.tunnel, config.auto_direct_node_routes) = (Some("vxlan".to_owned()), Some(false));
        one.status.as_mut().expect("a status").direct_routing_device = None;
    }
    (seen, of_chart("1.12.4", &[("tunnel", json!("vxlan")), ("autoDirectNodeRoutes", json!(false))]))
}

#[test]
fn declared_values_are_what_is_expected() {
    let (seen, expect) = encapsulating();
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

/// The release of a chart of this version, with the values changed that it calls otherwise.
fn of_chart(version: &str, changes: &[(&str, serde_json::Value)]) -> Expectations {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    version.clone_into(&mut cluster.chart_version);
    cluster.values.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    expect
}

/// Agents of this version and their `ConfigMap`, as 1.14 and 1.15 write both (cilium: `cilium-configmap.yaml`,
/// `pkg/option/config.go`).
fn newer(version: &str) -> NativeSeen {
    let mut seen = native();
    let map = seen.config_map.as_mut().expect("a ConfigMap");
    map.remove("tunnel");
    map.insert("routing-mode".to_owned(), "native".to_owned());
    for one in seen.agents.values_mut() {
        let config = one.config.as_mut().expect("a configuration");
        (config.tunnel, config.routing_mode) = (None, Some("native".to_owned()));
        one.image = Some(format!("quay.io/cilium/cilium:v{version}"));
        one.status.as_mut().expect("a status").components[0].message = format!("{version} (v{version}-a1b2c3d)");
    }
    seen
}

/// What is set for chart 1.15, which has no `tunnel`.
fn without_tunnel() -> [(&'static str, serde_json::Value); 3] {
    [("tunnel", json!(null)), ("routingMode", json!("native")), ("kubeProxyReplacement", json!("strict"))]
}

#[test]
fn newer_agents_are_judged_in_their_own_words() {
    let of_14 = routes_natively(&newer("1.14.0"), &of_chart("1.14.0", &[])).expect("held");
    assert!(of_14.summary.starts_with("3 of 3 agents run with tunnel=disabled, autoDirect"), "{}", of_14.summary);
    let expect = of_chart("1.15.1", &without_tunnel());
    let of_15 = routes_natively(&newer("1.15.1"), &expect).expect("held");
    assert!(of_15.summary.starts_with("3 of 3 agents run with routingMode=native, autoDirect"), "{}", of_15.summary);
    // The article's own words are none of theirs.
    assert_eq!(reasons(routes_natively(&native(), &of_chart("1.14.0", &[]))), [Reason::WrongConfigMap]);
    let Err(NotHeld::Refuted(findings)) = routes_natively(&newer("1.12.4"), &expectations()) else {
        panic!("chart 1.12 writes no routing-mode")
    };
    assert_eq!(findings[0].observed, "tunnel is not set");

    let mut overlay = newer("1.15.1");
    let agent = overlay.agents.get_mut(&NodeName::from("kind-worker")).expect("an agent");
    agent.config.as_mut().expect("a configuration").routing_mode = Some("tunnel".to_owned());
    let Err(NotHeld::Refuted(findings)) = routes_natively(&overlay, &expect) else { panic!("it encapsulates") };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].observed, "kind-worker: RoutingMode tunnel");
    let by_hand = findings[0].by_hand.as_deref().expect("a command");
    assert!(by_hand.contains(" cilium-dbg config --all"), "{by_hand}");
}

#[test]
fn an_agent_is_known_by_what_it_says_of_itself_and_else_by_its_image() {
    let expect = of_chart("1.14.0", &[]);
    for (message, image) in [
        ("1.14.2 (v1.14.2-a1b2c3d)", Some("quay.io/cilium/cilium:v1.12.4")),
        (" (v-)", Some("quay.io/cilium/cilium:v1.14.2")),
        // Built by hand, and called so: it is taken for one of its chart.
        (" (v-)", Some("cilium:dev")),
        (" (v-)", None),
    ] {
        let mut seen = newer("1.14.0");
        for one in seen.agents.values_mut() {
            one.status.as_mut().expect("a status").components[0].message = message.to_owned();
            one.image = image.map(str::to_owned);
        }
        let judgement = routes_natively(&seen, &expect);
        assert!(judgement.is_ok(), "{message}, {image:?}: {judgement:?}");
    }
    // Of 1.12 by its own words, which have a tunnel.
    let mut older = newer("1.14.0");
    for one in older.agents.values_mut() {
        one.status.as_mut().expect("a status").components[0].message = "1.12.4 (v1.12.4-6eaecaf)".to_owned();
    }
    let Err(NotHeld::Unobserved(why)) = routes_natively(&older, &expect) else { panic!("it has no Tunnel") };
    assert!(why.contains("running configuration has no Tunnel"), "{why}");
}

#[test]
fn what_is_outside_of_the_known_versions_is_unobserved_with_the_range() {
    let unobserved = |judgement: Judgement| match judgement {
        Err(NotHeld::Unobserved(why)) => why,
        other => panic!("not unobserved: {other:?}"),
    };
    for version in ["1.11.9", "1.16.0", "2.0.0", "master"] {
        let why = unobserved(routes_natively(&native(), &of_chart(version, &[])));
        let words = "is outside of 1.12 to 1.15, the versions of Cilium whose settings are known";
        assert_eq!(why, format!("chart {version} {words}"));
    }
    let why = unobserved(routes_natively(&newer("1.19.0"), &of_chart("1.14.0", &[])));
    assert!(why.contains("kind-worker: the agent is Cilium 1.19, outside of 1.12 to 1.15"), "{why}");
    // The image alone tells it, where the agent did not answer.
    let mut silent = newer("1.14.0");
    for one in silent.agents.values_mut() {
        one.image = Some("quay.io/cilium/cilium:v1.19.0".to_owned());
        one.status = Err("no answer in 15 s".to_owned());
    }
    let why = unobserved(routes_natively(&silent, &of_chart("1.14.0", &[])));
    assert!(why.contains("the agent is Cilium 1.19"), "{why}");
    // What chart 1.15 would make of the article's values alone is no native routing, and nothing to hold agents against.
    let why = unobserved(routes_natively(&newer("1.15.1"), &of_chart("1.15.1", &[])));
    assert!(why.contains("nothing says what routingMode should be, which Cilium 1.15 needs"), "{why}");
}

#[test]
fn from_1_15_on_an_agent_that_encapsulates_names_a_device_all_the_same() {
    let overlay = [("tunnel", json!(null)), ("routingMode", json!("tunnel")), ("autoDirectNodeRoutes", json!(false))];
    let expect = of_chart("1.15.1", &overlay);
    for device in [None, Some("eth0".to_owned())] {
        let mut seen = newer("1.15.1");
        let map = seen.config_map.as_mut().expect("a ConfigMap");
        map.insert("routing-mode".to_owned(), "tunnel".to_owned());
        map.insert("auto-direct-node-routes".to_owned(), "false".to_owned());
        for one in seen.agents.values_mut() {
            let config = one.config.as_mut().expect("a configuration");
            (config.routing_mode, config.auto_direct_node_routes) = (Some("tunnel".to_owned()), Some(false));
            one.status.as_mut().expect("a status").direct_routing_device.clone_from(&device);
        }
        let judgement = routes_natively(&seen, &expect);
        assert!(judgement.is_ok(), "{device:?}: {judgement:?}");
    }
}

#[test]
fn before_1_15_an_agent_names_a_device_only_where_it_routes_natively_and_later_always_there() {
    let (mut seen, expect) = encapsulating();
    let judgement = routes_natively(&seen, &expect);
    assert!(judgement.is_ok(), "{judgement:?}");
    let device = |seen: &mut NativeSeen, device: Option<&str>| {
        let agent = seen.agents.get_mut(&NodeName::from("kind-worker")).expect("an agent");
        agent.status.as_mut().expect("a status").direct_routing_device = device.map(str::to_owned);
    };
    device(&mut seen, Some("eth0"));
    assert_eq!(reasons(routes_natively(&seen, &expect)), [Reason::WrongAgentStatus]);
    let mut without = newer("1.15.1");
    device(&mut without, None);
    assert_eq!(reasons(routes_natively(&without, &of_chart("1.15.1", &without_tunnel()))), [Reason::WrongAgentStatus]);
}
