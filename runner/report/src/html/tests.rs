//! The page from folders that tests write: hostile ones, empty ones, large ones.

use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::samples;
use lab_evidence::{RunFolder, Seen};
use lab_model::observe::{NodeName, Place};
use lab_model::report::CaseOutcome;
use lab_model::report::{CaseReport, Claim, StageOutcome};
use lab_model::road::{Road, Way};
use lab_model::stage::Stage;
use lab_model::{Finding, Proof, Reason};

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// A run's folder while tests write it.
struct Run {
    _runs: tempfile::TempDir,
    folder: RunFolder,
    cases: Vec<CaseReport>,
}

impl Run {
    fn new() -> Self {
        let runs = tempfile::tempdir().unwrap();
        let file = samples::run_file("k3f2");
        let folder = RunFolder::create(runs.path(), &file).unwrap();
        Self { _runs: runs, folder, cases: Vec::new() }
    }

    /// A case that saw this, and ended so.
    fn case(&mut self, name: &'static str, seen: &Value, outcome: CaseOutcome) -> PathBuf {
        let mut folder = self.folder.case(name, noon()).unwrap();
        folder.record(&Seen { at: noon(), source: "probe", place: None }, seen).unwrap();
        let claim = Claim { name, article: "(here)", claim: "it is so" };
        let took = Duration::from_millis(3);
        let report = CaseReport::new(claim, outcome, took, folder.files(), &|place, command| {
            format!("lab shell {place} -- {command}")
        });
        let path = folder.path();
        folder.finish(&report).unwrap();
        self.cases.push(report);
        path
    }

