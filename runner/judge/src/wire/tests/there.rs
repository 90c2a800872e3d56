//! Who must be there: as many replicas as should be, each asked and asking.

use super::*;

const BETWEEN_PODS: [Judge; 6] = [ALL[0], ALL[1], ALL[2], ALL[3], ALL[4], ALL[6]];

#[track_caller]
fn with_three(judge: Judge, seen: &WireSeen, part: &str) {
    let judgement = judge(seen, &Expectations { replicas: 3, ..expect() });
    let Err(NotHeld::Unobserved(why)) = judgement else { panic!("should be unobserved: {judgement:#?}") };
    assert!(why.contains(part), "{part:?} is not in {why:?}");
}

/// Its server may well listen.
#[test]
fn a_replica_without_an_address_is_missed() {
    for judge in ALL {
        let mut seen = native();
        seen.pods.push(PodSeen { address: None, ..pod("hello-app-c", 0, A) });
        with_three(judge, &seen, "pod hello-app-c had no address; 2 of 3 replicas have an address");
        unobserved(judge, &seen, "pod hello-app-c had no address");
    }
}

#[test]
fn two_replicas_are_not_three() {
    for judge in ALL {
        with_three(judge, &native(), "2 of 3 replicas have an address");
        let mut seen = native();
        seen.pods.push(seen.pods[1].clone());
        with_three(judge, &seen, "2 of 3 replicas have an address");
        seen.pods[2].name = "hello-app-c".into();
        with_three(judge, &seen, "pods hello-app-b and hello-app-c cannot be told apart by 10.0.2.7");
    }
}

#[test]
fn a_replica_that_took_no_part_is_missed() {
    let mut seen = native();
    seen.pods.push(pod("hello-app-c", 0, Ipv4Addr::new(10, 0, 0, 9)));
    for judge in BETWEEN_PODS {
        with_three(judge, &seen, "hello-app-c asked no pod on another node");
    }
    for judge in [masqueraded_outside_the_native_cidr, nothing_leaks_to_the_uplink] {
        with_three(judge, &seen, "hello-app-c did not ask the outside");
    }
}

/// Its reason is told beside what it did not do.
#[test]
fn a_replica_that_could_not_be_entered_is_missed_with_the_reason() {
    let why = "no container of the pod hello-app-c runs on kind-worker";
    let mut seen = native();
    seen.pods.push(pod("hello-app-c", 0, Ipv4Addr::new(10, 0, 0, 9)));
    seen.not_entered.insert("hello-app-c".into(), why.to_owned());
    for judge in BETWEEN_PODS {
        with_three(judge, &seen, &format!("hello-app-c asked no pod on another node: it could not be entered ({why})"));
    }
    for judge in [masqueraded_outside_the_native_cidr, nothing_leaks_to_the_uplink] {
        with_three(judge, &seen, &format!("hello-app-c did not ask the outside: it could not be entered ({why})"));
    }
    let pending = "the pod hello-app-c is on no node yet";
    seen.pods[2] = PodSeen { node: None, address: None, ..seen.pods[2].clone() };
    seen.not_entered.insert("hello-app-c".into(), pending.to_owned());
    for judge in ALL {
        with_three(judge, &seen, &format!("pod hello-app-c had no address: {pending}"));
    }
}

#[test]
fn one_way_is_not_each_other() {
    for judge in BETWEEN_PODS {
        let mut seen = native();
        seen.traffic.between_pods.pop();
        unobserved(judge, &seen, "hello-app-a asked hello-app-b, and hello-app-b did not ask hello-app-a");
    }
    let mut seen = native();
    seen.traffic.between_pods.pop();
    seen.traffic.between_pods[0].http.outcome = HttpOutcome::Empty;
    refuted(pods_reach_each_other_directly, &seen, &[Reason::PodUnreachable]);
}

#[test]
fn pods_on_one_node_say_nothing_about_the_wire() {
    let mut seen = native();
    seen.pods[1].node = Some("kind-worker".into());
    for judge in BETWEEN_PODS {
        unobserved(judge, &seen, "no pod sent anything to a pod on another node");
    }
}
