//! What the documents state is what the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use lab::cli::Cli;
use lab_base::failure::code;
use lab_harness::cases;
use lab_kind::config::MARK_IN_NODE;
use lab_kind::{artefacts, seal};
use lab_model::BackendKind;
use lab_model::stage::Stage;
use lab_model::verdict::ExitReason;
use lab_netns::MASQUERADE_CHAIN;
use lab_netns::plan::{
    BRIDGE_SUBNET, CLUSTER_IP, LINK_MTU, OUTSIDE_PORT, ROUTER_DEVICE, ROUTER_PEER_DEVICE, VXLAN_DEVICE, VXLAN_PORT,
    VXLAN_VNI,
};
use lab_probe::nft_layout;
use serde_json::Value;

use crate::markdown::{CHINESE, README, documents, inline_code, root, section, table, words};

const PINS: &str = include_str!("../../../manifests/pins.json");
const CASES: &str = include_str!("../../../docs/cases.md");
const USAGE: &str = include_str!("../../../docs/usage.md");
const REPORT: &str = include_str!("../../../docs/report.md");
const EMBEDDED_LAB: &str = include_str!("../../../docs/embedded-lab.md");
const KIND_LAB: &str = include_str!("../../../docs/kind-lab.md");

#[test]
fn the_table_of_cases_is_that_of_the_program() {
    let shown: Vec<String> = table(CASES, "# The cases").iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    let there: Vec<String> = cases::ALL
        .iter()
        .map(|case| {
            let on = if case.body(BackendKind::Netns).is_some() { "netns, kind" } else { "kind" };
            format!("| `{}` | {on} | {} | {} |", case.name, case.article, case.claim)
        })
        .collect();
    assert_eq!(shown, there, "docs/cases.md should have this table of cases:\n{}\n", there.join("\n"));
}

/// Programs that explanations run at a place of a lab of namespaces: those of this machine, which a reader must have.
#[test]
fn programs_that_explanations_run_are_among_the_requirements() {
    let requirements = section(README, "## Requirements");
    let by_hand = cases::ALL.iter().flat_map(|case| case.explanation.by_hand);
    let on_netns = by_hand.filter(|one| one.on == lab_harness::explanation::Where::Netns).map(|one| one.command);
    let programs: BTreeSet<&str> =
        on_netns.filter_map(|command| command.split_once(" -- ")?.1.split(' ').next()).collect();
    assert!(programs.len() > 3, "{programs:?}");
    for program in programs {
        // coreutils are everywhere.
        let named = program == "readlink" || requirements.contains(&format!("`{program}`"));
        assert!(named, "README.md does not say that {program} is needed to look by hand");
    }
}

#[test]
fn the_numbers_of_cases_are_true() {
    let page = words(CASES);
    let both = cases::ALL.iter().filter(|case| case.body(BackendKind::Netns).is_some()).count();
    for phrase in [
        format!("There are {} cases", cases::ALL.len()),
        format!("{both} are about the network"),
        format!("{} are about objects of Kubernetes", cases::ALL.len() - both),
    ] {
        assert!(page.contains(&phrase), "docs/cases.md does not say: {phrase}");
    }
}

#[test]
fn cases_that_are_named_exist() {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
    let mut named = BTreeSet::new();
    for document in documents() {
        let names =
            document.text.split(|c: char| !is_part(c)).filter(|word| word.trim_start_matches(':').contains("::"));
        named.extend(names.map(str::to_owned));
    }
    assert!(named.len() >= cases::ALL.len(), "only {} names were found", named.len());
    for name in named {
        let is_filter =
            name.ends_with("::") && cases::ALL.iter().chain(cases::SECOND).any(|case| case.name.starts_with(&name));
        // What failed as a whole is named like a case in junit.xml; the last stands for all.
        let is_no_case = ["stage::", "run::is_complete", "area::claim_in_words"].contains(&name.as_str());
        assert!(is_filter || is_no_case || cases::find(&name).is_some(), "there is no case {name}");
    }
}

/// All reasons for an exit code. A new one does not compile until it is here.
fn reasons() -> impl Iterator<Item = ExitReason> {
    use ExitReason::{DeadlinePassed, DoctorRefused, Held, Interrupted, NotHeld, NothingRun, StageFailed};
    std::iter::successors(Some(Held), |reason| match reason {
        Held => Some(NotHeld),
        NotHeld => Some(NothingRun),
        NothingRun => Some(DoctorRefused),
        DoctorRefused => Some(StageFailed),
        StageFailed => Some(DeadlinePassed),
        DeadlinePassed => Some(Interrupted),
        Interrupted => None,
    })
}

#[test]
fn the_exit_codes_are_those_of_the_program_and_of_its_help() {
    let help = Cli::command().get_after_help().expect("there is a text after the options").to_string();
    let (_, codes) = help.split_once("Exit codes:\n").expect("it lists the exit codes");
    let helped: Vec<(&str, &str)> = codes
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code, meaning.trim()))
        .collect();
    let rows = table(README, "## Exit codes");
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(shown, helped, "README.md and `lab --help` differ");

    let mut there: BTreeSet<u8> = [code::USAGE, code::INPUT, code::DOCTOR, code::STAGE, code::INTERRUPTED].into();
    there.extend(reasons().map(ExitReason::code));
    let numbers: BTreeSet<u8> = shown.iter().map(|(code, _)| code.parse().expect("a code is a number")).collect();
    assert_eq!(numbers, there, "README.md and the program differ");
}