    fn report(&self) -> Report {
        samples::report_with(self.cases.clone())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn held() -> CaseOutcome {
    CaseOutcome::Held { proof: Proof::new("seen") }
}

/// A route as the probe writes it.
fn route(destination: &str, gateway: Option<&str>, device: &str) -> Value {
    json!({
        "destination": destination, "hops": [{"device": device, "encapsulates": false, "gateway": gateway}],
        "kind": "unicast", "metric": 0, "mtu": null, "protocol": 3, "scope": 0, "source": null, "table": 254, "tos": 0
    })
}

/// A look into the node of this number, with these routes.
fn view(number: usize, routes: &[Value]) -> Value {
    json!({
        "netns": number, "rules": [], "neighbours": [], "listeners": [], "routes": routes,
        "addresses": [{"device": "eth0", "address": format!("172.18.0.{number}/16")}],
        "links": [{
            "index": 2, "name": "eth0", "kind": "veth", "up": true, "carrier": true, "mtu": 1500,
            "mac": format!("02:42:ac:12:00:{number:02x}"), "master": null, "peer_index": null, "peer_netns": null,
            "vxlan": null
        }]
    })
}

/// A lab of so many nodes that routes directly: nodes, segment, base routes and routes, under these names.
fn record_lab(run: &mut Run, nodes: usize, name: &dyn Fn(usize) -> String) {
    let cidr = |number: usize| format!("10.0.{number}.0/24");
    let views = |with: bool| -> Value {
        let of = |number: usize| {
            let peers = (2..nodes + 2).filter(|peer| with && *peer != number);
            let mut routes: Vec<Value> =
                peers.map(|peer| route(&cidr(peer), Some(&format!("172.18.0.{peer}")), "eth0")).collect();
            routes.push(route("0.0.0.0/0", Some("172.18.0.1"), "eth0"));
            (name(number), view(number, &routes))
        };
        (2..nodes + 2).map(of).collect()
    };
    let names: Vec<String> = (2..nodes + 2).map(name).collect();
    let members: Vec<Value> = (2..nodes + 2)
        .map(|number| json!({"node": name(number), "address": format!("172.18.0.{number}/16")}))
        .collect();
    let segments =
        json!({"nodes": names, "segments": [{"name": name(0), "gateway": "172.18.0.1/16", "members": members}]});
    run.case("l2::nodes_share_one_bridge", &segments, held());
    let base = json!({"age": {"secs": 1, "nanos": 0}, "gateway": "172.18.0.1", "nodes": views(false)});
    run.case("routing::only_base_routes_before", &base, held());
    let by_node: Value = (2..nodes + 2).map(|number| (name(number), Value::from(cidr(number)))).collect();
    let routing = json!({"nodes": views(true), "pod_cidrs": {"source": "here", "by_node": by_node}, "lookups": {}});
    run.case("routing::direct_route_to_every_peer", &routing, held());
    let pairs =
        (2..nodes + 2).flat_map(|from| (2..nodes + 2).map(move |to| (from, to))).filter(|(from, to)| from != to);
    let road = |(from, to): (usize, usize)| Road {
        from: NodeName(name(from)),
        to: NodeName(name(to)),
        pods: cidr(to).parse().unwrap(),
        way: Way::Direct { route: format!("{} via 172.18.0.{to} dev eth0", cidr(to)) },
    };
    run.cases.last_mut().unwrap().found.roads = pairs.map(road).collect();
}

/// Pods, what the Service answered them, and what one asked the other on the wire.
fn record_traffic(run: &mut Run, name: &dyn Fn(usize) -> String, said: &str) {
    let pods = json!([
        {"name": name(12), "node": name(2), "address": "10.0.2.7", "ready": true},
        {"name": name(13), "node": name(3), "address": "10.0.3.8", "ready": true}
    ]);
    let reply = |url: &str, body: &str| {
        json!({
            "url": url, "connection": {"local": "10.0.2.7:40000", "remote": "10.0.3.8:8080"},
            "outcome": {"response": {"status": 200, "body": body}}, "elapsed": {"secs": 0, "nanos": 5}
        })
    };
    let body = lab_model::hello_app::answer(said);
    let answers = json!({
        "cluster_ip": "10.96.0.9:8080", "pods": pods,
        "replies": [
            [{"pod": name(12)}, {"Ok": [reply("http://10.96.0.9:8080/", &body)]}],
            [{"pod": name(13)}, {"Err": said}]
        ]
    });
    run.case("service::answers_from_each_pod", &answers, held());
    let ping =
        json!({"destination": "10.0.3.8", "length": 84, "outcome": "silent", "elapsed": {"secs": 0, "nanos": 5}});
    let wire = json!({
        "nodes": {name(2): view(2, &[]), name(3): view(3, &[])}, "pods": pods,
        "traffic": {
            "mtu": 1500, "outside": [], "gateway_macs": {},
            "between_pods": [{
                "from": name(12), "to": name(13), "http": reply("http://10.0.3.8:8080/", &body), "full_mtu": ping, "small": ping
            }],
            "captures": [{"place": {"node": name(2)}, "device": "eth0", "frames": [], "lost": 1, "pcap": null}]
        }
    });
    run.case("wire::pods_reach_each_other_directly", &wire, held());
}

/// The tags of a page, in their order: what a browser would make elements of.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split([' ', '>', '\n', '/']).next().unwrap_or_default()).collect()
}

fn page_with(text: &str) -> String {
    let mut run = Run::new();
    let name = |number: usize| format!("{text}{number}");
    record_lab(&mut run, 3, &name);
    record_traffic(&mut run, &name, text);
    let finding = Finding {
        reason: Reason::NoAnswer,
        place: Place::Node(NodeName(name(2))),
        expected: text.to_owned(),
        observed: text.to_owned(),
        by_hand: Some(text.to_owned()),
    };
    run.case("wire::source_address_is_kept", &json!({}), CaseOutcome::Refuted { findings: vec![finding] });
    run.case("wire::full_mtu_fits", &json!({}), CaseOutcome::Unobserved { missing: text.to_owned() });
    let mut proof = Proof::new(text);
    proof.details = vec![text.to_owned()];
    run.case("l2::peers_are_adjacent", &json!({}), CaseOutcome::Held { proof });
    let mut report = run.report();
    let head = &mut report.head;
    (head.id, head.lab, head.version) = (text.to_owned(), text.to_owned(), text.to_owned());
    (head.notes, head.deviations) = (vec![text.to_owned()], vec![text.to_owned()]);
    head.host.kernel = text.to_owned();
    report.ending = vec![text.to_owned()];
    report.stages = vec![samples::stage(Stage::ClusterCreated, 1, text)];
    report.stages[0].outcome = StageOutcome::Failed;
    for case in &mut report.cases {
        (case.claim, case.article, case.deviation) = (text.to_owned(), text.to_owned(), vec![text.to_owned()]);
    }
    report.cases[5].evidence.push(text.to_owned());
    to_html(run.path(), &report).unwrap()
}

#[test]
fn nothing_that_came_from_outside_becomes_an_element_or_acts() {
    let harmless = page_with("plain");
    let nasty = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>]]>--></style></svg></title>{{7*7}}&lt;\u{202e}\u{2066}\u{1b}[31m\u{0}\u{85}";
    let hostile = page_with(nasty);
    assert_eq!(tags(&hostile), tags(&harmless));
    let unwanted =
        |character: char| character != '\n' && (character.is_control() || "\u{202e}\u{2066}".contains(character));
    assert_eq!(hostile.find(unwanted), None, "a character that acts is in the page");
    assert!(hostile.contains("\\u{202e}") && hostile.contains("&#60;script&#62;") && hostile.contains("{{7*7}}"));
    // The yardstick can tell: one unescaped text is another list of tags.
    assert_ne!(tags(&format!("{harmless}{nasty}")), tags(&harmless));
}

