use clap::Parser;
use std::collections::BTreeSet;

use super::text::{GATEWAY_LLADDR, STANDS_FOR};
use super::*;
use crate::cli::Cli;
use lab_harness::cases::ALL;
use lab_harness::explanation::{ByHand, Where};
use lab_report::Style;
use lab_sabotage::ON_KIND;

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

#[test]
fn no_part_of_an_explanation_is_empty() {
    for Explained { name, on, explanation, .. } in matching("").unwrap() {
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
fn a_case_names_the_faults_that_it_kills_on_each_backend() {
    for case in ALL {
        let explained = Explained::of(case);
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
    let named = Explained::of(cases::find("routing::no_tunnel_device").unwrap()).kills;
    let named: Vec<&str> = named.iter().map(|killed| killed.fault).collect();
    assert_eq!(named, ["route-through-a-tunnel", "vxlan", "tunnel-device"]);
}

#[test]
fn commands_by_hand_use_the_pinned_programs_and_those_that_are_documented() {
    for case in ALL {
        for one in case.explanation.by_hand {
            let (host, elsewhere) = programs(one.command);
            assert!(ON_THE_HOST.contains(&host), "{}: {}", case.name, one.command);
            assert!(elsewhere.is_none_or(|program| AT_A_PLACE.contains(&program)), "{}", one.command);
            assert!(one.on == Where::Kind || host == "lab", "{}: {}", case.name, one.command);
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
    for one in ALL.iter().flat_map(|case| case.explanation.by_hand) {
        let parts = one.command.split([' ', '/', ':', '\'']);
        let capitals = parts.filter(|part| part.len() > 2 && part.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        for word in capitals {
            assert!(known.contains(word), "{}: {word}", one.command);
        }
    }
}

#[test]
fn a_name_a_part_or_an_area_selects_and_nothing_else_does() {
    let names = |name: &str| matching(name).unwrap().iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names("wire::full_mtu_fits"), ["wire::full_mtu_fits"]);
    assert_eq!(names("l2::"), ["l2::nodes_share_one_bridge", "l2::peers_are_adjacent"]);
    let failure = matching("routing::no_tunel_device").unwrap_err();
    assert_eq!(failure.code, 2);
    assert_eq!(
        failure.message,
        "there is no case \"routing::no_tunel_device\"; did you mean routing::no_tunnel_device?; `lab explain` lists them all"
    );
    assert_eq!(matching("§").unwrap_err().message, "there is no case \"§\"; `lab explain` lists them all");
}

#[test]
fn lines_are_wrapped_to_the_terminal_and_commands_are_not() {
    for one in matching("").unwrap() {
        for width in [60, 100] {
            let printed = text(&one, Style::new(false, Some(width)));
            for line in printed.lines().skip(1).filter(|line| line.chars().count() > width) {
                let there = one.there.iter().flat_map(|there| &there.commands);
                let is_command = one.explanation.by_hand.iter().any(|by_hand| by_hand.command == line.trim())
                    || there.into_iter().any(|command| command == line.trim());
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

#[test]
fn a_case_that_exists_on_a_cluster_says_what_is_read_and_expected_there() {
    let mut there = 0;
    for one in matching("").unwrap() {
        let printed = text(&one, Style::PLAIN);
        assert_eq!(one.there.is_some(), one.on.contains(&BackendKind::Cluster), "{}", one.name);
        let Some(explained) = &one.there else {
            assert!(!printed.contains("on a cluster"), "{}", one.name);
            continue;
        };
        there += 1;
        assert!(printed.contains(explained.claim) && printed.contains(explained.asks), "{printed}");
        for command in &explained.commands {
            assert!(printed.lines().any(|line| line.trim() == command), "{command} is not in:\n{printed}");
        }
        // The last row is about any other configuration; who makes the routes is always known.
        assert!(explained.expects.len() > 1, "{}", one.name);
        for (read, says) in &explained.expects {
            assert!(printed.contains(&format!("{read}: {says}")), "{read} is not in:\n{printed}");
        }
    }
    assert_eq!(there, cases::on(BackendKind::Cluster).count());
    assert!(there > 0);
}
