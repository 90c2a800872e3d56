//! A sound sysdump holds; what is altered in one is refuted for that alone, and what is missing is unobserved.

use lab_model::Reason;
use lab_model::report::{CaseOutcome, Report};

use super::made::{Made, NAME, TIME, path};

pub(super) const ROUTES: &str = "routing::direct_route_to_every_peer";
pub(super) const TABLES: &str = "service::load_balancer_table_matches";

pub(super) fn outcome<'r>(report: &'r Report, name: &str) -> &'r CaseOutcome {
    &report.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{name} was not run")).outcome
}

/// Names and reasons of all findings.
pub(super) fn findings(report: &Report) -> Vec<(&str, Reason, String)> {
    let of = |case: &'_ lab_model::report::CaseReport| -> Vec<(Reason, String)> {
        case.findings().iter().map(|(finding, _)| (finding.reason, finding.place.to_string())).collect()
    };
    let all = report
        .cases
        .iter()
        .flat_map(|case| of(case).into_iter().map(|(reason, place)| (case.name.as_str(), reason, place)));
    all.collect()
}

/// Names of the cases that nothing decides, and what is missing.
pub(super) fn unobserved(report: &Report) -> Vec<(&str, &str)> {
    let missing = |outcome: &'_ CaseOutcome| match outcome {
        CaseOutcome::Unobserved { missing } => Some(missing.clone()),
        _ => None,
    };
    let all = report.cases.iter().filter(|case| missing(&case.outcome).is_some());
    all.map(|case| match &case.outcome {
        CaseOutcome::Unobserved { missing } => (case.name.as_str(), missing.as_str()),
        _ => unreachable!("it was filtered"),
    })
    .collect()
}

#[test]
fn all_nine_cases_hold_in_a_sound_one_and_can_be_judged_again() {
    let (lab, ended) = Made::of_recordings().verify(&[]);
    let ended = ended.code(0);
    assert!(ended.stderr.contains("3 of 3 agents of cilium-sysdump-20221201-101112.zip answered"), "{ended}");
    assert!(ended.stderr.contains("Kubernetes v1.20.2, Cilium 1.12.4"), "{ended}");
    let report = lab.report();
    assert_eq!(report.cases.iter().filter(|case| matches!(case.outcome, CaseOutcome::Held { .. })).count(), 9);
    let case = report.cases.iter().find(|case| case.name == ROUTES).unwrap();
    assert_eq!(case.observed, "6 of 6 ways to peers' pods on 3 nodes lead to the peer itself");
    // What a sysdump does not have is told where it was taken for granted.
    let text = std::fs::read_to_string(lab.only_run().join("report.json")).unwrap();
    assert!(text.contains("a sysdump has neither the table local nor the table default"), "{text}");
    assert!(text.contains("one without any pod was not seen"), "{text}");
    let run = lab.only_run().display().to_string();
    let bundled = lab.run(&["bundle", &run, "--output", "run.tar.zst"]).code(0);
    lab.run(&["replay", "run.tar.zst"]).code(0);
    drop(bundled);
}

#[test]
fn a_route_that_is_gone_is_refuted_on_its_node() {
    let mut made = Made::of_recordings();
    made.change(&path("kind-worker", "ip -4 r"), "10.0.0.0/24 via 172.18.0.2 dev eth0 \n", "");
    let (lab, ended) = made.verify(&[]);
    drop(ended.code(1));
    let report = lab.report();
    assert_eq!(findings(&report), [(ROUTES, Reason::RouteMissing, "kind-worker".to_owned())]);
    assert!(unobserved(&report).is_empty());
    let case = report.cases.iter().find(|case| case.name == ROUTES).unwrap();
    assert!(case.observed.contains("10.0.0.1 would leave through default via 172.18.0.1"), "{case:?}");
    assert_eq!(case.by_hand, [format!("unzip -p {NAME} '*/cilium-bugtool-cilium-9f6rr-*/cmd/ip--4-r*.md'")]);
}

