//! What came from elsewhere is printed so that no terminal acts on it.

use lab_base::text::clean;
use std::fs;
use std::process::Command;

use super::process::{Ended, Running};
use super::world::Lab;

/// Clears the screen, sets a title by an 8-bit control, and writes backwards.
const HOSTILE: &str = "x\u{1b}[2J\u{9b}31m\u{202e}y";

#[track_caller]
fn safe(command: Command) -> Ended {
    let ended = Running::start(command).finish();
    for text in [&ended.stdout, &ended.stderr] {
        // Tabs are no matter here.
        assert_eq!(clean(text), text.replace('\t', " "), "{text:?}");
    }
    ended
}

#[test]
fn what_commands_print_and_complain_of_is_clean() {
    let lab = Lab::new();
    let hostile = lab.work().join(HOSTILE);
    let path = hostile.to_str().unwrap();
    let escaped = r"x\u{1b}[2J\u{9b}31m\u{202e}y";

    // Errors, with what was given.
    safe(lab.lab(&["report", HOSTILE])).code(3).prints("").mentions(&[escaped]);
    safe(lab.lab(&["replay", path])).code(3).prints("").mentions(&[escaped]);
    safe(lab.lab(&["run", "--manifests", path])).code(3).prints("").mentions(&[escaped]);

    // Rows, runs and labs.
    safe(lab.lab(&["doctor", "--on", "netns", "--runs-dir", path])).shows(escaped);
    let json = safe(lab.lab(&["doctor", "--on", "netns", "--runs-dir", path, "--format", "json"]));
    let rows: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let found = rows.as_array().unwrap().iter().find(|row| row["id"] == "files.runs").unwrap();
    assert!(found["found"].as_str().unwrap().contains(HOSTILE), "a program gets what it was: {found}");
    safe(lab.lab(&["run", "l2::", "--runs-dir", path])).code(0).shows(&format!("{escaped}/"));
    safe(lab.lab(&["verify", "l2::", "--runs-dir", path])).code(0);
    let mut status = lab.lab(&["status"]);
    status.env("XDG_STATE_HOME", &hostile);
    fs::create_dir_all(hostile.join("lab/n")).unwrap();
    fs::write(hostile.join("lab/n/state.json"), "{").unwrap();
    safe(status).code(0).shows(escaped);
}

#[test]
fn a_report_from_elsewhere_is_printed_clean_in_every_format() {
    let lab = Lab::new();
    lab.run(&["run", "l2::"]).code(0);
    let file = lab.only_run().join("report.json");
    let mut report: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    report["lab"] = HOSTILE.into();
    report["notes"] = serde_json::json!([HOSTILE]);
    report["cases"][0]["proof"]["summary"] = HOSTILE.into();
    // As serde_json writes it: with the 8-bit control and the override as they are.
    fs::write(&file, report.to_string()).unwrap();
    let id = lab.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    for format in ["text", "json", "markdown", "html"] {
        safe(lab.lab(&["report", &id, "--format", format])).code(0).quiet();
    }
    let json = lab.run(&["report", &id, "--format", "json"]).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), report);
    safe(lab.lab(&["report", &id, "--beside"])).code(0);
    // What is no JSON at all.
    fs::write(&file, HOSTILE).unwrap();
    safe(lab.lab(&["report", &id, "--format", "json"])).prints("x\\u001b[2J\\u009b31m\\u202ey");
    safe(lab.lab(&["report", &id])).code(3);
}
