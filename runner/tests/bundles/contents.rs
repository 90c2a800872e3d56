//! What goes into a bundle: what the run wrote, and nothing else that lies about.

use super::made::{Entry, entries};
use super::program::{lab, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMzQ1Njc4OTAifQ";
const KUBECONFIG: &str =
    "apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVk=\n";

/// The members of what was bundled, and what was said.
fn bundled(folder: &Path, id: &str) -> (Vec<Entry>, String) {
    let ended = lab(folder, &["bundle", id, "--force"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (entries(&fs::read(folder.join(format!("lab-{id}.tar.zst"))).unwrap()), ended.stdout)
}

fn contains(entries: &[Entry], text: &str) -> bool {
    entries.iter().any(|(_, content)| content.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn foreign_files_links_and_secrets_stay_where_they_are() {
    let (folder, id) = run("native");
    let run = folder.path().join("lab-runs").join(&id);
    let (clean, said) = bundled(folder.path(), &id);
    assert!(!said.contains("left out"), "{said}");
    let case = run.join("cases/wire__full_mtu_fits");
    fs::write(run.join("kubeconfig"), KUBECONFIG).unwrap();
    fs::write(run.join("notes.txt"), "stray").unwrap();
    fs::write(case.join("admin.conf"), KUBECONFIG).unwrap();
    fs::write(case.join("evidence.jsonl.tmp"), "stray").unwrap();
    symlink("/etc/passwd", case.join("passwd.pcap")).unwrap();
    symlink("/etc/passwd", run.join("passwd")).unwrap();
    symlink("/etc", run.join("cases/etc")).unwrap();
    symlink("/etc", run.join("artefacts")).unwrap();
    // Of a known name, and yet not what a run writes: no capture, or one that its case does not name.
    fs::write(case.join("token.pcap"), TOKEN).unwrap();
    fs::copy(case.join("kind-worker-eth0.pcap"), case.join("foreign.pcap")).unwrap();
    fs::create_dir_all(run.join("cases/own/deep")).unwrap();
    fs::write(run.join("cases/own/deep/case.json"), TOKEN).unwrap();
    fs::write(run.join("cases/own/evidence.jsonl"), TOKEN).unwrap();
    let (with, said) = bundled(folder.path(), &id);
    assert!(with == clean, "{:?}", with.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for secret in ["client-key-data", "root:x:", "stray", TOKEN] {
        assert!(!contains(&with, secret), "{secret}");
    }
    for left_out in [
        "kubeconfig: a run writes no such file",
        "notes.txt: a run writes no such file",
        "passwd: a symbolic link",
        "artefacts: a symbolic link",
        "cases/etc: a symbolic link",
        "cases/own/deep/: a run has no such folder",
        "cases/own/evidence.jsonl: its case has no case.json",
        "cases/wire__full_mtu_fits/admin.conf: a run writes no such file",
        "cases/wire__full_mtu_fits/evidence.jsonl.tmp: a run writes no such file",
        "cases/wire__full_mtu_fits/foreign.pcap: its case.json does not name it",
        "cases/wire__full_mtu_fits/passwd.pcap: a symbolic link",
        "cases/wire__full_mtu_fits/token.pcap: its case.json does not name it",
    ] {
        assert!(said.contains(&format!("  (left out: {left_out})\n")), "{left_out:?} is not in {said}");
    }
}

/// A link in place of a file that a run writes, or of a folder of its.
#[test]
fn a_link_in_place_of_evidence_is_not_followed() {
    for (file, link) in [
        ("cases/l2__peers_are_adjacent/evidence.jsonl", "/etc/passwd"),
        ("cases/l2__peers_are_adjacent", "/etc"),
        ("report.json", "/etc/passwd"),
    ] {
        let (folder, id) = run("native");
        let path = folder.path().join("lab-runs").join(&id).join(file);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        symlink(link, &path).unwrap();
        let ended = lab(folder.path(), &["bundle", &id, "-o", "b.tar.zst"]);
        if file == "report.json" {
            // Without it the run counts as one that was not over.
            assert!(ended.code == 0 && ended.stdout.contains("incomplete"), "{}{}", ended.stdout, ended.stderr);
            assert!(!contains(&entries(&fs::read(folder.path().join("b.tar.zst")).unwrap()), "root:x:"));
        } else {
            assert!(ended.code == 3 && ended.stderr.contains("evidence"), "{}{}", ended.stdout, ended.stderr);
            assert!(!folder.path().join("b.tar.zst").exists());
        }
    }
    // The file that says what the run was made from.
    let (folder, id) = run("native");
    let path = folder.path().join("lab-runs").join(&id).join("run.json");
    fs::rename(&path, folder.path().join("run.json.real")).unwrap();
    symlink(folder.path().join("run.json.real"), &path).unwrap();
    let ended = lab(folder.path(), &["bundle", &id]);
    assert!(
        ended.code == 3 && ended.stderr.contains("not a run's folder: there is no run.json in it"),
        "{}",
        ended.stderr
    );
}

/// In a file that cannot be changed without its hash, a secret keeps the run from being handed on.
#[test]
fn a_token_in_what_a_run_wrote_is_named_and_not_handed_on() {
    let (folder, id) = run("native");
    let junit = folder.path().join("lab-runs").join(&id).join("junit.xml");
    let text = fs::read_to_string(&junit).unwrap();
    fs::write(&junit, text + &format!("<!--\nAuthorization: Bearer {TOKEN} -->\n")).unwrap();
    let ended = lab(folder.path(), &["bundle", &id]);
    assert!(
        ended.code == 3
            && ended.stderr.contains("junit.xml:")
            && ended.stderr.contains(": this line looks like a secret"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    // A short one is a secret where one stands.
    let text = fs::read_to_string(&junit).unwrap();
    fs::write(&junit, text.replace(&format!("Authorization: Bearer {TOKEN}"), "{\"password\": \"s3cr3t\"}")).unwrap();
    let ended = lab(folder.path(), &["bundle", &id]);
    assert!(ended.code == 3 && ended.stderr.contains(": this line looks like a secret"), "{}", ended.stderr);
    assert!(!folder.path().join(format!("lab-{id}.tar.zst")).exists());
}

/// What is kept of a lab on kind in which something failed goes along, without secrets.
#[test]
fn artefacts_go_along_without_secrets() {
    let (folder, id) = run("native");
    let artefacts = folder.path().join("lab-runs").join(&id).join("artefacts");
    fs::create_dir(&artefacts).unwrap();
    fs::write(artefacts.join("kind-worker.kubelet.log"), format!("started\n--token {TOKEN} --v 2\n")).unwrap();
    fs::write(artefacts.join("events.txt"), "nothing\n").unwrap();
    fs::write(artefacts.join("kubeconfig"), KUBECONFIG).unwrap();
    let (with, said) = bundled(folder.path(), &id);
    let text =
        |name: &str| with.iter().find(|(own, _)| own == name).map(|(_, text)| String::from_utf8(text.clone()).unwrap());
    assert_eq!(text("artefacts/kind-worker.kubelet.log").as_deref(), Some("started\n--token (taken out) --v 2\n"));
    assert_eq!(text("artefacts/events.txt").as_deref(), Some("nothing\n"));
    assert!(said.contains("left out: artefacts/kubeconfig: a run writes no such file"), "{said}");
    assert!(!contains(&with, TOKEN) && !contains(&with, "client-key-data"));
}