#[test]
fn only_plain_paths_below_the_run_are_links() {
    let mut run = Run::new();
    run.case("l2::peers_are_adjacent", &json!({}), held());
    let mut report = run.report();
    let paths = ["javascript:alert(1)", "../../secret", "/etc/passwd", "a b/c?d#e.pcap", ""];
    report.cases[0].evidence.extend(paths.map(str::to_owned));
    let page = to_html(run.path(), &report).unwrap();
    let links: Vec<&str> = page
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .filter(|link| !link.starts_with('#'))
        .collect();
    let expected =
        ["./cases/l2__peers_are_adjacent/evidence.jsonl", "./javascript%3Aalert%281%29", "./a%20b/c%3Fd%23e.pcap"];
    assert_eq!(links, expected);
}

#[test]
fn what_was_not_seen_is_said_and_not_drawn() {
    let run = Run::new();
    let page = to_html(run.path(), &run.report()).unwrap();
    assert!(!page.contains("<svg"), "something is drawn");
    for said in [
        "No node was seen: there is nothing to draw.",
        "No node&#39;s routes were seen, neither before routing was installed nor after.",
        "No request was captured.",
        "Nobody was seen to ask the Service.",
        "No stage was begun.",
        "no case was run",
    ] {
        assert!(page.contains(said), "no {said:?} in:\n{page}");
    }
}

#[test]
fn a_hop_without_a_frame_has_no_arrow() {
    let mut run = Run::new();
    let name = |number: usize| format!("n{number}");
    record_lab(&mut run, 3, &name);
    record_traffic(&mut run, &name, "n13");
    let page = to_html(run.path(), &run.report()).unwrap();
    assert!(!page.contains("road request") && !page.contains("road answer"), "an arrow is drawn");
    assert!(page.contains("not seen among 0 frames on n2&#39;s eth0; 1 more were lost"), "{page}");
    assert!(page.contains("not captured on n12&#39;s eth0"), "{page}");
}

