//! The programs that a lab is built with: there, missing, of another version, and broken.

use lab_doctor::{Outcome, Row};
use std::time::Duration;

use super::engine::FakeEngine;
use super::machine::{Machine, row, says};

fn rows(change: impl FnOnce(&mut Machine)) -> Vec<Row> {
    let mut machine = Machine::new();
    change(&mut machine);
    FakeEngine::new().rows(&machine)
}

#[test]
fn pinned_programs_are_found() {
    let rows = rows(|_| ());
    for (id, version) in [
        ("tools.docker", "28.2.2 (/"),
        ("tools.kind", "0.17.0 (/"),
        ("tools.helm", "3.10.2 (/"),
        ("tools.kubectl", "1.25.3 (/"),
        ("tools.cilium", "0.12.11 (/"),
    ] {
        says(&rows, id, Outcome::Ok, version);
    }
}

#[test]
fn missing_programs_are_refused_where_a_lab_is_built_with_them() {
    let rows = rows(|machine| {
        for name in ["docker", "kind", "helm", "kubectl", "cilium"] {
            machine.program(name, None);
        }
    });
    for (name, outcome) in [
        ("docker", Outcome::Refusal),
        ("kind", Outcome::Refusal),
        ("helm", Outcome::Refusal),
        ("kubectl", Outcome::Warning),
        ("cilium", Outcome::Warning),
    ] {
        says(&rows, &format!("tools.{name}"), outcome, &format!("{name} is not in PATH"));
    }
    assert!(row(&rows, "tools.kind").remedy.contains("go install sigs.k8s.io/kind@v0.17.0"));
}

#[test]
fn another_version_is_told_with_both() {
    let rows = rows(|machine| machine.program("kind", Some("kind-newer")));
    says(&rows, "tools.kind", Outcome::Warning, "0.31.0 (/");
    says(&rows, "tools.kind", Outcome::Warning, "; 0.17.0 is pinned");
}

#[test]
fn garbage_and_failures_are_told_by_their_words() {
    let rows = rows(|machine| {
        machine.program("kind", Some("garbage"));
        machine.program("helm", Some("failing"));
        machine.program("kubectl", Some("kind"));
        machine.program("cilium", Some("garbage"));
    });
    says(&rows, "tools.kind", Outcome::Refusal, "its output has no version of kind: \"segmentation");
    // It prints the right version, and fails.
    says(&rows, "tools.helm", Outcome::Refusal, "ended with exit code 127: cannot load libc.so.7");
    says(&rows, "tools.kubectl", Outcome::Warning, "ended with exit code 64: it printed no error message");
    says(&rows, "tools.cilium", Outcome::Warning, "its output has no version of cilium");
}

#[test]
fn programs_that_hang_cost_one_deadline_together() {
    let begun = lab_base::clock::now();
    let rows = rows(|machine| {
        for name in ["docker", "kind", "helm", "kubectl", "cilium"] {
            machine.program(name, Some("hanging"));
        }
    });
    for name in ["docker", "kind", "helm", "kubectl", "cilium"] {
        assert!(row(&rows, &format!("tools.{name}")).found.ends_with("did not print its version within 5 s"));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_docker_program_that_asks_another_engine_is_refused() {
    let machine = Machine::new();
    let rows = lab_base::runtime().unwrap().block_on(async {
        let (met, folder) = FakeEngine::new().met().await;
        // The same socket by another path: the program is told this one, and the Engine has the first as its id.
        let socket = folder.path().join("again.sock");
        std::os::unix::fs::symlink(folder.path().join("docker.sock"), &socket).unwrap();
        drop(met);
        let endpoint = format!("unix://{}", socket.display());
        let endpoint = lab_engine::Endpoint::parse(&endpoint, None, "the test").unwrap();
        let met = lab_engine::Engine::connect_to(endpoint).await;
        lab_doctor::kind::kind_with(&machine.input, met).await
    });
    says(&rows, "tools.docker", Outcome::Refusal, "reaches another Engine than unix:///");
}
