use super::*;
use crate::foreign::fixture::{expecting_two, sent};
use lab_model::Reason;
use lab_model::observe::{Frame, HttpOutcome, IpHeader, MacAddr, Payload, PingOutcome, Place, Tunnel, TunnelKind};

type Judge = fn(&ForeignWireSeen, &Expectations) -> Judgement;

const ALL: [Judge; 5] = [
    pods_reach_each_other_directly,
    frames_are_not_encapsulated,
    no_router_between_nodes,
    source_address_is_kept,
    full_mtu_fits,
];

/// Routes by the network: nothing is said of link-layer addresses.
const BY_NETWORK: [(&str, &str); 1] = [("auto-direct-node-routes", "false")];

fn judge_of(judge: Judge, settings: &[(&str, &str)], change: impl FnOnce(&mut ForeignWireSeen)) -> Judgement {
    let mut seen = sent();
    change(&mut seen);
    judge(&seen, &expecting_two(settings))
}

#[track_caller]
fn refuted(judge: Judge, reason: Reason, change: impl FnOnce(&mut ForeignWireSeen)) {
    let reasons = judge_of(judge, &[], change).expect_err("refuted").reasons();
    assert!(!reasons.is_empty() && reasons.iter().all(|found| *found == reason), "{reasons:?}");
}

