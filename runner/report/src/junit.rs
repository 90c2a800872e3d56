//! `junit.xml`: the report for CI systems. Refuted is a failure; blocked, unobserved and out of time are errors; what
//! does not exist on the backend is skipped. A stage that failed, and a run that did not get to its end, are cases of
//! their own, so that nothing looks green for want of cases.

use chrono::Datelike;
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};

use lab_base::text::{clean, duration};
use lab_model::report::{CaseOutcome, CaseReport, Report, StageOutcome, StageReport, at};

/// The report as the text of `junit.xml`.
///
/// # Errors
/// [`SerializeError`] if it cannot be written as XML.
pub fn to_junit(report: &Report) -> Result<String, SerializeError> {
    junit(report).to_string()
}

/// The report as one suite of test cases.
pub fn junit(report: &Report) -> quick_junit::Report {
    let head = &report.head;
    let mut suite = TestSuite::new("lab");
    suite.set_time(report.seconds);
    let properties = [
        ("run", head.id.clone()),
        ("lab", head.lab.clone()),
        ("backend", head.backend.to_string()),
        ("routing", head.routing.to_string()),
        ("version", head.version.clone()),
        ("kernel", head.host.kernel.clone()),
    ];
    suite.add_properties(properties.map(|(name, value)| (name.to_owned(), clean(&value))));
    let notes = head.notes.iter().map(|note| ("note".to_owned(), clean(note)));
    let deviations = head.deviations.iter().map(|deviation| ("deviation".to_owned(), clean(deviation)));
    suite.add_properties(notes.chain(deviations));
    suite.add_test_cases(report.stages.iter().filter(|stage| stage.outcome == StageOutcome::Failed).map(failed_stage));
    suite.add_test_cases(report.cases.iter().map(|case| test_case(case, report)));
    if let Some(why) = report.incomplete() {
        let status = error("incomplete", &why, &why);
        let mut case = TestCase::new("run::is_complete", status);
        case.set_classname("run");
        suite.add_test_case(case);
    }
    let mut junit = quick_junit::Report::new("lab");
    // RFC 3339 has four digits for a year, and readers of these files refuse more. A report from elsewhere may have them.
    if (0..=9999).contains(&head.started.year()) {
        suite.set_timestamp(head.started);
        junit.set_timestamp(head.started);
    }
    junit.set_time(report.seconds).add_test_suite(suite);
    junit
}

fn failed_stage(stage: &StageReport) -> TestCase {
    let status = error("stage", &stage.summary, &stage.summary);
    let mut case = TestCase::new(format!("stage::{}", stage.name), status);
    case.set_classname("stage").set_time(stage.seconds);
    case
}

fn test_case(case: &CaseReport, report: &Report) -> TestCase {
    let mut test = TestCase::new(clean(&case.name), status(case, report));
    test.set_classname(clean(case.area())).set_time(case.seconds);
    test.add_properties(case.deviation.iter().map(|deviation| ("deviation".to_owned(), clean(deviation))));
    if let CaseOutcome::Held { proof } = &case.outcome {
        let lines: Vec<String> =
            std::iter::once(&proof.summary).chain(&proof.details).map(|line| clean(line)).collect();
        test.set_system_out(lines.join("\n"));
    }
    test
}

fn status(case: &CaseReport, report: &Report) -> TestCaseStatus {
    match &case.outcome {
        CaseOutcome::Held { .. } => TestCaseStatus::success(),
        CaseOutcome::Refuted { findings } => {
            let message = findings
                .first()
                .map_or_else(|| format!("refuted: {}", case.claim), |finding| at(&finding.place, &finding.observed));
            non_success(NonSuccessKind::Failure, "refuted", &message, &refutation(case))
        }
        CaseOutcome::Blocked { stage, cause } => {
            let message = format!("stage {stage} failed: {cause}");
            error("blocked", &message, &with_evidence(case, message.clone()))
        }
        CaseOutcome::Unobserved { missing } => {
            error("unobserved", missing, &with_evidence(case, format!("nothing is proved: {missing}")))
        }
        CaseOutcome::Deadline { after, last } => {
            let message = format!("not done after {}; last seen: {last}", duration(*after));
            error("deadline", &message, &with_evidence(case, message.clone()))
        }
        CaseOutcome::NotInTopology => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("about nodes on one L2 network; does not exist with BGP between racks");
            status
        }
        CaseOutcome::NotOnBackend => {
            let mut status = TestCaseStatus::skipped();
            let backend = report.head.backend;
            status.set_message(if case.observed.is_empty() {
                format!("about Kubernetes and Cilium; does not exist on {backend}")
            } else {
                format!("does not exist on {backend}: {}", case.observed)
            });
            status
        }
    }
}