#[test]
fn a_next_hop_of_another_node_is_refuted() {
    let mut made = Made::of_recordings();
    made.change(&path("kind-worker", "ip -4 r"), "10.0.0.0/24 via 172.18.0.2 ", "10.0.0.0/24 via 172.18.0.4 ");
    let (lab, ended) = made.verify(&[]);
    drop(ended.code(1));
    assert_eq!(findings(&lab.report()), [(ROUTES, Reason::WrongNextHop, "kind-worker".to_owned())]);
}

#[test]
fn a_rule_that_leads_pods_elsewhere_is_refuted() {
    let mut made = Made::of_recordings();
    made.change(&path("kind-worker2", "ip rule"), "100:\t", "50:\tfrom all to 10.0.0.0/24 lookup 77\n100:\t");
    made.members.insert(path("kind-worker2", "ip -4 route show table 77"), "blackhole default \n".to_owned());
    let (lab, ended) = made.verify(&["routing::"]);
    drop(ended.code(1));
    assert_eq!(findings(&lab.report()), [(ROUTES, Reason::RouteMissing, "kind-worker2".to_owned())]);
    // A rule to a table that was not collected decides nothing.
    made.remove(&path("kind-worker2", "ip -4 route show table 77"));
    let (lab, ended) = made.verify(&["routing::"]);
    drop(ended.code(1));
    let report = lab.report();
    assert!(findings(&report).is_empty());
    let CaseOutcome::Unobserved { missing } = outcome(&report, ROUTES) else {
        panic!("{:?}", outcome(&report, ROUTES))
    };
    assert!(missing.contains("lookup 77") && missing.contains("ip--4-route-show-table-77.md"), "{missing}");
}

#[test]
fn tables_settings_devices_and_chains_are_refuted_for_what_was_altered() {
    for (node, command, from, to, expected) in [
        (
            "kind-worker",
            "cilium bpf lb list",
            "10.0.1.212:8080",
            "10.0.1.213:8080",
            [Reason::BackendMissing, Reason::BackendStale].as_slice(),
        ),
        (
            "kind-worker2",
            "cilium config -a",
            "EnableAutoDirectRouting           : true",
            "EnableAutoDirectRouting           : false",
            &[Reason::WrongAgentConfig],
        ),
        (
            "kind-worker2",
            "ip -d -s l",
            "1: lo: <",
            "90: cilium_vxlan: <BROADCAST,UP> mtu 1500 qdisc noqueue state UNKNOWN\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 \n    vxlan external id 0 dstport 8472 \n1: lo: <",
            &[Reason::TunnelDevice],
        ),
        (
            "kind-worker",
            "iptables-legacy-save -c",
            "*nat\n",
            "*nat\n:KUBE-SVC-TCOU7JCQXEZGVUNU - [0:0]\n",
            &[Reason::KubeProxyChain],
        ),
        (
            "kind-worker",
            "ip -4 r",
            "10.0.2.0/24 via 10.0.2.104 dev cilium_host",
            "10.0.2.0/24 via 172.18.0.1 dev eth0",
            &[Reason::OwnCidrLeadsAway],
        ),
    ] {
        let mut made = Made::of_recordings();
        made.change(&path(node, command), from, to);
        let (lab, ended) = made.verify(&[]);
        drop(ended.code(1));
        let report = lab.report();
        let reasons: Vec<Reason> = findings(&report)
            .into_iter()
            .map(|(_case, reason, place)| {
                assert_eq!(place, node);
                reason
            })
            .collect();
        assert_eq!(reasons, expected, "{command}");
        assert!(unobserved(&report).is_empty(), "{command}: {:?}", unobserved(&report));
    }
}

#[test]
fn objects_are_judged_too() {
    let mut made = Made::of_recordings();
    made.change(&format!("cilium-operator-deployment-{TIME}.yaml"), "readyReplicas: 2", "readyReplicas: 1");
    made.change(&format!("k8s-endpoints-{TIME}.yaml"), "ip: 10.0.1.212", "ip: 10.0.1.77");
    let (lab, ended) = made.verify(&[]);
    drop(ended.code(1));
    let report = lab.report();
    let reasons: Vec<(&str, Reason)> = findings(&report).into_iter().map(|(case, reason, _)| (case, reason)).collect();
    // All tables agree with one another: the endpoints may have changed after they were listed.
    assert_eq!(
        reasons,
        [
            ("cilium::components_are_ok", Reason::OperatorsNotReady),
            ("service::cluster_ip_has_both_backends", Reason::EndpointStale)
        ]
    );
    let CaseOutcome::Held { proof } = outcome(&report, TABLES) else { panic!("{:?}", outcome(&report, TABLES)) };
    assert!(proof.details.iter().any(|line| line.contains("all tables have the same other endpoints")), "{proof:?}");
}

