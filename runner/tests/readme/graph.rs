//! The crates rest on each other as README.md draws it and docs/architecture.md lists it, in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use lab_base::exec::Invocation;
use serde_json::Value;

use crate::markdown::{README, blocks, root, section, table};

const ARCHITECTURE: &str = include_str!("../../../docs/architecture.md");
/// cargo reads a few small files.
const DEADLINE: Duration = Duration::from_mins(1);
/// With this in the environment, tests that need cargo name themselves, and pass.
const WITHOUT_CARGO: &str = "LAB_TESTS_WITHOUT_CARGO";

/// What each crate rests on. Names are without `lab-`.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// A crate of the workspace, as its manifest has it.
struct Crate {
    name: String,
    /// Relative to the repository.
    folder: String,
    description: String,
    /// Crates of the workspace that it is built with; those of its tests are apart.
    rests_on: BTreeSet<String>,
    default_run: Option<String>,
}

fn short(name: &str) -> String {
    name.strip_prefix("lab-").unwrap_or(name).to_owned()
}

/// The crates as cargo reads their manifests; none where the environment says that there is no cargo.
fn crates(test: &str) -> Option<Vec<Crate>> {
    if std::env::var(WITHOUT_CARGO).is_ok_and(|value| value == "1") {
        // Not `eprintln!`, which a test that passes keeps to itself.
        let line = format!("not run here: {test}: there is no cargo\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
        return None;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = Invocation::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .directory(root())
        .run(DEADLINE);
    let answer = lab_base::runtime().unwrap().block_on(asked).unwrap_or_else(|error| panic!("{error}"));
    assert!(answer.success(), "cargo metadata: {}", answer.stderr_text());
    let metadata: Value = serde_json::from_str(&answer.stdout_text()).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_here = |dependency: &Value| dependency["path"].is_string() && dependency["kind"] != "dev";
    let read = |package: &Value| Crate {
        name: text(&package["name"]),
        folder: {
            let manifest = text(&package["manifest_path"]);
            let folder = Path::new(&manifest).parent().unwrap_or(Path::new(""));
            folder.strip_prefix(root()).unwrap_or(folder).display().to_string()
        },
        description: text(&package["description"]),
        rests_on: list(&package["dependencies"])
            .iter()
            .filter(|dependency| is_here(dependency))
            .map(|dependency| short(&text(&dependency["name"])))
            .collect(),
        default_run: package["default_run"].as_str().map(str::to_owned),
    };
    Some(list(&metadata["packages"]).iter().map(read).collect())
}

fn graph(crates: &[Crate]) -> Graph {
    crates.iter().map(|one| (short(&one.name), one.rests_on.clone())).collect()
}

/// All that a crate rests on, directly or not.
fn reached<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if reached.insert(next.as_str()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The graph of the program without arrows that others imply.
fn reduced(graph: &Graph) -> BTreeSet<(String, String)> {
    let mut program = reached(graph, "lab");
    program.insert("lab");
    let mut arrows = BTreeSet::new();
    for name in program {
        let direct = graph.get(name).into_iter().flatten();
        for other in direct.clone() {
            let implied = direct.clone().any(|between| between != other && reached(graph, between).contains(&**other));
            if !implied {
                arrows.insert((name.to_owned(), other.clone()));
            }
        }
    }
    arrows
}

/// The arrows of the picture: what stands right of one rests on what stands left of it.
fn drawn(picture: &[&str]) -> BTreeSet<(String, String)> {
    let mut arrows = BTreeSet::new();
    for line in picture {
        let groups: Vec<Vec<&str>> = line.split('←').map(|group| group.split('·').map(str::trim).collect()).collect();
        for pair in groups.windows(2) {
            for right in &pair[1] {
                arrows.extend(pair[0].iter().map(|left| ((*right).to_owned(), (*left).to_owned())));
            }
        }
    }
    arrows
}

/// A row of the table: a crate with its folder, what it rests on by name, and what is said of it.
fn row(crate_and_folder: &str, rests_on: &BTreeSet<&str>, description: &str) -> String {
    let names = rests_on.iter().copied().collect::<Vec<_>>().join(", ");
    format!("| {crate_and_folder} | {} | {description} |", if names.is_empty() { "none of these" } else { &names })
}

/// Arrows that are in one of both alone.
fn differences(graph: &Graph, picture: &[&str]) -> Vec<String> {
    let (there, drawn) = (reduced(graph), drawn(picture));
    let missing = there.difference(&drawn).map(|(from, to)| format!("not drawn: {to} ← {from}"));
    let untrue = drawn.difference(&there).map(|(from, to)| format!("drawn, but not there: {to} ← {from}"));
    missing.chain(untrue).collect()
}

fn circles(graph: &Graph) -> Vec<&str> {
    graph.keys().map(String::as_str).filter(|name| reached(graph, name).contains(name)).collect()
}

fn picture() -> Vec<&'static str> {
    let blocks = blocks(section(README, "## How it is made"));
    blocks.into_iter().find(|block| block.language == "text").expect("README.md draws the crates").lines
}

#[test]
fn the_picture_has_the_arrows_of_the_program() {
    let Some(crates) = crates("the_picture_has_the_arrows_of_the_program") else { return };
    let graph = graph(&crates);
    assert!(graph.len() > 10, "cargo names {} crates", graph.len());
    assert_eq!(differences(&graph, &picture()), [""; 0]);
    assert_eq!(circles(&graph), [""; 0]);
}

#[test]
fn the_table_has_all_arrows_and_what_the_crates_say_of_themselves() {
    let Some(crates) = crates("the_table_has_all_arrows_and_what_the_crates_say_of_themselves") else { return };
    let of_crate = |one: &Crate| {
        let cell = format!("[`{}`](../{})", one.name, one.folder);
        row(&cell, &one.rests_on.iter().map(String::as_str).collect(), &one.description)
    };
    let there: BTreeSet<String> = crates.iter().map(of_crate).collect();
    let rows = table(ARCHITECTURE, "## Crates");
    let shown: BTreeSet<String> =
        rows.iter().map(|cells| row(cells[0], &cells[1].split(", ").collect(), cells[2])).collect();
    assert_eq!(rows.len(), there.len(), "docs/architecture.md has another number of crates");
    let missing = there.difference(&shown).map(|row| format!("not in docs/architecture.md: {row}"));
    let untrue = shown.difference(&there).map(|row| format!("not in the manifests: {row}"));
    assert_eq!(missing.chain(untrue).collect::<Vec<_>>(), [""; 0]);
}

/// `cargo run` alone asks which program is meant, unless one package says so.
#[test]
fn cargo_run_runs_lab() {
    let Some(crates) = crates("cargo_run_runs_lab") else { return };
    let named: Vec<&str> = crates.iter().filter_map(|one| one.default_run.as_deref()).collect();
    assert_eq!(named, ["lab"]);
}

#[test]
fn an_arrow_that_is_not_drawn_is_noticed_and_so_is_a_circle() {
    let arrows = |list: &[(&str, &[&str])]| -> Graph {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        list.iter().map(|(name, rests_on)| ((*name).to_owned(), set(rests_on))).collect()
    };
    let picture = ["base ← a · b", "a · b ← lab"];
    let sound = arrows(&[("base", &[]), ("a", &["base"]), ("b", &["base"]), ("lab", &["a", "b", "base"])]);
    assert_eq!(differences(&sound, &picture), [""; 0]);
    assert_eq!(circles(&sound), [""; 0]);

    let one_more = arrows(&[("base", &[]), ("a", &["base"]), ("b", &["a", "base"]), ("lab", &["a", "b"])]);
    let expected = ["not drawn: a ← b", "drawn, but not there: base ← b", "drawn, but not there: a ← lab"];
    assert_eq!(differences(&one_more, &picture), expected);

    let circle = arrows(&[("base", &["b"]), ("a", &["base"]), ("b", &["base"]), ("lab", &["a", "b"])]);
    assert_eq!(circles(&circle), ["b", "base"]);
}
