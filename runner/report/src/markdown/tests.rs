use super::super::samples;
use super::*;
use lab_model::observe::{Place, PodName};
use lab_model::{Finding, Proof, Reason};

#[test]
fn a_run_that_holds_is_a_line_and_two_tables() {
    let page = to_markdown(&samples::run_that_holds());
    assert!(
        page.starts_with("## lab k3f2: 5 held\n\n3 nodes, 2 replicas, native routing, on netns; 1.21 s.\n"),
        "{page}"
    );
    assert!(
        page.contains("\n| ✓ | `l2::nodes_share_one_bridge` | held: 3 of 3 on bridge kind, 172.18.0.0/16 |\n"),
        "{page}"
    );
    assert!(page.contains("\n| topology | ✓ done | 31 ms | 1 bridge, 3 nodes on 172.18.0.0/16 |\n"), "{page}");
    assert!(page.contains("2 cases are about Kubernetes and Cilium and do not exist on netns"), "{page}");
    assert!(!page.contains("###"), "{page}");
}

#[test]
fn what_did_not_hold_comes_first_with_what_to_do() {
    let page = to_markdown(&samples::run_with_every_outcome());
    let of = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{page}"));
    let order = [
        of("### ✗ FAILED: stage workload"),
        of("### ✗ REFUTED: `routing::direct_route_to_every_peer`"),
        of("expected  kind-worker: 10.0.2.0/24 via 172.18.0.4 dev eth0"),
        of("by hand   lab shell kind-worker -- ip route get 10.0.2.7"),
        of("### ? UNOBSERVED: `wire::frames_are_not_encapsulated`"),
        of("### … DEADLINE: `service::answers_from_each_pod`"),
        of(
            "Blocked by stage workload: `service::two_replicas_on_two_workers`, `service::cluster_ip_has_both_backends`",
        ),
        of("| ✓ | `l2::peers_are_adjacent` | held, against overridden pins: 6 of 6"),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn nothing_that_came_from_outside_is_markup() {
    let nasty = "`` ``` </td><script>alert(1)</script> | **b** [x](http://e) @you <!-- \u{202e} \u{1b}[2J\n# head";
    let finding = Finding {
        reason: Reason::NoAnswer,
        place: Place::Pod(PodName(nasty.to_owned())),
        expected: nasty.to_owned(),
        observed: nasty.to_owned(),
        by_hand: Some(nasty.to_owned()),
    };
    let mut report = samples::report_with(vec![
        samples::case("service::a", CaseOutcome::Refuted { findings: vec![finding] }),
        samples::case("service::b", CaseOutcome::Held { proof: Proof::new(nasty) }),
    ]);
    report.head.id = nasty.to_owned();
    report.head.notes = vec![nasty.to_owned()];
    report.stages = vec![samples::stage(lab_model::stage::Stage::ClusterCreated, 1, nasty)];
    let page = to_markdown(&report);
    assert!(!page.contains(['\u{202e}', '\u{1b}']), "{page}");
    let mut fenced = None;
    for line in page.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fenced {
            Some(longest) if ticks == longest && line.len() == ticks => fenced = None,
            Some(_) => {}
            None if ticks >= 3 => fenced = Some(ticks),
            None => {
                let spans: Vec<&str> = line.split('`').collect();
                for outside in spans.iter().step_by(2) {
                    assert!(!outside.contains('<') && !outside.contains('@'), "{line}");
                }
                assert!(!line.starts_with("# head"), "{line}");
                let cells = line.replace("\\|", "").matches('|').count();
                assert!(!line.starts_with('|') || cells == 4 || cells == 5, "{cells} in {line}");
            }
        }
    }
    assert_eq!(fenced, None, "a block of code that does not end:\n{page}");
}

#[test]
fn a_foreign_cluster_is_told_by_node() {
    let page = to_markdown(&samples::foreign_cluster());
    assert!(page.contains("\n| worker-7 | 6 findings | no route to worker-0's 10.0.0.0/24: "), "{page}");
    assert!(
        page.contains(
            "<br>likewise to 1 more peer: worker-3<br>controller sync has failed 3 times in a row<br>default/web"
        ),
        "{page}"
    );
    assert!(page.contains("\n| worker-0 | unobserved | its agent did not answer within 15s |\n"), "{page}");
    assert!(!to_markdown(&samples::run_with_every_outcome()).contains("the worst first"));
}
