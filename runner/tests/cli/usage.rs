//! What is asked for wrongly, manifests that cannot be used, and time that runs out.

use lab_model::report::CaseOutcome;
use std::fs;
use std::path::{Path, PathBuf};

use super::process::Running;
use super::world::Lab;

/// The four files, with one piece of one of them replaced.
fn manifests(lab: &Lab, file: &str, piece: &str, by: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    let folder = lab.work().join("manifests");
    fs::create_dir_all(&folder).unwrap();
    for name in ["pins.json", "kind.yaml", "cilium.yaml", "hello-app.yaml"] {
        let text = fs::read_to_string(source.join(name)).unwrap();
        let text = if name == file {
            assert_eq!(text.matches(piece).count(), 1, "{piece:?} in {name}");
            text.replace(piece, by)
        } else {
            text
        };
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// File and line, from 1, of the only occurrence.
fn position(file: &Path, piece: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(piece).count(), 1, "{piece:?} in {}", file.display());
    format!("{}:{}", file.display(), text[..text.find(piece).unwrap()].matches('\n').count() + 1)
}

#[test]
fn manifests_that_ask_for_a_tunnel_are_not_judged_on_netns_as_if_they_had_not() {
    let lab = Lab::new();
    let folder = manifests(
        &lab,
        "cilium.yaml",
        "tunnel: disabled\n  autoDirectNodeRoutes: true",
        "tunnel: geneve\n  autoDirectNodeRoutes: false",
    );
    let file = folder.join("cilium.yaml").display().to_string();
    let of = |option: &str, value: &str| {
        vec![
            "run".to_owned(),
            "--on".to_owned(),
            "netns".to_owned(),
            option.to_owned(),
            value.to_owned(),
            "--manifests".to_owned(),
            folder.display().to_string(),
        ]
    };
    for routing in ["native", "vxlan"] {
        let args = of("--routing", routing);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        lab.run(&args).code(3).prints("").says(&format!(
            "{file}: values.tunnel: expected the article's native routing, found geneve: a lab on netns has no Cilium that \
             could be told of it; `--routing vxlan` is the contrast there, or give `--on kind`"
        ));
    }
    lab.assert_nothing_left();
}

#[test]
fn manifests_of_ones_own_are_taken() {
    let lab = Lab::new();
    let folder = manifests(&lab, "hello-app.yaml", "replicas: 2", "replicas: 1");
    let args = ["run", "l2::", "--manifests", folder.to_str().unwrap()];
    lab.run(&args).code(0).quiet().shows(" on netns: 3 nodes, 1 replica, native routing\n");
    lab.assert_nothing_left();
}

#[test]
fn a_broken_manifest_is_told_with_its_place() {
    // A value by its line and its keys, what is no YAML or JSON at all by its line and column.
    let table = [
        ("hello-app.yaml", "replicas: 2", "replicas: two", ": Deployment.spec.replicas: expected "),
        ("kind.yaml", "kubeProxyMode: \"none\"", "kubeProxyMode: \"some\"", ": networking.kubeProxyMode: expected "),
        ("cilium.yaml", "autoDirectNodeRoutes: true", "autoDirectNodeRoutez: true", ": values.autoDirectNodeRoutez: "),
        ("pins.json", "\"schema\": 1", "\"schema\": \"1\"", ": schema: expected "),
        ("pins.json", "\"schema\": 1", "\"schema\": 1]", ":14: not valid JSON: "),
        ("kind.yaml", "kubeProxyMode: \"none\"", "kubeProxyMode: }none", ":18: not valid YAML: "),
    ];
    for (file, piece, by, message) in table {
        let lab = Lab::new();
        let folder = manifests(&lab, file, piece, by);
        let place = position(&folder.join(file), by) + message;
        for command in ["run", "up", "verify", "doctor"] {
            let args = [command, "--manifests", folder.to_str().unwrap()];
            lab.run(&args).code(3).prints("").mentions(&[&place]);
        }
        assert!(!lab.runs().exists());
        lab.assert_nothing_left();
    }
}

#[test]
fn a_missing_manifest_is_named() {
    let lab = Lab::new();
    let folder = manifests(&lab, "pins.json", "\"schema\": 1", "\"schema\": 1");
    fs::remove_file(folder.join("cilium.yaml")).unwrap();
    let file = folder.join("cilium.yaml");
    lab.run(&["run", "--manifests", folder.to_str().unwrap()])
        .code(3)
        .prints("")
        .mentions(&[file.to_str().unwrap(), "No such file"]);
    lab.assert_nothing_left();
}

#[test]
fn what_cannot_be_asked_for_is_told_and_nothing_is_made() {
    let lab = Lab::new();
    let names = "use 1 to 40 letters, digits, - and _, beginning with a letter or digit";
    let table: [(&[&str], &str); 9] = [
        (
            &["run", "tunel"],
            "no case is selected by \"tunel\"; did you mean routing::no_tunnel_device?; `lab verify --list` shows them all",
        ),
        (
            &["run", "--exact", "l2::"],
            "no case is selected by \"l2::\" exactly; did you mean l2::peers_are_adjacent?; `lab verify --list` shows them all",
        ),
        (
            &["run", "--skip", "::"],
            "no case is selected by no filter without \"::\"; `lab verify --list` shows them all",
        ),
        (
            &["run", "cilium::routes"],
            "none of the selected cases exists on netns: cilium::routes_natively is about Kubernetes, Helm or Cilium",
        ),
        (&["run", "--nodes", "1"], "--nodes: expected 2 to 100 (one control plane, the others workers), found 1"),
        (
            &["run", "--on", "netns", "--set", "tunnel=vxlan"],
            "--set: a lab on netns has no Kubernetes and no Cilium that it could change; leave it out, or give `--on kind`",
        ),
        (&["up", "--name", "a/b"], &format!("\"a/b\" cannot be a lab's name: {names}")),
        (&["run", "--name", ""], &format!("\"\" cannot be a lab's name: {names}")),
        (&["shell", "--name", "..", "kind-worker"], &format!("\"..\" cannot be a lab's name: {names}")),
    ];
    for (args, message) in table {
        lab.run(args).code(2).prints("").says(message);
    }
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn a_lab_on_kind_is_refused_where_the_host_lacks_what_builds_it() {
    let lab = Lab::new();
    let without_programs = |args: &[&str]| {
        let mut command = lab.lab(args);
        command.env("PATH", "/nonexistent");
        Running::start(command).finish()
    };
    let ended = without_programs(&["run", "--on", "kind"]).code(4);
    for missing in
        ["tools.docker: docker is not in PATH", "tools.kind: kind is not in PATH", "tools.helm: helm is not in PATH"]
    {
        assert!(ended.stdout.contains(missing), "{ended}");
    }
    without_programs(&["doctor", "--on", "kind"]).code(4);
    lab.assert_nothing_left();
}

#[test]
fn options_that_do_not_exist_are_told_with_the_usage() {
    let lab = Lab::new();
    for args in [&["run", "--fast"][..], &["walk"], &["down", "--all", "--name", "x"], &["run", "--case-deadline", "0"]]
    {
        let ended = lab.run(args).code(2).prints("");
        assert!(ended.stderr.starts_with("error: "), "{ended}");
        assert_eq!(ended.stderr.matches("error: ").count(), 1, "{ended}");
    }
    lab.run(&["--help"]).code(0).quiet().shows("0    all selected cases held").shows("Examples:\n");
    lab.run(&["--version"]).code(0).quiet().prints(concat!("lab ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(!lab.runs().exists());
    lab.assert_nothing_left();
}

#[test]
fn a_case_whose_time_runs_out_says_what_was_looked_at() {
    let lab = Lab::new();
    let ended = lab.run(&["run", "--case-deadline", "0.001", "l2::peers"]).code(6).quiet();
    let line = "  DEADLINE  l2::peers_are_adjacent   not done after 1 ms; last seen: ";
    assert!(ended.stdout.contains(line), "{ended}");
    let report = lab.report();
    assert!(
        matches!(&report.cases[..], [case] if matches!(&case.outcome, CaseOutcome::Deadline { last, .. } if !last.is_empty()))
    );
    let junit = fs::read_to_string(lab.only_run().join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.errors), (1, 0, 1));
    lab.assert_nothing_left();
}
