//! What must be true of the list of cases, and of what stands beside each.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::*;
use lab_model::{BackendKind, Reason};

#[test]
fn names_are_distinct_and_name_their_area() {
    let names: BTreeSet<&str> = ALL.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), ALL.len());
    for case in ALL {
        let (area, claim) = case.name.split_once("::").expect("a case's name is area::claim");
        assert!(!area.is_empty() && !claim.is_empty(), "{}", case.name);
        assert!(
            case.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c)),
            "{}",
            case.name
        );
    }
}

/// The one place where they are listed a second time: a case that is lost, or that exists on one backend less, is
/// noticed here. Everything that counts cases counts `ALL`.
#[test]
fn no_case_is_lost() {
    let mut there = String::new();
    for case in ALL {
        let on = if case.exists_on(BackendKind::Netns) { "netns, kind" } else { "kind" };
        let _infallible = writeln!(there, "{} ({on})", case.name);
    }
    let kept = include_str!("list.txt");
    assert!(there == kept, "runner/harness/src/cases/list.txt should be:\n{there}");
}

#[test]
fn every_step_beside_the_article_names_a_case() {
    for case in lab_report::beside::cases() {
        assert!(find(case).is_some(), "{case}");
    }
}

/// Judges that give reasons outside the file of their own function, too; and of the reasons there, those that are given
/// for other cases alone.
const REASONS_ELSEWHERE: [(&str, &[&str], &[&str]); 4] = [
    ("cluster::three_node_containers_run", &["engine/image.rs"], &[]),
    ("l2::peers_are_adjacent", WAYS, &["shadowed", "wrong_next_hop"]),
    ("routing::direct_route_to_every_peer", WAYS, &["peer_behind_router"]),
    ("routing::own_pods_are_local", &["routing/foreign/inside.rs"], &[]),
];
const WAYS: &[&str] = &["routing/verdict.rs", "routing/kernel.rs"];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file with a case's judge: the one that has the function which the case's own file names.
fn judge_of(case: &Case, judges: &Path) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cases").join(case.name.replace("::", "/") + ".rs");
    let own = read(&own);
    let area = own.split_once("use lab_judge::").expect("it names its judges").1.split([' ', ';']).next().unwrap();
    let function = own.split_once(", judge::").expect("it names its judge").1.split([',', ')']).next().unwrap();
    let files = std::fs::read_dir(judges.join(area)).unwrap().map(|file| file.unwrap().path());
    let files: Vec<PathBuf> =
        files.filter(|file| file.is_file() && read(file).contains(&format!("pub fn {function}("))).collect();
    let [file] = &files[..] else { panic!("{}: {function} is in {files:?}", case.name) };
    file.clone()
}

/// What the compiler knows of the enum: serde's own list of its names.
fn all_reasons() -> BTreeSet<String> {
    let error = serde_json::from_str::<Reason>("\"no such reason\"").expect_err("there is no such reason").to_string();
    let (_, listed) = error.split_once("expected one of ").expect("serde lists them");
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The reasons that stand in the product's part of a file.
fn reasons_in(file: &Path, all: &BTreeSet<String>) -> BTreeSet<String> {
    let text = read(file);
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let named = product.split("Reason::").skip(1).map(|rest| {
        let name: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        name.chars().enumerate().fold(String::new(), |mut snake, (at, c)| {
            if at > 0 && c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        })
    });
    named.filter(|name| all.contains(name)).collect()
}

fn explained(case: &Case) -> BTreeSet<String> {
    case.explanation.breaks.iter().map(|breaks| breaks.reason.to_string()).collect()
}

#[test]
fn every_reason_occurs_in_some_explanation() {
    let there = all_reasons();
    assert!(there.contains("route_missing") && there.len() > 70, "{there:?}");
    assert_eq!(ALL.iter().chain(SECOND).flat_map(explained).collect::<BTreeSet<_>>(), there);
}

#[test]
fn every_reason_that_a_judge_gives_occurs_in_the_explanation_of_its_case() {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("../judge/src");
    let all = all_reasons();
    for case in ALL.iter().chain(SECOND) {
        let elsewhere = REASONS_ELSEWHERE.iter().find(|(name, ..)| *name == case.name);
        let (elsewhere, others) = elsewhere.map_or((&[][..], &[][..]), |(_, files, others)| (*files, *others));
        let mut files = vec![judge_of(case, &judges)];
        files.extend(elsewhere.iter().map(|file| judges.join(file)));
        let mut given: BTreeSet<String> = files.iter().flat_map(|file| reasons_in(file, &all)).collect();
        for other in others {
            assert!(given.remove(*other), "{}: {other} is in none of {files:?}", case.name);
        }
        assert_eq!(explained(case), given, "{}: explained, and given by {files:?}", case.name);
        assert_eq!(case.explanation.breaks.len(), given.len(), "{} explains a reason twice", case.name);
    }
}
