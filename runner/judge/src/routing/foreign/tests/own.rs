//! What belongs to a node's own pods.

use super::*;

#[test]
fn own_pods_stay_or_are_refuted() {
    let own = |settings: Settings<'_>, change: &dyn Fn(&mut ForeignRoutingSeen)| {
        let mut seen = generated::cluster(4);
        change(&mut seen);
        own_pods_are_local(&seen, &expecting(settings))
    };
    let proof = own(AGENTS, &|_seen| {}).expect("held");
    assert_eq!(proof.summary, "4 of 4 pod CIDRs stay on their own nodes, 4 of 4 nodes looked at");
    let network = generated::node(1).pod_networks[0];
    let gone =
        |seen: &mut ForeignRoutingSeen| reroute(seen, 1, |routes| routes.retain(|route| route.destination != network));
    let (reasons, observed) = refuted(own(AGENTS, &gone));
    assert_eq!(reasons, [Reason::OwnCidrLeadsAway]);
    assert!(observed[0].starts_with("node-0001: no route; 10.128.1.2 would leave through default"), "{observed:?}");
    // What comes from a peer may go elsewhere than this node's own packets.
    let by_rule = |seen: &mut ForeignRoutingSeen| {
        let tables = seen.tables.get_mut(&name(1)).unwrap().as_mut().unwrap();
        tables.rules.insert(1, Rule { iif: Some("ens3".to_owned()), ..Rule::for_all(100, RuleAction::Lookup(200)) });
        reroute(seen, 1, |routes| routes.push(route(200, "0.0.0.0/0", Some(GATEWAY), "ens3")));
    };
    let judgement = own(AGENTS, &by_rule);
    assert_eq!(by_hand(judgement.clone()), ["ip route get 10.128.1.2 from 10.128.0.10 iif ens3"]);
    assert_eq!(refuted(judgement).0, [Reason::OwnCidrLeadsAway]);
    // With a route for each pod the rest of the network leads nowhere, and need not.
    let by_pod: Settings<'_> = &[("enable-endpoint-routes", "true")];
    let each =
        |seen: &mut ForeignRoutingSeen| {
            for node in 0..4 {
                let own = generated::node(node);
                reroute(seen, node, |routes| {
                    routes.retain(|route| route.destination != own.pod_networks[0]);
                    let pods = generated::pods(&own).into_iter().enumerate();
                    routes.extend(pods.map(|(pod, address)| {
                        route(TABLE_MAIN, &format!("{address}/32"), None, &format!("lxc{pod:08x}"))
                    }));
                });
            }
        };
    assert!(own(by_pod, &each).expect("held").summary.starts_with("16 of 16 addresses of pods stay"));
    let none_there = |seen: &mut ForeignRoutingSeen| {
        each(seen);
        seen.pods.remove(&name(1));
    };
    let proof = own(by_pod, &none_there).expect("held");
    assert_eq!(
        proof.summary,
        "12 of 12 addresses of pods stay on their own nodes, 4 of 4 nodes looked at; 1 nodes have no pod of their own"
    );
    let one_gone = |seen: &mut ForeignRoutingSeen| {
        each(seen);
        let pod = generated::pods(&generated::node(1))[0];
        reroute(seen, 1, |routes| routes.retain(|route| route.destination != pod.into()));
    };
    assert_eq!(refuted(own(by_pod, &one_gone)).0, [Reason::OwnCidrLeadsAway]);
    // A pod that has ended has no route any more.
    let proof = own(by_pod, &|seen| {
        one_gone(seen);
        seen.ended = Ok([generated::pods(&generated::node(1))[0]].into());
    });
    assert!(proof.expect("held").summary.starts_with("15 of 15 addresses of pods stay"));
    let not_listed = |seen: &mut ForeignRoutingSeen| seen.ended = Err("it did not answer".to_owned());
    let why = missing(own(by_pod, &|seen| {
        each(seen);
        not_listed(seen);
    }));
    assert_eq!(why, "which pods have ended meanwhile is not known: it did not answer");
    assert!(own(AGENTS, &not_listed).is_ok());
    assert!(missing(own(by_pod, &|seen| seen.pods.clear())).contains("no node has a pod"));
    assert!(missing(own(AGENTS, &|seen| seen.nodes[1].pod_networks.clear())).contains("the pod CIDR of node-0001"));
}
