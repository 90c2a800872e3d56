//! The containers in a control plane's container.

use super::kubernetes_version;
use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{NestedContainer, NodeName, Place};
use lab_model::seen::NestedSeen;
use lab_model::{Judgement, Proof, Reason};

/// What kubeadm runs on a control plane as static pods.
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// The one of them that is not Kubernetes' own, and has a version of its own.
const ETCD: &str = COMPONENTS[0];
/// The article's own look.
const SHOW: &str = "ctr -n k8s.io containers ls";

/// The namespace `k8s.io` of each control plane's containerd runs etcd, kube-apiserver, kube-controller-manager and
/// kube-scheduler; and every container of the last three that runs there is of the pinned version.
///
/// # Errors
/// For each component [`Reason::ContainerMissing`], [`Reason::ContainerNotRunning`] or [`Reason::WrongVersion`].
/// Unobserved where the containers, or what their tasks do, could not be listed.
pub fn control_plane_runs_nested_containers(seen: &NestedSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    if seen.control_planes.is_empty() {
        return unobserved("no control plane was looked into");
    }
    let mut weighing = Weighing::default();
    let found = seen.control_planes.len();
    if found < expect.control_planes {
        weighing.miss(format!("{found} of {} control planes were looked into", expect.control_planes));
    }
    let version = kubernetes_version(cluster, seen.server_version.as_ref(), &mut weighing);
    let mut lines = Vec::new();
    for (node, containers) in &seen.control_planes {
        match containers {
            Err(why) => weighing.miss(format!("{node}: containers could not be listed: {why}")),
            Ok(containers) if containers.is_empty() => weighing.miss(format!("{node}: no containers were listed")),
            Ok(containers) if containers.iter().all(|one| one.task.is_none()) => {
                weighing.miss(format!("{node}: {} containers were listed, and no tasks", containers.len()));
            }
            Ok(containers) => {
                for component in COMPONENTS {
                    weigh(node, component, containers, version.as_deref(), &mut weighing);
                }
                lines.push(format!("{node}: {}", names(containers)));
            }
        }
    }
    weighing.conclude(|| {
        Proof::new(format!(
            "{} of {} components of the control plane run nested, at {}",
            COMPONENTS.len(),
            COMPONENTS.len(),
            version.unwrap_or_default()
        ))
        .with_details(lines)
    })
}

fn weigh(
    node: &NodeName,
    component: &str,
    containers: &[NestedContainer],
    version: Option<&str>,
    weighing: &mut Weighing,
) {
    let mut refute = |reason, expected: String, observed: String| {
        let place = Place::Node(node.clone());
        weighing.refute(
            reason,
            place,
            format!("{node}: {expected}"),
            format!("{node}: {observed}"),
            Some(SHOW.to_owned()),
        );
    };
    let own: Vec<&NestedContainer> =
        containers.iter().filter(|container| name_and_tag(&container.image).0 == component).collect();
    // One that was started again leaves its predecessor behind, which has stopped.
    let running: Vec<&NestedContainer> =
        own.iter().copied().filter(|one| one.task.as_deref() == Some("RUNNING")).collect();
    match own.first() {
        None => refute(Reason::ContainerMissing, format!("a container of {component}"), format!("no {component}")),
        Some(stopped) if running.is_empty() => {
            let task = stopped.task.as_deref().unwrap_or("without a task");
            refute(Reason::ContainerNotRunning, format!("{component} running"), format!("{component} {task}"));
        }
        Some(_) => {}
    }
    let Some(version) = version.filter(|_| component != ETCD) else { return };
    for one in running.iter().filter(|one| name_and_tag(&one.image).1 != version) {
        refute(Reason::WrongVersion, format!("{component}:{version}"), one.image.clone());
    }
}

/// `registry.k8s.io/kube-apiserver:v1.25.3` as `kube-apiserver` and `v1.25.3`; Kubernetes 1.25 may add a digest.
fn name_and_tag(image: &str) -> (&str, &str) {
    let image = image.split_once('@').map_or(image, |(image, _digest)| image);
    let last = image.rsplit_once('/').map_or(image, |(_path, last)| last);
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    // Images that kind builds for a platform: `kube-apiserver-amd64`.
    let name = ["-amd64", "-arm64"].iter().find_map(|platform| name.strip_suffix(platform)).unwrap_or(name);
    (name, tag)
}