#[test]
fn the_exit_codes_of_a_report_are_those_that_a_run_decides() {
    let after = REPORT.split_once("| exit code | when |").expect("docs/report.md lists exit codes").1;
    let shown: BTreeSet<u8> =
        after.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok()).collect();
    assert_eq!(shown, reasons().map(ExitReason::code).collect());
}

#[test]
fn versions_are_the_pinned_ones() {
    let pins: Value = serde_json::from_str(PINS).unwrap();
    let pin = |pointer: &str| pins.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
    for (what, version) in [
        ("kind", pin("/tools/kind/version")),
        ("Kubernetes", pin("/kubernetes/version")),
        ("Cilium", pin("/chart/version")),
        ("hello-app", pin("/images/hello-app/tag")),
        ("Rust", env!("CARGO_PKG_RUST_VERSION").to_owned()),
    ] {
        for (page, text) in [("README.md", README), ("README.zh-CN.md", CHINESE)] {
            let (label, text) = (format!("{what} "), words(text));
            let named: Vec<&str> = text
                .split(label.as_str())
                .skip(1)
                .map(|rest| rest.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default())
                .map(|version| version.trim_end_matches('.'))
                .filter(|version| !version.is_empty())
                .collect();
            assert!(!named.is_empty(), "{page} does not say which {what}");
            for other in named {
                assert_eq!(other, version, "{page}: {what}");
            }
        }
    }
}

#[test]
fn the_embedded_lab_is_described_as_it_is() {
    let (bridge, prefix) = BRIDGE_SUBNET;
    let gateway = std::net::Ipv4Addr::from_bits(bridge.to_bits() + 1);
    let map = nft_layout::map_name(std::net::SocketAddrV4::new(CLUSTER_IP, 8080));
    let described = words(EMBEDDED_LAB);
    for phrase in [
        format!("`kind` | {gateway}/{prefix}"),
        format!("MTU {}", LINK_MTU.0),
        format!("`{ROUTER_DEVICE}`/`{ROUTER_PEER_DEVICE}`"),
        format!("{CLUSTER_IP}:8080, to port 8080 of the pods"),
        format!("{gateway}:{OUTSIDE_PORT}, answers"),
        format!("dev {VXLAN_DEVICE} onlink"),
        format!("UDP port {VXLAN_PORT} and the network identifier {VXLAN_VNI}"),
        format!("table `{} {}`", "ip", nft_layout::TABLE),
        format!("chain `{}`", nft_layout::CHAIN),
        format!("chain `{MASQUERADE_CHAIN}`"),
        format!("ip daddr {CLUSTER_IP} tcp dport 8080 dnat to numgen random mod 2 map @{map}:8080"),
    ] {
        assert!(described.contains(&phrase), "docs/embedded-lab.md does not say: {phrase}");
    }
    let differences = words(section(CASES, "## Where the labs differ from the article"));
    for phrase in [format!("| {CLUSTER_IP}, the article's"), format!("{gateway}:{OUTSIDE_PORT}")] {
        assert!(differences.contains(&phrase), "docs/cases.md does not say: {phrase}");
    }
}

#[test]
fn the_stages_are_those_of_the_program() {
    let stages = Stage::ALL.into_iter().filter(|stage| *stage != Stage::Doctor);
    for (number, stage) in stages.enumerate() {
        let line = format!("{}. `{stage}`: ", number + 1);
        assert!(EMBEDDED_LAB.contains(&line), "docs/embedded-lab.md does not have stage {line}");
        assert!(KIND_LAB.contains(&line), "docs/kind-lab.md does not have stage {line}");
    }
}

/// What docs/kind-lab.md calls by the names that the program has for it: rows of the doctor, and files of a lab's state.
#[test]
fn the_lab_on_kind_is_described_by_the_programs_own_names() {
    let program = sources();
    for (heading, least) in [("## Before anything is made", 20), ("## What is ours", 14)] {
        let rows = table(KIND_LAB, heading);
        let names: Vec<String> = rows.iter().flat_map(|row| inline_code(row[0])).collect();
        assert!(names.len() >= least, "{heading}: {names:?}");
        for name in names {
            assert!(program.contains(&format!("\"{name}\"")), "docs/kind-lab.md, {heading}: the program has no {name}");
        }
    }
    for there in [seal::table_name("NAME"), MARK_IN_NODE.to_owned(), artefacts::FOLDER.to_owned() + "/"] {
        assert!(KIND_LAB.contains(&format!("`{there}`")), "docs/kind-lab.md does not name {there}");
    }
}

/// All source files of the program's crates, as one text.
fn sources() -> String {
    let runner = root().join("runner");
    let mut text = String::new();
    append(&runner.join("src"), &mut text);
    for entry in fs::read_dir(runner).expect("crates can be listed") {
        let folder = entry.expect("crates can be listed").path().join("src");
        // What stands in for nodes in tests is no part of the program.
        if folder.is_dir() && !folder.ends_with("stand-in/src") {
            append(&folder, &mut text);
        }
    }
    text
}

fn append(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("sources can be listed") {
        let path = entry.expect("sources can be listed").path();
        if path.is_dir() {
            append(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("sources can be read"));
        }
    }
}

#[test]
fn messages_of_the_troubleshooting_table_are_the_programs() {
    let program = sources();
    for row in table(USAGE, "## Troubleshooting") {
        let messages = inline_code(row[0]);
        assert!(!messages.is_empty(), "{row:?} names no message");
        for part in messages.iter().flat_map(|message| message.split('…')).map(str::trim) {
            assert!(program.contains(part), "the program never says {part:?}");
        }
    }
}
