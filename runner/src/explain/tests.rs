use clap::Parser;
use std::collections::BTreeSet;
use std::path::Path;

use super::text::{GATEWAY_LLADDR, STANDS_FOR};
use super::*;
use crate::cli::Cli;
use lab_harness::cases::ALL;
use lab_model::Reason;
use lab_report::Style;
use lab_sabotage::ON_KIND;

/// The files of each case's judge: where its reasons stand.
const JUDGES: [(&str, &[&str]); 29] = [
    ("cluster::docker_engine_answers", &["engine/answers.rs"]),
    ("cluster::three_node_containers_run", &["engine/containers.rs", "engine/image.rs"]),
    ("cluster::three_nodes_run", &["adjacency/nodes.rs"]),
    ("cluster::no_kube_proxy", &["cluster/kube_proxy.rs"]),
    ("cluster::nodes_not_ready_for_want_of_a_cni", &["cluster/before.rs"]),
    ("cluster::nodes_are_what_the_article_shows", &["cluster/shown.rs"]),
    ("l2::nodes_share_one_bridge", &["adjacency/segment.rs"]),
    ("l2::peers_are_adjacent", &["adjacency/peers.rs"]),
    ("cluster::control_plane_runs_nested_containers", &["cluster/nested.rs"]),
    ("routing::only_base_routes_before", &["routing/base.rs"]),
    ("cilium::release_has_the_articles_values", &["cilium/release.rs"]),
    ("cilium::images_are_the_pinned_ones", &["cilium/images.rs"]),
    ("cilium::components_are_ok", &["cilium/components.rs"]),
    ("cilium::routes_natively", &["cilium/native.rs"]),
    ("cluster::nodes_become_ready", &["cluster/ready.rs"]),
    ("routing::direct_route_to_every_peer", &["routing/direct.rs", "routing/verdict.rs", "routing/kernel.rs"]),
    ("routing::no_tunnel_device", &["routing/tunnel.rs"]),
    ("routing::own_pods_are_local", &["routing/own.rs"]),
    ("service::two_replicas_on_two_workers", &["service/workload.rs"]),
    ("service::cluster_ip_has_both_backends", &["service/endpoints.rs"]),
    ("service::load_balancer_table_matches", &["service/tables.rs"]),
    ("service::answers_from_the_control_plane", &["service/answers.rs"]),
    ("service::answers_from_each_pod", &["service/answers.rs"]),
    ("wire::pods_reach_each_other_directly", &["wire/reach.rs"]),
    ("wire::frames_are_not_encapsulated", &["wire/encapsulated.rs"]),
    ("wire::source_address_is_kept", &["wire/source.rs"]),
    ("wire::full_mtu_fits", &["wire/mtu.rs"]),
    ("wire::masqueraded_outside_the_native_cidr", &["wire/masquerade.rs"]),
    ("wire::nothing_leaks_to_the_uplink", &["wire/leak.rs"]),
];

/// What may be run on the host of a lab: the pinned programs, and this one. nsenter is util-linux'.
const ON_THE_HOST: [&str; 6] = ["lab", "docker", "kubectl", "helm", "cilium", "nsenter"];
/// What may be run at a place of a lab, or in an agent: what README.md names, and what a node's image has.
const AT_A_PLACE: [&str; 10] =
    ["ip", "curl", "tcpdump", "ping", "nft", "readlink", "ctr", "crictl", "iptables-save", "cilium"];

fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// The program that runs on the host, and the one that it runs elsewhere, if it does.
fn programs(command: &str) -> (&str, Option<&str>) {
    match words(command)[..] {
        ["sudo", "nsenter", "--net", "--target", _pid, program, ..] => ("nsenter", Some(program)),
        ["docker", "exec", _node, program, ..] => ("docker", Some(program)),
        [host, ..] => (host, command.split_once(" -- ").and_then(|(_, rest)| rest.split(' ').next())),
        [] => ("", None),
    }
}

