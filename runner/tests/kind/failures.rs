//! A kind that fails: with words that are known, with garbage, and without saying so.

use lab_model::report::{CaseOutcome, StageOutcome};
use lab_model::stage::Stage;
use lab_report::from_json;
use std::fs;
use std::path::PathBuf;

use super::left::below;
use super::process::{Ended, Running};
use super::world::{World, in_world};

/// Steps at which kind fails, its words, and what the reader is told to do.
const KNOWN: [(&str, &str, &str); 3] = [
    (
        "network",
        "docker: Error response from daemon: OCI runtime create failed: runc create failed: unable to apply caps: \
         operation not permitted: unknown.",
        "this Docker Engine cannot run privileged containers: `lab doctor --on kind`",
    ),
    (
        "nodes",
        "ERROR: failed to create cluster: failed to init node with kubeadm: write /etc/kubernetes/admin.conf: \
         no space left on device",
        "docker system df, docker system prune",
    ),
    (
        // The other nodes are being made at this moment.
        "node",
        "docker: Error response from daemon: driver failed programming external connectivity: Bind for \
         127.0.0.1:40001 failed: port is already allocated.",
        "run it again, kind will choose another port",
    ),
];

/// The folder of artefacts that a failure tells of.
#[track_caller]
fn artefacts(ended: &Ended) -> PathBuf {
    let told = ended.stderr.lines().find_map(|line| line.strip_prefix("logs, events and routes of its nodes: "));
    PathBuf::from(told.unwrap_or_else(|| panic!("no artefacts are told of: {ended}")))
}

#[test]
fn what_kind_fails_with_is_told_with_its_remedy_and_nothing_stays() {
    in_world("what_kind_fails_with_is_told_with_its_remedy_and_nothing_stays", |world| {
        for (step, words, remedy) in KNOWN {
            let file = format!("at-{step}");
            world.fake(&file, &format!("say '{words}'; exit 1\n"));
            let ended = world.up().code(5);
            for part in ["kind create cluster: exit code 1: ", words, remedy] {
                assert!(ended.stderr.contains(part), "{part} is not in: {ended}");
            }
            let kept = below(&artefacts(&ended));
            let said = fs::read_to_string(artefacts(&ended).join("kind-create.log")).unwrap();
            assert!(said.contains(words) && said.contains("create cluster --name"), "{said}");
            assert!(said.ends_with("# exit code 1\n"), "{said}");
            let meanwhile = "… keeping logs of nodes and Cilium\n… taking the lab down\n";
            assert!(ended.stderr.contains(meanwhile), "{ended}");
            let routes = format!("{}.routes.txt", world.node("worker"));
            let routes = kept.iter().find(|path| path.ends_with(&routes)).unwrap_or_else(|| panic!("{kept:?}"));
            let text = fs::read_to_string(routes).unwrap();
            // A stand-in has no `ip`; where there is no node at all, that is said.
            let reason = if step == "nodes" { "executable file not found" } else { "could not be run" };
            assert!(text.contains(reason), "{text}");
            let console = artefacts(&ended).join(format!("{}.console.log", world.node("worker")));
            let booted = fs::read_to_string(console).unwrap().contains("\nstands in for a node\n");
            assert!(booted || step != "nodes");
            world.assert_nothing_left();
            fs::remove_file(world.path("fakes").join(file)).unwrap();
        }
    });
}

/// A stand-in's image has no containerd, which could import anything.
#[test]
fn a_node_image_that_cannot_be_baked_is_told_and_nothing_stays() {
    in_world("a_node_image_that_cannot_be_baked_is_told_and_nothing_stays", |world| {
        let ended = Running::start(world.baked_by("up")).finish().code(5);
        for part in [
            "lab-node:test-",
            " cannot be baked: containerd in the node image will not happen: it ended with exit code ",
            "; with `--stream-images` images are sent to each node instead",
        ] {
            assert!(ended.stderr.contains(part), "{part} is not in: {ended}");
        }
        world.assert_nothing_left();
    });
}

#[test]
fn a_run_whose_cluster_cannot_be_made_blocks_its_cases_and_keeps_what_is_known() {
    in_world("a_run_whose_cluster_cannot_be_made_blocks_its_cases_and_keeps_what_is_known", |world| {
        world.fake("at-nodes", "say 'ERROR: failed to create cluster: too many open files'; exit 1\n");
        let ended = Running::start(world.made_by("run")).finish().code(5);
        assert_eq!(ended.stderr, "… keeping logs of nodes and Cilium, then taking the lab down\n");
        let runs = world.path("work").join("lab-runs");
        let run = fs::read_dir(runs).unwrap().next().unwrap().unwrap().path();
        let report = from_json(&fs::read_to_string(run.join("report.json")).unwrap()).unwrap();
        let failed: Vec<Stage> = report
            .stages
            .iter()
            .filter(|stage| stage.outcome == StageOutcome::Failed)
            .map(|stage| stage.name)
            .collect();
        assert_eq!(failed, [Stage::ClusterCreated], "{ended}");
        for case in &report.cases {
            // Docker itself can be looked at before anything is made.
            let early = case.name == "cluster::docker_engine_answers";
            let CaseOutcome::Blocked { stage, cause } = &case.outcome else {
                assert!(early, "{}: {:?}", case.name, case.outcome);
                continue;
            };
            assert_eq!(*stage, Stage::ClusterCreated);
            assert!(cause.contains("sudo sysctl fs.inotify.max_user_instances=512"), "{cause}");
        }
        assert!(run.join("artefacts").join(format!("{}.kubelet.log", world.node("control-plane"))).is_file());
        assert!(run.join("artefacts/kind-create.log").is_file());
        assert!(report.ending.iter().any(|line| line.contains("files about nodes and Cilium are kept")), "{ended}");
        assert!(report.ending.iter().any(|line| line.starts_with("Docker and this host are as before")
            || line.starts_with("not as before")), "{:?}", report.ending);
    });
}

/// One message without anything that would disturb a terminal.
#[track_caller]
fn is_readable(ended: &Ended) {
    let strange = ended.stderr.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(strange, None, "{:?}", ended.stderr);
}

#[test]
fn garbage_is_no_reason_to_fall_over() {
    in_world("garbage_is_no_reason_to_fall_over", |world| {
        world.fake(
            "at-begin",
            "head -c 4000 /dev/urandom >&2; head -c 4000 /dev/urandom; printf '\\033[2J' >&2; exit 3\n",
        );
        let ended = world.up().code(5);
        assert!(ended.stderr.contains("kind create cluster: exit code 3: "), "{ended}");
        is_readable(&ended);
        world.assert_nothing_left();

        world.fake("at-begin", "kill -KILL $$\n");
        let ended = world.up().code(5);
        assert!(ended.stderr.contains("kind create cluster: signal SIGKILL: "), "{ended}");
        world.assert_nothing_left();

        // It says that all is well, and left something else than a kubeconfig.
        world.fake("at-begin", "");
        world.fake("kubeconfig", "\u{1b}]0;no YAML: [\n");
        let ended = world.up().code(5);
        let file = world.state().join("kubeconfig").display().to_string();
        assert!(ended.stderr.contains(&file), "{ended}");
        is_readable(&ended);
    });
}

#[test]
fn a_cluster_that_lacks_a_node_is_noticed() {
    in_world("a_cluster_that_lacks_a_node_is_noticed", |world: &World| {
        let lacking = world.node("worker2");
        world.fake("at-nodes", &format!("docker rm --force --volumes {lacking} > /dev/null\n"));
        let ended = world.up().code(5);
        assert!(ended.stderr.contains(&lacking), "{ended}");
    });
}
