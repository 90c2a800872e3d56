//! What is no sysdump is refused in one line, with exit code 2, and leaves nothing.

use super::made::{Made, NAME, NODES, TIME, file, started_with};
use super::world::Lab;

#[track_caller]
fn refused(make: impl FnOnce(&Lab), args: &[&str], says: &str) {
    let lab = Lab::new();
    make(&lab);
    let mut all = vec!["verify", "--sysdump", NAME];
    all.extend(args);
    let ended = lab.run(&all).code(2);
    assert!(ended.stderr.contains(says) && ended.stderr.lines().count() == 1, "{ended}");
    assert!(lab.run_names().is_empty());
}

#[test]
fn files_that_are_no_sysdumps() {
    refused(|_lab| {}, &[], "No such file");
    refused(|lab| std::fs::write(file(lab), "hello").unwrap(), &[], "it is no zip");
    refused(|lab| std::fs::create_dir(file(lab)).unwrap(), &[], "it is a folder");
    let cut = |lab: &Lab| {
        Made::of_recordings().write(&file(lab));
        let whole = std::fs::read(file(lab)).unwrap();
        std::fs::write(file(lab), &whole[..whole.len() / 2]).unwrap();
    };
    refused(cut, &[], "it is no zip, or not a whole one");
    let without = |stem: &'static str| {
        move |lab: &Lab| {
            let mut made = Made::of_recordings();
            made.remove(&format!("{stem}-{TIME}"));
            made.write(&file(lab));
        }
    };
    refused(without("k8s-nodes"), &[], "it is no sysdump of Cilium's");
    let no_settings = |lab: &Lab| {
        let mut made = Made::of_recordings();
        made.remove(&format!("cilium-configmap-{TIME}"));
        for (node, _pod) in NODES {
            made.remove(&started_with(node));
        }
        made.write(&file(lab));
    };
    refused(no_settings, &[], "it has no cilium-configmap-DATE-TIME.yaml, and no agent's own settings");
    let two_settings = |lab: &Lab| {
        let mut made = Made::of_recordings();
        made.remove(&format!("cilium-configmap-{TIME}"));
        made.change(&started_with("kind-worker"), "tunnel: disabled", "tunnel: vxlan");
        made.write(&file(lab));
    };
    refused(
        two_settings,
        &[],
        "the agents of kind-control-plane and kind-worker were started with another tunnel each",
    );
    let garbled = |lab: &Lab| {
        let mut made = Made::of_recordings();
        made.members.insert(format!("ciliumnodes-{TIME}.yaml"), "items: [".to_owned());
        made.write(&file(lab));
    };
    refused(garbled, &[], "ciliumnodes-DATE-TIME.yaml: ");
    let nobody = |lab: &Lab| Made::of_recordings().write(&file(lab));
    refused(nobody, &["--cilium-namespace", "elsewhere"], "none of");
    refused(nobody, &["--on", "netns"], "--sysdump is of a cluster");
    refused(nobody, &["--nodes", "4"], "--nodes: it says how a lab is built");
    let tunnel = |lab: &Lab| {
        let mut made = Made::of_recordings();
        made.change(&format!("cilium-configmap-{TIME}.yaml"), "tunnel: disabled", "tunnel: vxlan");
        made.write(&file(lab));
    };
    refused(tunnel, &[], "the cluster routes through a vxlan tunnel");
}