fn unobserved(judge: Judge, settings: &[(&str, &str)], change: impl FnOnce(&mut ForeignWireSeen)) -> String {
    match judge_of(judge, settings, change) {
        Err(NotHeld::Unobserved(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// All frames on the links of nodes.
fn on_nodes(seen: &mut ForeignWireSeen) -> impl Iterator<Item = &mut Frame> {
    let captures = seen.wire.traffic.captures.iter_mut();
    captures.filter(|capture| matches!(capture.place, Place::Node(_))).flat_map(|capture| &mut capture.frames)
}

/// The network of one node's own address is another from now on.
fn elsewhere(seen: &mut ForeignWireSeen) {
    let view = seen.wire.nodes.get_mut(&"worker-2".into()).expect("a node");
    view.addresses[0].address = "192.168.8.12/24".parse().expect("an address");
}

#[test]
fn what_a_lab_would_expect_of_its_workload_is_not_asked_of_the_probe() {
    let lab = expecting_two(&[]);
    let (replicas, target_port) = (9, 1);
    let other = Expectations { replicas, target_port, racks: Some(crate::fixture::racks::layout()), ..lab.clone() };
    for judge in ALL {
        assert_eq!(judge(&sent(), &other), judge(&sent(), &lab));
    }
}

#[test]
fn accepts_sound_traffic_and_says_how_much_of_it_there_is() {
    for judge in ALL {
        let proof = judge_of(judge, &[], |_| {}).expect("held");
        assert!(proof.summary.ends_with("looked at: 2 of 2 ordered pairs of nodes"), "{}", proof.summary);
        let sampled = judge_of(judge, &[], |seen| seen.sample.of = 12).expect("held");
        assert!(
            sampled.summary.ends_with("2 of 12 ordered pairs of nodes, which stand for the others"),
            "{}",
            sampled.summary
        );
    }
}

#[test]
fn each_claim_is_refuted_for_its_own_reason() {
    refuted(pods_reach_each_other_directly, Reason::PodUnreachable, |seen| {
        seen.wire.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("connecting".to_owned());
    });
    refuted(frames_are_not_encapsulated, Reason::Encapsulated, |seen| {
        for frame in on_nodes(seen) {
            let inner = frame.ip.take().expect("a packet");
            let payload = Payload::Tunnel(Tunnel { kind: TunnelKind::Vxlan, inner: Some(Box::new(inner.clone())) });
            frame.ip = Some(IpHeader { payload, ..inner });
        }
    });
    refuted(frames_are_not_encapsulated, Reason::WrongFrameAddresses, |seen| {
        on_nodes(seen).for_each(|frame| frame.source = MacAddr([2, 0, 0, 0, 0, 99]));
    });
    refuted(no_router_between_nodes, Reason::RoutedInBetween, |seen| {
        let arrived = Place::Node("worker-2".into());
        let capture = seen.wire.traffic.captures.iter_mut().find(|one| one.place == arrived).expect("captured");
        let to_it = |frame: &&mut Frame| frame.destination == MacAddr([2, 0, 0, 0, 0, 2]);
        for frame in capture.frames.iter_mut().filter(to_it) {
            frame.ip.as_mut().expect("a packet").ttl -= 1;
        }
    });
    refuted(source_address_is_kept, Reason::SourceTranslated, |seen| {
        let of_pods = |place: &Place| matches!(place, Place::Pod(_));
        let captures = seen.wire.traffic.captures.iter_mut().filter(|capture| of_pods(&capture.place));
        for frame in captures.flat_map(|capture| &mut capture.frames) {
            let ip = frame.ip.as_mut().expect("a packet");
            if matches!(&ip.payload, Payload::Tcp(tcp) if tcp.syn && !tcp.ack) {
                ip.source = "192.168.7.11".parse().expect("an address");
            }
        }
    });
    refuted(full_mtu_fits, Reason::MtuDoesNotFit, |seen| {
        seen.wire.traffic.between_pods[0].full_mtu.outcome = PingOutcome::TooBig(Some(1400));
    });
}

#[test]
fn a_sound_cluster_is_not_refuted_for_being_another() {
    // A fabric's routers take one off the TTL and have link-layer addresses of their own.
    let by_routers =
        |seen: &mut ForeignWireSeen| on_nodes(seen).for_each(|frame| frame.source = MacAddr([2, 0, 0, 0, 0, 99]));
    assert!(judge_of(frames_are_not_encapsulated, &BY_NETWORK, by_routers).is_ok());
    let routed = |seen: &mut ForeignWireSeen| {
        elsewhere(seen);
        by_routers(seen);
    };
    assert!(judge_of(frames_are_not_encapsulated, &[("enable-bgp-control-plane", "true")], routed).is_ok());
    for judge in [no_router_between_nodes as Judge, full_mtu_fits] {
        let why = unobserved(judge, &[], elsewhere);
        assert!(why.contains("no two nodes that sent are in one subnet"), "{why}");
    }
    let why = unobserved(source_address_is_kept, &[("ipv4-native-routing-cidr", "10.99.0.0/16")], |_| {});
    assert!(why.contains("masqueraded as the configuration has it"), "{why}");
    let none = [("ipv4-native-routing-cidr", "10.99.0.0/16"), ("enable-ipv4-masquerade", "false")];
    assert!(judge_of(source_address_is_kept, &none, |_| {}).is_ok());
    let refused = |seen: &mut ForeignWireSeen| {
        seen.sample.policed.insert("client-worker-2".to_owned(), "ingress".to_owned());
        seen.wire.traffic.between_pods[0].http.outcome = HttpOutcome::TimedOut("connecting".to_owned());
    };
    let why = unobserved(pods_reach_each_other_directly, &[], refused);
    assert!(why.contains("Cilium enforces policies on client-worker-2 (ingress)"), "{why}");
}

#[test]
fn what_was_not_seen_is_not_held() {
    for judge in ALL {
        let why = unobserved(judge, &[], |seen| {
            drop(seen.sample.silent.insert("worker-9".into(), "it is linux/arm64".to_owned()));
        });
        assert!(why.starts_with("worker-9: it is linux/arm64; of the other nodes: "), "{why}");
        unobserved(judge, &[], |seen| seen.wire.traffic.between_pods.clear());
        // What was to stand for others, and was not sent; and a node that the plan has not.
        let planned = ("worker-1".into(), "worker-3".into());
        let why = unobserved(judge, &[], |seen| seen.sample.pairs.push(planned));
        let expected = "nothing was sent from worker-1 to worker-3, which was to stand for others; of the others: ";
        assert!(why.starts_with(expected), "{why}");
        let why = unobserved(judge, &[], |seen| seen.sample.pairs.truncate(1));
        assert!(why.starts_with("of the pairs that stand for others none is of worker-1, worker-2 both ways"), "{why}");
    }
    for judge in [frames_are_not_encapsulated as Judge, no_router_between_nodes, source_address_is_kept] {
        unobserved(judge, &[], |seen| seen.wire.traffic.captures.clear());
    }
    let why = unobserved(full_mtu_fits, &[], |seen| seen.wire.traffic.between_pods[0].full_mtu.length = 84);
    assert!(why.contains("is not what the links between take"), "{why}");
}
