//! The example of a scheduled job: its rights are the program's own, and its command line is one that the program takes.

use lab_cluster::tier;
use serde_yaml::Value;
use std::path::{Path, PathBuf};

use super::theirs::{CONTEXT, Theirs};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/cluster-job")
}

/// The objects in a text.
fn objects(text: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap()).collect()
}

fn read(file: &str) -> Vec<Value> {
    objects(&std::fs::read_to_string(folder().join(file)).unwrap())
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    let mut found = all.iter().filter(|one| one["kind"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "{kind} is there twice");
    one
}

#[test]
fn its_rights_are_those_of_the_read_tier_and_no_others() {
    let (ours, printed) = (read("rights.yaml"), objects(&tier::manifest("kube-system", "jane")));
    for kind in ["ClusterRole", "Role"] {
        assert_eq!(of_kind(&ours, kind)["rules"], of_kind(&printed, kind)["rules"], "{kind}");
        assert!(of_kind(&ours, kind)["rules"].as_sequence().unwrap().len() > 3);
    }
    let account = of_kind(&ours, "ServiceAccount");
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        let (ours, printed) = (of_kind(&ours, kind), of_kind(&printed, kind));
        assert_eq!(ours["roleRef"], printed["roleRef"]);
        assert_eq!(ours["metadata"], printed["metadata"], "{kind}");
        let subject = &ours["subjects"][0];
        assert_eq!(
            (&subject["name"], &subject["namespace"]),
            (&account["metadata"]["name"], &account["metadata"]["namespace"])
        );
        assert_eq!(ours["subjects"].as_sequence().unwrap().len(), 1);
    }
    assert_eq!(ours.len(), 5);
}

#[test]
fn its_command_line_reads_the_cluster_and_its_log_has_a_summary() {
    let jobs = read("cronjob.yaml");
    let spec = &of_kind(&jobs, "CronJob")["spec"]["jobTemplate"]["spec"];
    let pod = &spec["template"]["spec"];
    assert_eq!(spec["backoffLimit"], Value::from(0));
    assert_eq!(pod["restartPolicy"], "Never");
    let rights = read("rights.yaml");
    assert_eq!(pod["serviceAccountName"], of_kind(&rights, "ServiceAccount")["metadata"]["name"]);
    let words = pod["containers"][0]["args"].as_sequence().unwrap().iter();
    let args: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
    // Here it is in no cluster, and that is all that it complains of.
    let theirs = Theirs::serve();
    theirs.lab.run(&args).code(2).mentions(&["--in-cluster: "]);
    // The same in a cluster that is named otherwise.
    let file = theirs.kubeconfig().display().to_string();
    let runs = theirs.lab.work().join("runs").display().to_string();
    let named: Vec<&str> = args
        .iter()
        .flat_map(|word| match *word {
            "--in-cluster" => vec!["--kubeconfig", &file, "--context", CONTEXT],
            "/runs" => vec![runs.as_str()],
            other => vec![other],
        })
        .collect();
    let ended = theirs.lab.run(&named).code(0);
    assert!(ended.stdout.contains("test result: ok. 9 passed; 0 failed"), "{ended}");
    assert!(ended.stderr.contains("Cilium 1.12.4, native routing"), "{ended}");
}

#[test]
fn it_is_one_kustomization_of_all_of_its_files() {
    let all = read("kustomization.yaml");
    let own = of_kind(&all, "Kustomization");
    let mut named: Vec<&str> =
        own["resources"].as_sequence().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|file| file != "kustomization.yaml").collect();
    named.sort_unstable();
    files.sort();
    assert_eq!(named, files);
    // The image that the user names is the one that the job runs.
    let jobs = read("cronjob.yaml");
    let image = &of_kind(&jobs, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(&own["images"][0]["name"], image);
}
