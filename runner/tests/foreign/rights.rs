//! Rights: what is refused is told with the rule that gives it.

use super::theirs::{CONTEXT, Theirs};

#[test]
fn the_doctor_has_a_row_for_each_right() {
    let theirs = Theirs::serve();
    let sound = theirs.lab(&["doctor", "--context", CONTEXT, "--tier", "read"]).code(0).quiet();
    for right in lab_cluster::tier::READ {
        assert!(sound.stdout.contains(&format!("  {}", right.id())), "{}: {sound}", right.id());
    }
    assert!(sound.stdout.contains("Cilium 1.12.4, native routing"), "{sound}");
    let asked = theirs.server.requests();
    let posts: Vec<&String> = asked.iter().filter(|request| request.starts_with("POST")).collect();
    assert_eq!(posts.len(), lab_cluster::tier::READ.len());
    assert!(posts.iter().all(|request| request.contains("selfsubjectaccessreviews")), "{posts:?}");
    assert!(asked.iter().all(|request| !request.contains("/exec")), "nothing is run");
    assert!(!theirs.lab.runs().exists());
}

#[test]
fn a_right_that_is_missing_is_refused_with_its_rule() {
    let theirs = Theirs::serve();
    theirs.server.forbid("get pods/exec");
    theirs.server.forbid("list ciliumnodeconfigs");
    let ended = theirs.lab(&["doctor", "--context", CONTEXT]).code(4);
    assert!(ended.stdout.contains("REFUSED  access.pods_exec_get"), "{ended}");
    assert!(ended.stdout.contains("{apiGroups: [\"\"], resources: [pods/exec], verbs: [get]}"), "{ended}");
    assert!(ended.stdout.contains("warning  access.ciliumnodeconfigs"), "{ended}");
    assert!(
        ended.stdout.contains("lab doctor --on cluster --rbac-for USER | kubectl --context kind-kind apply -f -"),
        "{ended}"
    );
    // A run says of each node that it may not be asked.
    let run = theirs.verify(&["routing::"]).code(1);
    assert!(run.stdout.contains("403"), "{run}");
}

#[test]
fn without_the_first_rights_a_run_says_where_they_are_told() {
    let theirs = Theirs::serve();
    theirs.server.forbid("list pods");
    let ended = theirs.verify(&[]).code(5);
    ended.mentions(&[
        "kind-kind: the API server refused to list pods: 403",
        "`lab doctor --on cluster --context kind-kind`",
    ]);
    theirs.lab(&["doctor", "--context", CONTEXT]).code(4).shows("REFUSED  cluster.cilium");
    assert!(!theirs.lab.runs().exists());
}

#[test]
fn the_manifest_is_printed_without_asking_anybody() {
    let theirs = Theirs::serve();
    let ended = theirs.lab(&["doctor", "--rbac-for", "jane", "--cilium-namespace", "cilium"]).code(0).quiet();
    assert_eq!(ended.stdout, lab_cluster::tier::manifest("cilium", "jane"));
    assert!(theirs.server.requests().is_empty());
}