/// What the compiler knows of the enum: serde's own list of its names.
fn all_reasons() -> BTreeSet<String> {
    let error = serde_json::from_str::<Reason>("\"no such reason\"").expect_err("there is no such reason").to_string();
    let (_, listed) = error.split_once("expected one of ").expect("serde lists them");
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn reasons(explanation: &Explanation) -> BTreeSet<String> {
    explanation.breaks.iter().map(|breaks| breaks.reason.to_string()).collect()
}

#[test]
fn every_case_is_explained_once_and_nothing_else_is() {
    let explained: Vec<&str> = all().map(|explanation| explanation.case).collect();
    let distinct: BTreeSet<&str> = explained.iter().copied().collect();
    assert_eq!(distinct.len(), explained.len());
    assert_eq!(distinct, ALL.iter().map(|case| case.name).collect());
    assert_eq!(meant("").unwrap().len(), ALL.len());
}

#[test]
fn no_part_of_an_explanation_is_empty() {
    for Explained { name, on, explanation, .. } in meant("").unwrap() {
        for (part, text) in
            [("step", explanation.step), ("native", explanation.native), ("unobserved", explanation.unobserved)]
        {
            assert!(text.ends_with('.') && text.len() > 20, "{name}: {part}: {text:?}");
        }
        assert!(!explanation.read.is_empty() && explanation.read.iter().all(|read| read.what.len() > 20), "{name}");
        assert!(
            !explanation.breaks.is_empty() && explanation.breaks.iter().all(|breaks| breaks.how.len() > 20),
            "{name}"
        );
        for on in on {
            let place = if on == BackendKind::Netns { Where::Netns } else { Where::Kind };
            let here = |at| at == place || at == Where::Both;
            assert!(explanation.by_hand.iter().any(|one| here(one.on)), "{name} cannot be seen by hand on {on}");
            assert!(explanation.read.iter().any(|one| here(one.on)), "{name}: nothing is read on {on}");
        }
        let both = cases::find(name).unwrap().exists_on(BackendKind::Netns);
        assert!(both || explanation.by_hand.iter().all(|one| one.on == Where::Kind), "{name} does not exist on netns");
        for ByHand { command, shows, .. } in explanation.by_hand {
            assert!(!command.is_empty() && !shows.is_empty(), "{name}");
        }
    }
}

#[test]
fn every_reason_occurs_in_some_explanation() {
    let there = all_reasons();
    assert!(there.contains("route_missing") && there.len() > 70, "{there:?}");
    let explained: BTreeSet<String> = all().flat_map(reasons).collect();
    assert_eq!(explained, there);
}

#[test]
fn every_reason_that_a_judge_gives_occurs_in_the_explanation_of_its_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("judge/src");
    for (case, files) in JUDGES {
        let mut given = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            given.extend(product.split("Reason::").skip(1).filter_map(|rest| {
                let name: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
                let snake = name.chars().enumerate().fold(String::new(), |mut snake, (at, c)| {
                    if at > 0 && c.is_ascii_uppercase() {
                        snake.push('_');
                    }
                    snake.push(c.to_ascii_lowercase());
                    snake
                });
                all_reasons().contains(&snake).then_some(snake)
            }));
        }
        let explanation = all().find(|explanation| explanation.case == case).expect(case);
        assert_eq!(reasons(explanation), given, "{case}: explained, and given by {files:?}");
        assert_eq!(explanation.breaks.len(), given.len(), "{case} explains a reason twice");
    }
    let named: BTreeSet<&str> = JUDGES.iter().map(|(case, _)| *case).collect();
    assert_eq!(named, ALL.iter().map(|case| case.name).collect());
}

