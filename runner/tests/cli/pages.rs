//! `report.html` and `report.md` of real runs, and `lab report` of them.

use crate::counts::here;
use std::fs;

use super::world::Lab;

/// How often the page has this.
#[track_caller]
fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

/// The page of a run of this routing, made by the run and again by `lab report`.
#[track_caller]
fn page(lab: &Lab, routing: &str, code: i32) -> String {
    lab.run(&["run", "--routing", routing]).code(code).quiet();
    let folder = lab.only_run();
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let again = lab.run(&["report", folder.to_str().unwrap(), "--format", "html"]).code(0).quiet();
    let other = again.stdout.lines().zip(page.lines()).find(|(again, first)| again != first);
    assert_eq!(other, None, "the page made again from the run's folder is another");
    assert_eq!(again.stdout.len(), page.len());
    assert!(page.len() < 1_000_000, "{} octets", page.len());
    page
}

#[test]
fn the_page_of_a_run_that_holds_draws_its_direct_routes_and_the_way_of_its_packets() {
    let lab = Lab::new();
    let page = page(&lab, "native", 0);
    assert_eq!(count(&page, "class=\"road good\""), 6);
    // Two requests between pods pass four links, two to the outside two; so do the answers.
    assert_eq!((count(&page, "class=\"road request\""), count(&page, "class=\"road answer\"")), (12, 12));
    assert!(page.contains("source 10.0.1.10 became 172.18.0.3"), "no masquerading: {page}");
    assert_eq!(count(&page, "✓ left with the node&#39;s address"), 2);
    assert!(page.contains("6 of 6 routes to a peer&#39;s pods are direct"), "{page}");
    for nothing in ["✗ not seen", "✗ no route", "wrapped in", "class=\"road bad", "no answer", "href=\"http", "src="]
    {
        assert!(!page.contains(nothing), "{nothing:?} in {page}");
    }
    assert_eq!(count(&page, "<li class=\"added\">"), 14);
    assert_eq!(page_of_an_older_version(&lab), page);
    let summary = fs::read_to_string(lab.only_run().join("report.md")).unwrap();
    assert!(summary.contains(&format!(": {} held\n", here())), "{summary}");
    let id = lab.report().head.id;
    assert_eq!(lab.run(&["report", &id, "--format", "markdown"]).code(0).quiet().stdout, summary);
    lab.assert_nothing_left();
}

/// The page of the same run, as if it were of a version that kept nothing of what judges found beside their verdicts:
/// they find it again.
fn page_of_an_older_version(lab: &Lab) -> String {
    let folder = lab.only_run();
    let file = folder.join("report.json");
    let text = fs::read_to_string(&file).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (key, many) in [("roads", 6), ("leaving", 2)] {
        let cases = report["cases"].as_array_mut().unwrap();
        let removed = cases.iter_mut().filter_map(|case| case.as_object_mut().unwrap().remove(key));
        assert_eq!(removed.map(|found| found.as_array().unwrap().len()).sum::<usize>(), many, "{key}");
    }
    fs::write(&file, report.to_string()).unwrap();
    let page = lab.run(&["report", folder.to_str().unwrap(), "--format", "html"]).code(0).quiet().stdout;
    fs::write(&file, text).unwrap();
    page
}

#[test]
fn the_page_of_an_overlay_shows_tunnels_and_what_wraps_the_packets() {
    let lab = Lab::new();
    let page = page(&lab, "vxlan", 1);
    assert_eq!((count(&page, "class=\"road good"), count(&page, "class=\"road bad tunnel\"")), (0, 6));
    assert!(page.contains("0 of 6 routes to a peer&#39;s pods are direct"), "{page}");
    assert!(page.contains("wrapped in VXLAN 172.18.0.3 → 172.18.0.4"), "{page}");
    // On the two links between the nodes, both ways, of both requests.
    assert_eq!(count(&page, "class=\"road tunnel wrapped\""), 8);
}

#[test]
fn the_page_of_a_lab_without_routes_draws_none_and_says_so_in_red() {
    let lab = Lab::new();
    let page = page(&lab, "none", 1);
    assert_eq!((count(&page, "class=\"road good"), count(&page, "class=\"road bad")), (0, 0));
    assert!(page.contains("class=\"mono tiny bad\""), "{page}");
    assert!(page.contains("✗ no route to 10.0.1.0/24"), "{page}");
    assert!(page.contains("6 are missing or lead elsewhere"), "{page}");
    assert!(page.contains("not seen among") && page.contains("by the default route, not to the peer"), "{page}");
}

#[test]
fn a_run_without_evidence_has_a_page_that_says_what_was_not_seen() {
    let lab = Lab::new();
    lab.run(&["run", "service::answers_from_the_control_plane"]).code(0).quiet();
    let folder = lab.only_run();
    fs::remove_dir_all(folder.join("cases")).unwrap();
    let page = lab.run(&["report", folder.to_str().unwrap(), "--format", "html"]).code(0).quiet().stdout;
    assert!(page.contains("Evidence that cannot be used"), "{page}");
    assert!(page.contains("No node was seen: there is nothing to draw."), "{page}");
}
