//! README.md and README.zh-CN.md are one page in two languages, and the Chinese one leads from the article's steps to the
//! cases.

use std::collections::BTreeSet;

use lab_harness::case::Case;
use lab_harness::{Selection, cases};
use lab_model::{BackendKind, Ground};

use crate::links::targets;
use crate::markdown::{CHINESE, README, blocks, inline_code, section, table};

/// What the Chinese page has and the English one has not.
const STEPS: &str = "## 从文章的步骤到用例";
/// The part of it about the article's second case.
const RACKS: &str = "### 文章提到的第二种情况";

/// The Chinese page without that.
fn common() -> String {
    CHINESE.replace(&format!("{STEPS}\n{}", section(CHINESE, STEPS)), "")
}

/// Links within the repository that both pages must have: those to each other and within a page are apart.
fn links(text: &str) -> Vec<String> {
    let apart = |target: &String| target.starts_with('#') || target.starts_with("README");
    targets(text).into_iter().filter(|target| !apart(target)).collect()
}

#[test]
fn both_pages_show_the_same_commands_outputs_and_pictures() {
    let shown = |text: &'static str| -> Vec<(&str, Vec<&str>)> {
        blocks(text).into_iter().map(|block| (block.language, block.lines)).collect()
    };
    let (chinese, english) = (shown(CHINESE), shown(README));
    assert!(english.len() > 4, "{english:?}");
    assert_eq!(chinese.len(), english.len(), "one page has more blocks than the other");
    for (chinese, english) in chinese.iter().zip(&english) {
        assert_eq!(chinese, english);
    }
}

/// Commands, options, names of cases and outcomes, files, programs: whatever stands between backticks.
#[test]
fn both_pages_name_the_same_things() {
    let named = |text: &str| -> BTreeSet<String> { inline_code(text).into_iter().collect() };
    let (chinese, english) = (named(&common()), named(README));
    assert!(english.len() > 20, "{english:?}");
    let differ: Vec<&String> = chinese.symmetric_difference(&english).collect();
    assert_eq!(differ, [""; 0], "README.md and README.zh-CN.md do not both name this");
}

#[test]
fn both_pages_have_the_same_parts_links_and_exit_codes() {
    let headings = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings(&common()), headings(README));
    assert_eq!(links(CHINESE), links(README));
    let codes = |text: &'static str, heading| table(text, heading).iter().map(|row| row[0]).collect::<Vec<_>>();
    assert_eq!(codes(CHINESE, "## 退出码"), codes(README, "## Exit codes"));
}

#[test]
fn each_page_links_the_other() {
    assert!(targets(README).contains(&"README.zh-CN.md".to_owned()));
    assert!(targets(CHINESE).contains(&"README.md".to_owned()));
}

#[test]
fn the_articles_steps_lead_to_all_cases_by_commands_that_select_them() {
    let mut reached: Vec<String> = Vec::new();
    for row in table(CHINESE, STEPS) {
        let (step, command, named) = (row[0], row[1].trim_matches('`'), inline_code(row[2]));
        let (backend, filter) = match command.split(' ').collect::<Vec<_>>()[..] {
            ["lab", "run", "--on", "netns", ref filter @ ..] => (BackendKind::Netns, filter.to_vec()),
            ["lab", "verify", "--on", "kind", ref filter @ ..] => (BackendKind::Kind, filter.to_vec()),
            _ => panic!("{step}: `{command}` is neither a run on netns nor a look at a lab on kind"),
        };
        assert_selects(command, &filter, Ground { backend, bgp: false }, &named);
        reached.extend(named);
    }
    assert_all(cases::ALL, &reached);
}

#[test]
fn what_to_look_at_in_racks_leads_to_all_cases_of_the_second_case() {
    let mut reached: Vec<String> = Vec::new();
    for row in table(CHINESE, RACKS) {
        let (command, named) = (row[1].trim_matches('`'), inline_code(row[2]));
        let Some(filter) = command.strip_prefix("lab run --on netns --topology racks ") else {
            panic!("`{command}` is no run in racks");
        };
        // The article's own values there: no selection, and a case of the first case that is refuted.
        if filter == "--routing native" {
            assert!(named.iter().all(|name| cases::find(name).is_some()), "{named:?}");
            continue;
        }
        assert_selects(command, &[filter], Ground { backend: BackendKind::Netns, bgp: true }, &named);
        reached.extend(named);
    }
    assert_all(cases::SECOND, &reached);
}

/// Exactly the named cases are selected by the filter there.
#[track_caller]
fn assert_selects(command: &str, filter: &[&str], ground: Ground, named: &[String]) {
    assert!(!filter.is_empty(), "`{command}` takes all cases");
    let filter = filter.iter().map(|&word| word.to_owned()).collect();
    let selection = Selection { filter, exact: false, skip: Vec::new() };
    let selected: BTreeSet<&str> =
        cases::offered(ground).map(|case| case.name).filter(|name| selection.takes(name)).collect();
    assert_eq!(selected, named.iter().map(String::as_str).collect(), "`{command}`");
    for case in cases::offered(ground).filter(|case| selected.contains(case.name)) {
        assert!(case.exists_on(ground), "`{command}`: {} does not exist there", case.name);
    }
}

/// Each case is reached, and once.
#[track_caller]
fn assert_all(cases: &[Case], reached: &[String]) {
    let missing: Vec<&str> =
        cases.iter().map(|case| case.name).filter(|name| !reached.iter().any(|reached| reached == name)).collect();
    assert_eq!(missing, [""; 0], "no row of the table in README.zh-CN.md leads to these cases");
    assert_eq!(reached.len(), cases.len(), "two rows lead to the same case: {reached:?}");
}