#[test]
fn a_case_names_the_faults_that_it_kills_on_each_backend() {
    for case in ALL {
        let explained = Explained::of(case).unwrap();
        let on = |backend| explained.kills.iter().filter(|killed| killed.on == backend).count();
        assert_eq!(on(BackendKind::Netns) == 0, !case.exists_on(BackendKind::Netns), "{}", case.name);
        let named = ON_KIND.iter().filter(|fault| fault.kills.contains(&case.name)).count();
        assert_eq!(on(BackendKind::Kind), named, "{}", case.name);
        let page = text(&explained, Style::PLAIN);
        for killed in &explained.kills {
            let on_kind = if killed.on == BackendKind::Kind { " --on kind" } else { "" };
            assert!(page.contains(&format!("`lab sabotage{on_kind} --exact {}`: ", killed.fault)), "{page}");
        }
    }
    let named = Explained::of(cases::find("routing::no_tunnel_device").unwrap()).unwrap().kills;
    let named: Vec<&str> = named.iter().map(|killed| killed.fault).collect();
    assert_eq!(named, ["route-through-a-tunnel", "vxlan", "tunnel-device"]);
}

#[test]
fn commands_by_hand_use_the_pinned_programs_and_those_that_are_documented() {
    for explanation in all() {
        for one in explanation.by_hand {
            let (host, elsewhere) = programs(one.command);
            assert!(ON_THE_HOST.contains(&host), "{}: {}", explanation.case, one.command);
            assert!(elsewhere.is_none_or(|program| AT_A_PLACE.contains(&program)), "{}", one.command);
            assert!(one.on == Where::Kind || host == "lab", "{}: {}", explanation.case, one.command);
            if host == "lab" {
                Cli::try_parse_from(words(one.command)).unwrap_or_else(|error| panic!("{}: {error}", one.command));
            }
        }
    }
    for (command, found) in [
        ("brctl show", ("brctl", None)),
        ("docker exec kind-worker arping -c 1 172.18.0.4", ("docker", Some("arping"))),
        ("lab shell kind-worker -- bridge link", ("lab", Some("bridge"))),
        ("sudo nsenter --net --target PID_OF_NODE tshark", ("nsenter", Some("tshark"))),
    ] {
        assert_eq!(programs(command), found);
        assert!(!ON_THE_HOST.contains(&found.0) || found.1.is_some_and(|program| !AT_A_PLACE.contains(&program)));
    }
}

#[test]
fn words_in_capitals_are_explained() {
    let known: BTreeSet<&str> = STANDS_FOR.iter().chain([&GATEWAY_LLADDR]).map(|(word, _)| *word).collect();
    for one in all().flat_map(|explanation| explanation.by_hand) {
        let parts = one.command.split([' ', '/', ':', '\'']);
        let capitals = parts.filter(|part| part.len() > 2 && part.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        for word in capitals {
            assert!(known.contains(word), "{}: {word}", one.command);
        }
    }
}

#[test]
fn a_name_a_part_or_an_area_selects_and_nothing_else_does() {
    let names = |name: &str| meant(name).unwrap().iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names("wire::full_mtu_fits"), ["wire::full_mtu_fits"]);
    assert_eq!(names("l2::"), ["l2::nodes_share_one_bridge", "l2::peers_are_adjacent"]);
    let failure = meant("routing::no_tunel_device").unwrap_err();
    assert_eq!(failure.code, 2);
    assert_eq!(
        failure.message,
        "there is no case \"routing::no_tunel_device\"; did you mean routing::no_tunnel_device?; `lab explain` lists them all"
    );
    assert_eq!(meant("§").unwrap_err().message, "there is no case \"§\"; `lab explain` lists them all");
}

#[test]
fn lines_are_wrapped_to_the_terminal_and_commands_are_not() {
    for one in meant("").unwrap() {
        for width in [60, 100] {
            let printed = text(&one, Style::new(false, Some(width)));
            for line in printed.lines().skip(1).filter(|line| line.chars().count() > width) {
                let is_command = one.explanation.by_hand.iter().any(|by_hand| by_hand.command == line.trim());
                // A word that is longer than the room is not broken either: it may be a path to copy.
                assert!(is_command || line.trim().split(' ').count() <= 2, "{width}: {line}");
            }
            for by_hand in one.explanation.by_hand {
                assert!(printed.lines().any(|line| line.trim() == by_hand.command), "{}", by_hand.command);
            }
        }
        let whole = text(&one, Style::PLAIN);
        assert!(whole.contains(one.explanation.step) && whole.contains(one.explanation.native));
    }
}