#[test]
fn what_is_not_there_is_unobserved_and_named() {
    const ALL: [&str; 9] = [
        "cluster::three_nodes_run",
        "cluster::no_kube_proxy",
        "cilium::components_are_ok",
        "cilium::routes_natively",
        ROUTES,
        "routing::no_tunnel_device",
        "routing::own_pods_are_local",
        "service::cluster_ip_has_both_backends",
        TABLES,
    ];
    let routing = [ROUTES, "routing::no_tunnel_device", "routing::own_pods_are_local"];
    let on = |command: &str| path("kind-worker", command);
    let (of_status, of_services) = ([ALL[0], ALL[2]], [ALL[7], TABLES]);
    let debuginfo = format!("cilium-bugtool-cilium-9f6rr-{TIME}/cmd/cilium-debuginfo");
    for (member, cases) in [
        (on("ip -4 r"), routing.as_slice()),
        (on("ip rule"), &routing),
        (on("ip a"), &routing),
        (on("ip -d -s l"), &routing),
        (on("ip -4 route show table 2004"), &routing),
        (on("cilium config -a"), &ALL[3..4]),
        (on("cilium bpf lb list"), &ALL[8..]),
        (on("cilium service list -o json"), &ALL[8..]),
        (debuginfo, &of_status),
        (format!("k8s-endpoints-{TIME}.yaml"), &of_services),
        (format!("k8s-services-{TIME}.yaml"), &of_services),
        (format!("cilium-operator-deployment-{TIME}.yaml"), &ALL[2..3]),
        (format!("cilium-daemonset-{TIME}.yaml"), &ALL[2..3]),
        // Then agents' own files say what to expect, and nothing says what they should have been started with.
        (format!("cilium-configmap-{TIME}.yaml"), &ALL[3..4]),
    ] {
        let mut made = Made::of_recordings();
        made.remove(&member);
        let (lab, ended) = made.verify(&[]);
        drop(ended.code(1));
        let report = lab.report();
        assert!(findings(&report).is_empty(), "{member}: {:?}", findings(&report));
        let found = unobserved(&report);
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), cases, "{member}: {found:?}");
        let name =
            member.rsplit('/').next().unwrap().trim_end_matches(".yaml").trim_end_matches(TIME).trim_end_matches('-');
        for (case, missing) in &found {
            assert!(missing.contains(name) || name == "cilium-daemonset", "{member}: {case}: {missing}");
        }
    }
}

#[test]
fn a_command_that_failed_and_an_agent_without_a_bugtool_are_named() {
    let mut made = Made::of_recordings();
    let failed = "RTNETLINK answers\n> Error while running 'ip -4 r':  exit status 2\n\n";
    made.members.insert(path("kind-worker", "ip -4 r"), failed.to_owned());
    made.members.retain(|path, _text| !path.contains("cilium-hpzx6"));
    let (lab, ended) = made.verify(&[]);
    let ended = ended.code(1);
    assert!(
        ended.stderr.contains("2 of 3 agents of cilium-sysdump-20221201-101112.zip answered; kind-worker2 did not"),
        "{ended}"
    );
    let report = lab.report();
    assert!(findings(&report).is_empty());
    let CaseOutcome::Unobserved { missing } = outcome(&report, ROUTES) else {
        panic!("{:?}", outcome(&report, ROUTES))
    };
    assert!(missing.contains("kind-worker: `ip -4 r` in the agent failed: > Error while running"), "{missing}");
    assert!(missing.contains("kind-worker2: the sysdump has nothing of cilium-bugtool-cilium-hpzx6"), "{missing}");
    assert!(matches!(outcome(&report, "service::cluster_ip_has_both_backends"), CaseOutcome::Held { .. }));
}
