//! Commands and options that the documents show exist.

use clap::{CommandFactory, Parser};
use lab::cli::Cli;

use crate::markdown::{commands, documents, inline_code, root, table};

const USAGE: &str = include_str!("../../../docs/usage.md");
const NIX: &str = include_str!("../../../docs/nix.md");

/// What is wrong with a command line of `lab`, if anything is.
fn refused(line: &str) -> Option<String> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    // `lab COMMAND --help` stands for all of them.
    let words = line.split_whitespace().map(|word| if word == "COMMAND" { "run" } else { word });
    match Cli::try_parse_from(words) {
        Ok(_) => None,
        // `lab kit` stands for its own commands.
        Err(error)
            if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) =>
        {
            None
        }
        Err(error) => Some(format!("`{line}`: {error}")),
    }
}

/// What is wrong with a command line of cargo: the packages and tests that it names.
fn refused_by_cargo(line: &str) -> Option<String> {
    let (cargo, lab) = line.split_once(" -- ").map_or((line, None), |(cargo, lab)| (cargo, Some(lab)));
    let words: Vec<&str> = cargo.split_whitespace().collect();
    for pair in words.windows(2) {
        let named = match pair {
            ["--test", test] => root().join("runner/tests").join(format!("{test}.rs")),
            ["--path", package] => root().join(package).join("Cargo.toml"),
            ["-p", "lab"] => root().join("runner/Cargo.toml"),
            ["-p", package] => root().join("runner").join(package.trim_start_matches("lab-")).join("Cargo.toml"),
            _ => continue,
        };
        if !named.exists() {
            return Some(format!("`{line}`: there is no {}", named.display()));
        }
    }
    let runs_lab = words.get(1) == Some(&"run");
    lab.filter(|_| runs_lab).and_then(|arguments| refused(&format!("lab {arguments}")))
}

/// What is wrong with a command line of nix: the app that it names, and what it hands on.
fn refused_by_nix(line: &str) -> Option<String> {
    let (nix, arguments) = line.split_once(" -- ").map_or((line, ""), |(nix, arguments)| (nix, arguments));
    let app = match nix.split_whitespace().collect::<Vec<_>>()[..] {
        ["nix", "develop"] if arguments.is_empty() => return None,
        ["nix", "build", package] => {
            let there = table(NIX, "## Packages")
                .iter()
                .any(|row| inline_code(row[0]).iter().any(|name| package.strip_prefix(".#") == Some(name.as_str())));
            return (!there).then(|| format!("`{line}`: docs/nix.md has no such package"));
        }
        ["nix", "run", "."] => "default",
        ["nix", "run", app] if app.starts_with(".#") => &app[2..],
        _ => return Some(format!("`{line}`: not a command of the flake")),
    };
    let apps = std::fs::read_to_string(root().join("nix/apps.nix")).expect("the flake has apps");
    if !apps.contains(&format!("\n  {app} = app (")) {
        return Some(format!("`{line}`: the flake has no app {app}"));
    }
    let program = if app == "doctor" { "lab doctor" } else { "lab" };
    refused(&format!("{program} {arguments}"))
}

fn wrong(line: &str) -> Option<String> {
    assert!(!line.contains(['\'', '"', '|', '&', ';']), "`{line}`: only plain words are read here");
    match line.split_whitespace().next() {
        Some("lab") => refused(line),
        Some("cargo") => refused_by_cargo(line),
        Some("nix") => refused_by_nix(line),
        // Another's program: what it takes is not known here.
        Some("docker") => None,
        Some(path) if path.contains('/') => {
            (!root().join(path).exists()).then(|| format!("`{line}`: there is no {path} in the repository"))
        }
        _ => Some(format!("`{line}`: neither lab nor cargo nor nix nor a program of the repository")),
    }
}

#[test]
fn every_command_that_is_shown_can_be_given() {
    let documents = documents();
    let shown: Vec<_> = documents.iter().flat_map(|document| commands(&document.text)).collect();
    assert!(shown.iter().filter(|shown| shown.command.starts_with("lab ")).count() > 20, "few commands were found");
    let wrong: Vec<String> = shown.iter().filter_map(|shown| wrong(shown.command)).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_command_in_the_text_can_be_given() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        for code in inline_code(&document.text) {
            // What is set in the environment stands before a command.
            let command =
                code.split_once(" cargo ").map_or_else(|| code.clone(), |(_, cargo)| format!("cargo {cargo}"));
            let refused = match command.split_whitespace().next() {
                Some("lab") if command != "lab" => refused(&command),
                Some("cargo") => refused_by_cargo(&command),
                _ => continue,
            };
            count += 1;
            wrong.extend(refused.map(|why| format!("{}: {why}", document.path)));
        }
    }
    assert!(count > 0, "no command was found");
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_command_that_cannot_be_given_is_noticed() {
    let nix =
        ["nix run .#none", "nix run . -- rum", "nix shell", "nix run .#doctor -- --no-such-option", "nix build .#none"];
    let others =
        ["lab rum", "lab run --no-such-option", "cargo run -- rum", "cargo test --test none", "ci/none", "make"];
    for line in others.into_iter().chain(nix) {
        assert!(wrong(line).is_some(), "{line}");
    }
}

#[test]
fn the_table_of_commands_is_that_of_the_program() {
    let program = Cli::command();
    let there: Vec<String> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect();
    let rows = table(USAGE, "## Commands");
    let shown: Vec<&str> = rows.iter().filter_map(|row| row[0].trim_matches('`').split_whitespace().nth(1)).collect();
    assert_eq!(shown, there);
}