fn names(containers: &[NestedContainer]) -> String {
    let mut names: Vec<String> = containers
        .iter()
        .map(|one| name_and_tag(&one.image))
        .filter(|(name, _)| COMPONENTS.contains(name))
        .map(|(name, tag)| format!("{name}:{tag}"))
        .collect();
    names.sort();
    format!("{}, among {} containers", names.join(", "), containers.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{expectations, nested};
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut Vec<NestedContainer>)) -> Judgement {
        let mut seen = nested();
        let containers = seen.control_planes.values_mut().next().and_then(|listed| listed.as_mut().ok());
        change(containers.expect("containers"));
        control_plane_runs_nested_containers(&seen, &expectations())
    }

    fn reasons(change: impl FnOnce(&mut Vec<NestedContainer>)) -> Vec<Reason> {
        judged(change).expect_err("should not hold").reasons()
    }

    fn of(containers: &[NestedContainer], component: &str) -> usize {
        let at = containers.iter().position(|one| one.image.contains(component));
        at.expect("the component")
    }

    #[test]
    fn accepts_the_articles_containers() {
        let proof = judged(|_containers| {}).expect("held");
        assert_eq!(proof.summary, "4 of 4 components of the control plane run nested, at v1.25.3");
        let [line] = &*proof.details else { panic!("{proof:?}") };
        assert!(line.starts_with("kind-control-plane: etcd:3.5.4-0, kube-apiserver:v1.25.3, "), "{line}");
        assert!(line.ends_with(" containers"), "{line}");
        // A control plane more than there should be is not one that is missing.
        let mut two = nested();
        let again = two.control_planes.values().next().cloned().expect("a control plane");
        two.control_planes.insert(NodeName::from("kind-control-plane2"), again);
        assert!(control_plane_runs_nested_containers(&two, &expectations()).is_ok());
    }

    #[test]
    fn refutes_each_component_that_is_missing() {
        for component in COMPONENTS {
            let found = reasons(|containers| {
                let at = of(containers, component);
                containers.remove(at);
            });
            assert_eq!(found, [Reason::ContainerMissing], "{component}");
        }
    }

    #[test]
    fn refutes_a_component_that_does_not_run() {
        for task in [Some("STOPPED".to_owned()), None] {
            let found = reasons(|containers| {
                let at = of(containers, "kube-scheduler");
                containers[at].task = task;
            });
            assert_eq!(found, [Reason::ContainerNotRunning]);
        }
    }

    #[test]
    fn refutes_another_version_but_not_etcds_own() {
        let found = reasons(|containers| {
            let at = of(containers, "kube-apiserver");
            "registry.k8s.io/kube-apiserver:v1.25.2".clone_into(&mut containers[at].image);
        });
        assert_eq!(found, [Reason::WrongVersion]);
        // A second one that runs beside the right one, wherever it is in the list.
        for at_the_end in [false, true] {
            let found = reasons(|containers| {
                let mut second = containers[of(containers, "kube-scheduler")].clone();
                "registry.k8s.io/kube-scheduler:v1.24.0".clone_into(&mut second.image);
                let at = if at_the_end { containers.len() } else { 0 };
                containers.insert(at, second);
            });
            assert_eq!(found, [Reason::WrongVersion], "at the end: {at_the_end}");
        }
        let etcd = judged(|containers| {
            let at = of(containers, "etcd");
            "registry.k8s.io/etcd:3.5.5-0".clone_into(&mut containers[at].image);
        });
        assert!(etcd.is_ok());
    }

    #[test]
    fn a_predecessor_that_stopped_does_not_matter() {
        let judgement = judged(|containers| {
            let mut stopped = containers[of(containers, "etcd")].clone();
            stopped.task = Some("STOPPED".to_owned());
            containers.insert(0, stopped);
            let mut older = containers[of(containers, "kube-apiserver")].clone();
            older.task = None;
            "registry.k8s.io/kube-apiserver:v1.24.0".clone_into(&mut older.image);
            containers.push(older);
        });
        assert!(judgement.is_ok());
    }

    #[test]
    fn images_are_named_with_and_without_registry_platform_and_digest() {
        for image in [
            "registry.k8s.io/kube-apiserver:v1.25.3",
            "registry.k8s.io/kube-apiserver-amd64:v1.25.3",
            "localhost:5000/kube-apiserver:v1.25.3@sha256:0",
            "kube-apiserver:v1.25.3",
        ] {
            assert_eq!(name_and_tag(image), ("kube-apiserver", "v1.25.3"), "{image}");
        }
        assert_eq!(name_and_tag("sha256:97a7dbe02dec"), ("sha256", "97a7dbe02dec"));
    }

    #[test]
    fn what_was_not_listed_is_unobserved() {
        let none = judged(Vec::clear);
        let no_tasks = judged(|containers| containers.iter_mut().for_each(|one| one.task = None));
        let mut seen = nested();
        let node = NodeName::from("kind-control-plane");
        seen.control_planes.insert(node, Err("no such container".to_owned()));
        let failed = control_plane_runs_nested_containers(&seen, &expectations());
        seen.control_planes.clear();
        let not_looked = control_plane_runs_nested_containers(&seen, &expectations());
        for (judgement, part) in [
            (none, "no containers were listed"),
            (no_tasks, "containers were listed, and no tasks"),
            (failed, "no such container"),
            (not_looked, "no control plane was looked into"),
        ] {
            assert!(matches!(&judgement, Err(NotHeld::Unobserved(why)) if why.contains(part)), "{judgement:?}");
        }
    }
}