#[test]
fn evidence_that_was_altered_is_named_and_not_shown() {
    let mut run = Run::new();
    record_lab(&mut run, 3, &|number| format!("n{number}"));
    let file = run.path().join("cases/routing__direct_route_to_every_peer/evidence.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("172.18.0.3", "172.18.0.9")).unwrap();
    let page = to_html(run.path(), &run.report()).unwrap();
    assert!(page.contains("Evidence that cannot be used") && page.contains("routing__direct_route_to_every_peer"));
    assert!(!page.contains("class=\"road"), "a route is drawn from altered evidence");
    assert!(page.contains("The nodes&#39; routes were not seen: no arrow is drawn."), "{page}");
}

#[test]
fn direct_routes_are_arrows_and_a_hundred_nodes_are_a_table() {
    let mut run = Run::new();
    record_lab(&mut run, 3, &|number| format!("n{number}"));
    let page = to_html(run.path(), &run.report()).unwrap();
    assert_eq!(page.matches("class=\"road good\"").count(), 6);
    assert!(page.contains("6 of 6 routes to a peer&#39;s pods are direct"), "{page}");

    // The same routes, and a judge that found otherwise: the page does not look at routes.
    let mut report = run.report();
    let roads = &mut report.cases.last_mut().unwrap().found.roads;
    let astray = |reason| Way::Astray { reason, observed: "10.0.2.1 is led astray".to_owned() };
    roads[0].way = astray(Reason::ThroughTunnel);
    roads[1].way = astray(Reason::RouteMissing);
    roads[2].way = astray(Reason::Shadowed);
    roads[3].way = Way::Undecided { missing: "nobody was asked".to_owned() };
    let page = to_html(run.path(), &report).unwrap();
    let drawn = ["road good\"", "road bad tunnel\"", "road bad\"", "road open\""];
    assert_eq!(drawn.map(|class| page.matches(&format!("class=\"{class}")).count()), [2, 1, 0, 0], "{page}");
    let said = "2 of 6 routes to a peer&#39;s pods are direct, from node to node; 1 go through a tunnel; 2 are missing or lead elsewhere; of 1 it is not known";
    for said in [said, "✗ 10.0.3.0/24 in a tunnel", "✗ no route to 10.0.4.0/24", "✗ 10.0.2.0/24 shadowed"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for said in ["? 10.0.4.0/24 not known", "shadowed: 10.0.2.1 is led astray", "nobody was asked"] {
        assert!(page.contains(said), "{said}: {page}");
    }

    // A run of a version that kept nothing of it.
    for case in &mut report.cases {
        case.found.roads.clear();
    }
    let page = to_html(run.path(), &report).unwrap();
    assert!(
        !page.contains("class=\"road") && page.contains("Nothing was kept of what was found about the way"),
        "{page}"
    );

    let mut run = Run::new();
    record_lab(&mut run, 100, &|number| format!("n{number}"));
    let page = to_html(run.path(), &run.report()).unwrap();
    assert!(!page.contains("class=\"road"), "a picture of 9,900 routes");
    assert!(page.contains("100 nodes are too many for a picture") && page.contains("99 of 99"), "{page}");
    assert!(page.len() < 1_000_000, "{} octets", page.len());
}

#[test]
fn a_foreign_cluster_is_told_by_node_and_by_pair_and_not_drawn() {
    let page = to_html(Path::new("nowhere"), &samples::foreign_cluster()).unwrap();
    for part in [
        "<h2 id=\"nodes-heading\">Nodes, the worst first</h2>",
        "no route to worker-0&#39;s 10.0.0.0/24",
        "likewise to 1 more peer: worker-3",
        "<span>? unobserved</span>",
        "<span>its agent did not answer within 15s</span>",
        "Packets that do not get to a peer&#39;s pods",
        "wrong next hop: 10.0.3.1 takes 10.0.3.0/24 via 192.168.0.9 dev ens3",
    ] {
        assert!(page.contains(part), "{part:?} is not in:\n{page}");
    }
    for section in ["topology-heading", "ways-heading", "article-heading", "Evidence that cannot be used"] {
        assert!(!page.contains(section), "{section}");
    }
    let page = to_html(Path::new("nowhere"), &samples::run_that_holds()).unwrap();
    assert!(!page.contains("nodes-heading") && page.contains("topology-heading"));
}
