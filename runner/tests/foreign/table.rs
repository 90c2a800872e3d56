//! The table, as a run has it: a cluster of another configuration is not refuted for that.

use lab_model::report::CaseOutcome;

use super::theirs::{Theirs, reroute};
use lab_cluster::tier::At;

fn outcome(theirs: &Theirs, name: &str) -> CaseOutcome {
    let report = theirs.lab.report();
    report.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{name}")).outcome.clone()
}

#[test]
fn a_tunnel_is_told_and_nothing_is_claimed() {
    let theirs = Theirs::serve();
    theirs.configure(&[("tunnel", "vxlan")]);
    let ended = theirs.verify(&[]).code(2);
    ended.mentions(&["the cluster routes through a vxlan tunnel (Cilium 1.12.4, a vxlan tunnel", "none was run"]);
    assert!(!theirs.lab.runs().exists());
    assert!(theirs.server.requests().iter().all(|request| !request.contains("/exec")));
    theirs.lab(&["doctor", "--context", "kind-kind"]).code(4).shows("REFUSED  cluster.cilium");
}

#[test]
fn routes_of_the_network_are_judged_as_such() {
    let theirs = Theirs::serve();
    theirs.configure(&[("auto-direct-node-routes", "false")]);
    theirs.change(|_node, command, mut printed| {
        if command.contains("config --all") {
            printed.stdout =
                printed.stdout.replace("\"EnableAutoDirectRouting\":true", "\"EnableAutoDirectRouting\":false");
        }
        if command.contains("route show") {
            // Pods of peers leave by the default route.
            reroute(&mut printed, |route| {
                let by_a_node = route["gateway"].as_str().is_some_and(|gateway| gateway.starts_with("172.18."));
                if by_a_node && route["dst"] != "default" {
                    route["dst"] = serde_json::json!("10.9.0.0/24");
                }
            });
        }
        Some(printed)
    });
    theirs.verify(&[]).code(0);
    let CaseOutcome::Held { proof } = outcome(&theirs, "routing::direct_route_to_every_peer") else {
        panic!("not held")
    };
    assert!(
        proof.summary.contains("6 to routers of the network, whose own routes were not looked at"),
        "{}",
        proof.summary
    );
}

#[test]
fn kube_proxy_that_is_kept_is_not_asked_for() {
    let theirs = Theirs::serve();
    theirs.configure(&[("kube-proxy-replacement", "partial")]);
    theirs.verify(&[]).code(0);
    assert_eq!(outcome(&theirs, "cluster::no_kube_proxy"), CaseOutcome::NotOnBackend);
}

#[test]
fn what_nobody_knows_is_unobserved_with_the_reason() {
    let theirs = Theirs::serve();
    theirs.configure(&[("cni-chaining-mode", "aws-cni")]);
    theirs.verify(&[]).code(1);
    let CaseOutcome::Unobserved { missing } = outcome(&theirs, "routing::direct_route_to_every_peer") else {
        panic!("not unobserved")
    };
    assert_eq!(missing, "nobody knows what to expect: another network plugin makes the routes of pods");
    assert!(matches!(outcome(&theirs, "cilium::components_are_ok"), CaseOutcome::Held { .. }));
    let id = theirs.lab.run_names().remove(0);
    theirs.lab.run(&["bundle", &id, "-o", "run.tar.zst"]).code(0);
    theirs.lab.run(&["replay", "run.tar.zst"]).code(0);
}

/// The rows of the page: the cases of a row that it says the same of stand together.
fn lines() -> Vec<String> {
    use lab_judge::foreign::table::{CASES, ROWS, Says};
    let mut lines = Vec::new();
    for row in ROWS {
        let mut groups: Vec<(Says, Vec<String>)> = Vec::new();
        for (case, says) in row.cases {
            let name = format!("`{case}`");
            match groups.iter_mut().find(|(known, _)| known == says) {
                Some((_, names)) => names.push(name),
                None => groups.push((*says, vec![name])),
            }
        }
        for (says, names) in groups {
            let names = if names.len() == CASES.len() { "all".to_owned() } else { names.join(", ") };
            lines.push(format!("| {} | {names} | {} |", row.read, says.in_words()));
        }
    }
    lines
}

#[test]
fn the_page_has_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cluster.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| read |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let lines = lines();
    assert!(rows == lines, "{} should have:\n{}", path.display(), lines.join("\n"));
    // And the rights.
    for right in lab_cluster::tier::READ {
        let needed = if right.needed { "yes" } else { "no" };
        let line = format!("| `{}` | {needed} | {} |", right.in_words(Some("kube-system")), right.why);
        assert!(page.contains(&line), "{} lacks:\n{line}", path.display());
    }
    for (at, right) in lab_cluster::tier::PROBE {
        let needed = match (right.needed, at) {
            (false, _) => "no",
            (true, At::Anywhere) => "yes",
            (true, At::Own) => "without `--probe-namespace`",
        };
        let line = format!("| `{}` | {needed} | {} |", right.in_words(None), right.why);
        assert!(page.contains(&line), "{} lacks:\n{line}", path.display());
    }
}
