//! `lab bundle` and `lab replay` as somebody runs them: what they print, how they end, what they leave.

use super::made::{Entry, bundle, change, change_evidence, entries, hashed, indexed, path, real};
use lab_base::exec::{Exit, Invocation};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// For one invocation.
const DEADLINE: Duration = Duration::from_mins(2);

/// How it ended, what it printed, what it complained of.
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// `lab` in this folder, with nothing of the environment.
#[track_caller]
pub(super) fn lab(folder: &Path, args: &[&str]) -> Ended {
    let run = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(args).env("HOME", folder).directory(folder);
    let finished = lab_base::runtime().unwrap().block_on(run.run(DEADLINE)).unwrap();
    let Exit::Code(code) = finished.exit else { panic!("{}", finished.exit) };
    Ended { code, stdout: finished.stdout_text(), stderr: finished.stderr_text() }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder with a run's folder in it, as the run left it; and the run's id.
pub(super) fn run(routing: &str) -> (TempDir, String) {
    run_of(&entries(&real(routing)))
}

fn run_of(parts: &[Entry]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let run: Value = serde_json::from_slice(&parts[1].1).unwrap();
    let id = run["id"].as_str().unwrap().to_owned();
    for (name, content) in &parts[1..] {
        let file = folder.path().join("lab-runs").join(&id).join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    (folder, id)
}

#[test]
fn a_run_is_bundled_and_replayed_as_it_was() {
    for routing in ["native", "vxlan", "none"] {
        let (folder, id) = run(routing);
        let ended = lab(folder.path(), &["bundle", &id]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let file = format!("lab-{id}.tar.zst");
        assert!(ended.stdout.starts_with(&format!("{file}, ")), "{}", ended.stdout);
        let unhashed = "\n  (the captures were not hashed when an older lab wrote them: ";
        assert!(ended.stdout.contains(unhashed), "{}", ended.stdout);
        // By id or by folder, the bytes are the same, and those that were written when the run was made.
        assert!(fs::read(folder.path().join(&file)).unwrap() == real(routing), "{routing}");
        let by_folder = lab(folder.path(), &["bundle", &format!("lab-runs/{id}"), "-o", "other.tar.zst"]);
        assert_eq!(by_folder.code, 0, "{}", by_folder.stderr);
        assert!(fs::read(folder.path().join("other.tar.zst")).unwrap() == real(routing), "{routing}");
        let mut there = ["lab-runs", &file, "other.tar.zst"];
        there.sort_unstable();
        assert_eq!(names(folder.path()), there);
        // Far from the run, with nothing but the file.
        let away = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join(&file), away.path().join(&file)).unwrap();
        let ended = lab(away.path(), &["replay", &file]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
        assert!(ended.stdout.contains("18 of 18 verdicts reproduced; 11 not judged again\n"), "{}", ended.stdout);
        assert!(
            ended.stdout.contains("The captures (.pcap) were not hashed when the run wrote them"),
            "{}",
            ended.stdout
        );
        // Some in other words than those of the version that made the run.
        assert_eq!(ended.stdout.matches("(reproduced").count(), 18, "{}", ended.stdout);
        assert_eq!(names(away.path()), [file.as_str()]);
    }
}

#[test]
fn a_capture_that_the_run_did_not_write_is_named_and_not_bundled() {
    const PCAP: &str = "cases/wire__full_mtu_fits/kind-worker-eth0.pcap";
    let parts = hashed("native");
    let (folder, id) = run_of(&parts);
    let ended = lab(folder.path(), &["bundle", &id, "-o", "sound.tar.zst"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(!ended.stdout.contains("not hashed"), "{}", ended.stdout);
    let replayed = lab(folder.path(), &["replay", "sound.tar.zst"]);
    assert!(replayed.code == 0 && !replayed.stdout.contains("not hashed"), "{}", replayed.stdout);
    let json = lab(folder.path(), &["replay", "sound.tar.zst", "--format", "json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["captures_hashed"], true);

    let file = folder.path().join("lab-runs").join(&id).join(PCAP);
    let sound = fs::read(&file).unwrap();
    let pcapng = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    let later = [&sound[..], b"x"].concat();
    for (content, why) in [
        (&sound[..30], "altered after it was written: it has sha256 "),
        (&later, "altered after it was written: it has sha256 "),
        (
            &pcapng,
            "it is a pcapng file, as Wireshark saves captures, and runs write pcap files: it was altered or saved again",
        ),
        (b"", "it is not a capture file: it was altered or saved again after the run"),
    ] {
        fs::write(&file, content).unwrap();
        for more in [&[][..], &["--dry-run"]] {
            let ended = lab(folder.path(), &[&["bundle", &id, "-o", "b.tar.zst"], more].concat());
            assert_eq!(ended.code, 3, "{}", ended.stdout);
            let named = format!("lab: lab-runs/{id}/{PCAP}: {why}");
            assert!(
                ended.stderr.contains(&named) || ended.stderr.contains(&named.replace("lab: ", "lab: ./")),
                "{}",
                ended.stderr
            );
            assert!(
                ended.stderr.ends_with("put the run's own file back, or pass on the report alone\n"),
                "{}",
                ended.stderr
            );
            assert!(!folder.path().join("b.tar.zst").exists());
        }
    }
}

/// A stranger may have written them: they are not printed ready to paste under this program's own label.
#[test]
fn commands_that_a_bundle_has_are_marked_as_its_own() {
    let mut parts = entries(&real("vxlan"));
    let hostile = "rm -rf / # as lab says";
    let hostile_in = |case: &mut Value| case["by_hand"].as_array_mut().unwrap().fill(hostile.into());
    change(&mut parts, "cases/routing__no_tunnel_device/case.json", |file| hostile_in(&mut file["report"]));
    change(&mut parts, "report.json", |file| {
        let cases = file["cases"].as_array_mut().unwrap().iter_mut();
        cases.filter(|case| case["name"] == "routing::no_tunnel_device").for_each(hostile_in);
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.tar.zst"), bundle(&indexed(parts))).unwrap();
    let ended = lab(folder.path(), &["replay", "b.tar.zst"]);
    let said = "(lines after \"bundle's\" are commands as the bundle has them: whoever made it wrote them, not this program; \
                read one before you run it)\n";
    let (before, after) = ended.stdout.split_once(said).unwrap_or_else(|| panic!("{}", ended.stdout));
    assert!(!before.contains("bundle's"), "{before}");
    assert!(after.contains(&format!("bundle's  {hostile}\n")), "{after}");
    assert!(!ended.stdout.contains("by hand"), "{}", ended.stdout);
    // Without commands nothing is said of any.
    let sound = lab(folder.path(), &["replay", path("native").to_str().unwrap()]).stdout;
    assert!(!sound.contains("bundle's"), "{sound}");
}

#[test]
fn what_differs_is_listed_with_both_verdicts_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = entries(&real("native"));
    change_evidence(&mut parts, "routing::no_tunnel_device", |data| {
        // A direct route is not what this case looks at: the first link becomes a tunnel.
        let nodes = data["nodes"].as_object_mut().unwrap();
        let link = nodes.values_mut().next().unwrap()["links"].as_array_mut().unwrap().last_mut().unwrap();
        link["kind"] = "vxlan".into();
    });
    let write = |name: &str, parts| fs::write(folder.path().join(name), bundle(&indexed(parts))).unwrap();
    write("changed.tar.zst", parts.clone());
    let ended = lab(folder.path(), &["replay", "changed.tar.zst"]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    for part in [
        "  held  routing::no_tunnel_device",
        "(DIFFERS: below)",
        "What differs, although both are of lab ",
        "  DIFFERS  routing::no_tunnel_device\n           recorded  held: 0 of ",
        "\n           now       refuted: tunnel_device at kind-control-plane: ",
        "1 of 18 verdicts DIFFER, 17 reproduced; 11 not judged again\n",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in {}", ended.stdout);
    }
    let ended = lab(folder.path(), &["replay", "changed.tar.zst", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &document["exit_code"], &document["differ"]), (1, &1.into(), &1.into()));
    let cases = document["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == "routing::no_tunnel_device").unwrap();
    assert_eq!(
        (&case["again"], &case["recorded"]["outcome"], &case["now"]["outcome"]),
        (&"differs".into(), &"held".into(), &"refuted".into())
    );
    // By another version.
    for (_, text) in &mut parts {
        if let Ok(utf8) = std::str::from_utf8(text) {
            *text = utf8.replace("\"version\": \"0.1.0\"", "\"version\": \"0.0.9\"").into_bytes();
        }
    }
    write("older.tar.zst", parts);
    let ended = lab(folder.path(), &["replay", "older.tar.zst"]);
    let versions = format!("What differs, recorded by lab 0.0.9, judged again by lab {}\n", env!("CARGO_PKG_VERSION"));
    assert!(ended.code == 1 && ended.stdout.contains(&versions), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn exit_codes_tell_refused_from_differing_and_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut flipped = real("native");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(folder.path().join("flipped.tar.zst"), flipped).unwrap();
    for file in ["flipped.tar.zst", "none.tar.zst", "."] {
        let ended = lab(folder.path(), &["replay", file]);
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{file}");
        assert!(
            ended.stderr.starts_with(&format!("lab: {file}: ")) && ended.stderr.lines().count() == 1,
            "{}",
            ended.stderr
        );
    }
    let mut parts = entries(&real("native"));
    parts.retain(|(name, _)| !name.starts_with("cases/"));
    super::made::change(&mut parts, "report.json", |report| {
        report["cases"].as_array_mut().unwrap().retain(|case| case["outcome"] == "not_on_backend");
    });
    fs::write(folder.path().join("nothing.tar.zst"), bundle(&indexed(parts))).unwrap();
    let ended = lab(folder.path(), &["replay", "nothing.tar.zst"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stdout.contains("no verdict could be judged again, so this replay proves nothing; 11 not judged again\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab(folder.path(), &["replay"]).code, 2);
    let machine = lab(folder.path(), &["replay", path("vxlan").to_str().unwrap(), "--format", "json"]);
    let document: Value = serde_json::from_str(&machine.stdout).unwrap();
    assert_eq!(
        (machine.code, &document["reproduced"], &document["not_judged"], &document["whole"]),
        (0, &18.into(), &11.into(), &true.into())
    );
}

#[test]
fn nothing_is_overwritten_unasked_and_nothing_half_done_is_left() {
    let (folder, id) = run("native");
    let file = folder.path().join("mine.tar.zst");
    fs::write(&file, "mine").unwrap();
    let ended = lab(folder.path(), &["bundle", &id, "-o", "mine.tar.zst"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
    assert!(
        ended.stderr.contains("mine.tar.zst: this file exists already; give another name with -o, or --force"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let ended = lab(folder.path(), &["bundle", &id, "-o", "mine.tar.zst", "--dry-run"]);
    assert_eq!(ended.code, 0);
    assert!(
        ended.stdout.starts_with("would write mine.tar.zst\n  (it exists, and is not replaced without --force)\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("  cases/l2__peers_are_adjacent/evidence.jsonl\n"), "{}", ended.stdout);
    assert_eq!(lab(folder.path(), &["bundle", &id, "-o", "mine.tar.zst", "--force"]).code, 0);
    // What is no file is never replaced.
    let socket = folder.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let ended = lab(folder.path(), &["bundle", &id, "-o", "socket", "--force"]);
    assert!(
        ended.code != 0 && ended.stderr.contains("socket: cannot be replaced: it is no regular file"),
        "{}",
        ended.stderr
    );
    assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
    fs::remove_file(&socket).unwrap();
    assert!(fs::read(&file).unwrap() == real("native"));
    let ended = lab(folder.path(), &["bundle", &id, "-o", "none/x.tar.zst"]);
    assert!(ended.code == 3 && ended.stderr.contains("none/x.tar.zst: cannot be written: "), "{}", ended.stderr);
    for (run, why) in
        [("nope", "nope: there is no such run in ./lab-runs"), ("lab-runs", "lab-runs: there is no such run")]
    {
        let ended = lab(folder.path(), &["bundle", run]);
        assert!(ended.code == 3 && ended.stderr.contains(why), "{}", ended.stderr);
    }
    // What was altered since is not handed on.
    let evidence = folder.path().join("lab-runs").join(&id).join("cases/l2__peers_are_adjacent/evidence.jsonl");
    let text = fs::read_to_string(&evidence).unwrap();
    fs::write(&evidence, text.replacen("172.18.0.2", "172.18.0.9", 1)).unwrap();
    let ended = lab(folder.path(), &["bundle", &id]);
    assert!(
        ended.code == 3 && ended.stderr.contains("evidence.jsonl:1: altered after it was written"),
        "{}",
        ended.stderr
    );
    assert_eq!(names(folder.path()), ["lab-runs", "mine.tar.zst"]);
}

/// A run that was killed in the middle of a case.
#[test]
fn a_run_that_was_not_over_says_so() {
    let (folder, id) = run("native");
    let runs = folder.path().join("lab-runs");
    let partial = runs.join(format!("{id}.partial"));
    fs::rename(runs.join(&id), &partial).unwrap();
    fs::remove_file(partial.join("report.json")).unwrap();
    fs::remove_file(partial.join("junit.xml")).unwrap();
    let case = partial.join("cases/wire__nothing_leaks_to_the_uplink");
    let text = fs::read_to_string(case.join("case.json")).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    file["state"] = "running".into();
    file["report"] = Value::Null;
    file["evidence_sha256"] = Value::Null;
    fs::write(case.join("case.json"), file.to_string()).unwrap();
    let evidence = fs::read(case.join("evidence.jsonl")).unwrap();
    fs::write(case.join("evidence.jsonl"), &evidence[..evidence.len() / 2]).unwrap();
    let ended = lab(folder.path(), &["bundle", &id]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(
        ended.stdout.contains("(incomplete: the run was not over; cases without a verdict cannot be judged again)"),
        "{}",
        ended.stdout
    );
    let ended = lab(folder.path(), &["replay", &format!("lab-{id}.partial.tar.zst")]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    for part in [
        "17 of 17 verdicts reproduced; 1 not judged again\nThe run was not over when it was bundled, so the bundle does not have all of it\n",
        "  it has no verdict: the run ended in the middle of it\n    wire::nothing_leaks_to_the_uplink\n",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in {}", ended.stdout);
    }
}

#[test]
fn a_run_in_a_lab_is_not_anonymised() {
    let (folder, id) = run("native");
    let ended = lab(folder.path(), &["bundle", &id, "--anonymise"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("a run in a lab, whose names and addresses are the lab's own; leave --anonymise out"),
        "{}",
        ended.stderr
    );
    assert_eq!(names(folder.path()), ["lab-runs"]);
}