/// Every finding in full.
fn refutation(case: &CaseReport) -> String {
    let mut lines = vec![format!("claim: {}", case.claim)];
    for (finding, by_hand) in case.findings() {
        lines.push(format!("{}:", finding.reason));
        lines.push(format!("  expected  {}", at(&finding.place, &finding.expected)));
        lines.push(format!("  observed  {}", at(&finding.place, &finding.observed)));
        if let Some(command) = by_hand {
            lines.push(format!("  by hand   {command}"));
        }
    }
    with_evidence(case, lines.join("\n"))
}

fn with_evidence(case: &CaseReport, text: String) -> String {
    case.evidence.iter().fold(text, |text, file| format!("{text}\nevidence: {file}"))
}

fn error(kind: &str, message: &str, text: &str) -> TestCaseStatus {
    non_success(NonSuccessKind::Error, kind, message, text)
}

fn non_success(kind: NonSuccessKind, ty: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    // Cleaned here, where control characters become visible: the library drops them, and with an unfinished escape
    // sequence all the text after it.
    status.set_type(ty).set_message(clean(message)).set_description(clean(text));
    status
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use lab_model::observe::Place;
    use lab_model::stage::Stage;
    use lab_model::{Finding, Proof, Reason};
    use quick_junit::XmlString;

    fn read_back(report: &Report) -> quick_junit::Report {
        let xml = to_junit(report).unwrap();
        quick_junit::Report::deserialize_from_str(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"))
    }

    fn described(case: &TestCase) -> (&str, NonSuccessKind, &str, &str) {
        let TestCaseStatus::NonSuccess { kind, message, ty, description, .. } = &case.status else {
            panic!("{} succeeded", case.name.as_str())
        };
        (ty.as_deref().unwrap(), *kind, message.as_deref().unwrap(), description.as_deref().unwrap())
    }

    #[test]
    fn every_outcome_has_its_counterpart() {
        let report = read_back(&samples::run_with_every_outcome());
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (8, 1, 5, 1));
        let cases = &report.test_suites[0].test_cases;
        let kinds: Vec<_> = cases
            .iter()
            .map(|case| match &case.status {
                TestCaseStatus::Success { .. } => (case.name.as_str(), "success"),
                TestCaseStatus::Skipped { .. } => (case.name.as_str(), "skipped"),
                TestCaseStatus::NonSuccess { .. } => (case.name.as_str(), described(case).0),
            })
            .collect();
        let expected = [
            ("stage::workload_ready", "stage"),
            ("l2::peers_are_adjacent", "success"),
            ("routing::direct_route_to_every_peer", "refuted"),
            ("wire::frames_are_not_encapsulated", "unobserved"),
            ("service::answers_from_each_pod", "deadline"),
            ("service::two_replicas_on_two_workers", "blocked"),
            ("service::cluster_ip_has_both_backends", "blocked"),
            ("cilium::components_are_ok", "skipped"),
        ];
        assert_eq!(kinds, expected);
        let (_, kind, message, text) = described(&cases[2]);
        assert_eq!(kind, NonSuccessKind::Failure);
        assert!(message.starts_with("kind-worker: no route; 10.0.2.7 would leave"), "{message}");
        assert_eq!(text.matches("\n  by hand   lab shell kind-worker -- ip route get 10.0.").count(), 5, "{text}");
        assert!(text.ends_with("\nevidence: cases/routing__direct_route_to_every_peer/evidence.jsonl"), "{text}");
        assert_eq!(described(&cases[0]).2, "hello-app does not listen on 10.0.2.7:8080");
    }

    #[test]
    fn times_and_properties_are_there() {
        let report = read_back(&samples::run_that_holds());
        let suite = &report.test_suites[0];
        for (name, value) in [("run", "k3f2"), ("backend", "netns"), ("routing", "native")] {
            let found = suite.properties.iter().find(|property| property.name.as_str() == name);
            assert_eq!(found.map(|property| property.value.as_str()), Some(value), "{name}");
        }
        assert_eq!(suite.time.map(|time| time.as_millis()), Some(1214));
        assert_eq!(suite.test_cases[0].time.map(|time| time.as_millis()), Some(12));
        let out = suite.test_cases[0].system_out.as_ref().unwrap();
        assert_eq!(out.as_str(), "3 of 3 on bridge kind, 172.18.0.0/16\n172.18.0.2 is at 02:42");
    }

    #[test]
    fn a_time_that_nobody_writes_is_left_out() {
        let mut report = samples::run_that_holds();
        assert!(read_back(&report).timestamp.is_some());
        report.head.started = chrono::DateTime::<chrono::Utc>::MAX_UTC;
        assert_eq!(read_back(&report).timestamp, None);
    }

    #[test]
    fn a_case_against_overridden_pins_has_the_deviation_as_a_property() {
        let mut report = samples::report_with(vec![samples::held(), samples::refuted(1)]);
        samples::overridden(&mut report, &[1]);
        let read = read_back(&report);
        let [plain, against] = &read.test_suites[0].test_cases[..] else { panic!("two cases") };
        assert!(plain.properties.is_empty());
        let properties: Vec<(&str, &str)> =
            against.properties.iter().map(|property| (property.name.as_str(), property.value.as_str())).collect();
        assert_eq!(properties, [("deviation", report.head.deviations[0].as_str())]);
    }

    #[test]
    fn no_text_breaks_the_file_or_is_lost() {
        let nasty =
            "]]> <a href=\"x\">&amp; &lt;\u{0}\u{8}\u{1b}]0;title\u{9b}1m\u{fffe}\u{ffff} Zürich 网络 \u{1f980}";
        let finding = Finding {
            reason: Reason::NoAnswer,
            place: Place::Pod(nasty.into()),
            expected: nasty.to_owned(),
            observed: nasty.to_owned(),
            by_hand: Some(nasty.to_owned()),
        };
        let mut report = samples::report_with(vec![
            samples::case("service::a", CaseOutcome::Refuted { findings: vec![finding] }),
            samples::case("service::b", CaseOutcome::Unobserved { missing: nasty.to_owned() }),
            samples::case("service::c", CaseOutcome::Blocked { stage: Stage::NodesReady, cause: nasty.to_owned() }),
            samples::case("service::d", CaseOutcome::Held { proof: Proof::new(nasty) }),
        ]);
        report.head.notes = vec![nasty.to_owned()];
        report.head.id = nasty.to_owned();
        let read = read_back(&report);
        let suite = &read.test_suites[0];
        let visible =
            "]]> <a href=\"x\">&amp; &lt;\\u{0}\\u{8}\\u{1b}]0;title\\u{9b}1m\\u{fffe}\\u{ffff} Zürich 网络 \u{1f980}";
        assert_eq!(suite.properties[0].value.as_str(), visible);
        assert_eq!(described(&suite.test_cases[0]).2, format!("{visible}: {visible}"));
        assert!(described(&suite.test_cases[0]).3.contains(&format!("\n  observed  {visible}: {visible}\n")));
        assert_eq!(described(&suite.test_cases[1]).2, visible);
        assert_eq!(suite.test_cases[3].system_out.as_ref().map(XmlString::as_str), Some(visible));
    }

    #[test]
    fn a_run_that_is_not_whole_is_not_green() {
        for (interrupted, selected, why) in [
            (true, 1, "interrupted"),
            (true, 9, "interrupted: 8 of 9 selected cases were not reached"),
            (false, 9, "8 of 9 selected cases were not reached"),
        ] {
            let mut report = samples::report_with(vec![samples::held()]);
            report.interrupted = interrupted;
            report.head.selected = selected;
            let read = read_back(&report);
            assert_eq!((read.tests, read.errors), (2, 1));
            let last = &read.test_suites[0].test_cases[1];
            assert_eq!((last.name.as_str(), described(last).2), ("run::is_complete", why));
        }
        assert_eq!(read_back(&samples::report_with(vec![])).errors, 1);
    }
}
