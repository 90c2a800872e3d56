//! The images that agents and operators run.

use std::collections::{BTreeMap, BTreeSet};

use super::{OPERATOR, operators_wanted};
use crate::cluster::AGENT;
use crate::of_cluster;
use crate::weighing::Weighing;
use lab_model::expect::{ClusterExpectations, Expectations};
use lab_model::observe::{ImageSource, KubeContainer, KubePod, NodeImage, NodeName, Place};
use lab_model::seen::ImagesSeen;
use lab_model::{Judgement, Proof, Reason};

/// Agents and operators: the image's key in `pins.json`, and the container that runs it.
const IMAGES: [(&str, &str); 2] = [("cilium", AGENT), ("operator-generic", OPERATOR)];

/// Each agent's and operator's container runs, by the digest of its configuration on its node, the image that the lab
/// took, and the lab took it by the pinned digest of its repository. There are an agent for each node, and as many
/// operators as the release asks for.
///
/// # Errors
/// For an image [`Reason::WrongRepositoryDigest`], for a container [`Reason::AnotherImage`]. Unobserved where fewer agents
/// or operators were seen than there should be, or where an image came from or what it is on its node was not.
pub fn images_are_the_pinned_ones(seen: &ImagesSeen, expect: &Expectations) -> Judgement {
    let cluster = of_cluster(expect)?;
    let mut weighing = Weighing::default();
    weighing.each_once("image", seen.sources.iter().map(|source| &source.name));
    weighing.each_once("pod", seen.pods.iter().map(KubePod::full_name));
    let mut lines = Vec::new();
    let mut counts = Vec::new();
    for (key, container) in IMAGES {
        let operators = usize::try_from(operators_wanted(cluster)).unwrap_or(usize::MAX);
        let wanted = if container == AGENT { expect.nodes() } else { operators };
        let running: Vec<(&KubePod, &KubeContainer)> = seen
            .pods
            .iter()
            .filter(|pod| !pod.terminating)
            .filter_map(|pod| Some((pod, pod.container(container)?)))
            .collect();
        // Of agents each must be on a node of its own; where operators are is another case's claim.
        let distinct = match container {
            AGENT => running.iter().filter_map(|(pod, _)| pod.node.as_ref()).collect::<BTreeSet<_>>().len(),
            _ => running.iter().map(|(pod, _)| pod.full_name()).collect::<BTreeSet<_>>().len(),
        };
        if distinct < wanted {
            weighing.miss(format!("{distinct} of {wanted} containers {container} were seen"));
        }
        let Some(taken) = taken(key, cluster, &seen.sources, &mut weighing) else { continue };
        for (pod, container) in &running {
            weigh(pod, container, taken, &seen.on_nodes, &mut weighing);
        }
        counts.push(format!("{} of {} {key}", running.len(), running.len()));
        lines.push(line(taken));
    }
    weighing.conclude(|| {
        Proof::new(format!("{} containers run the images that were taken", counts.join(" and "))).with_details(lines)
    })
}

/// Where the image came from, held against its pin.
fn taken<'a>(
    key: &str,
    cluster: &ClusterExpectations,
    sources: &'a [ImageSource],
    weighing: &mut Weighing,
) -> Option<&'a ImageSource> {
    let Some(wanted) = cluster.images.get(key) else {
        weighing.miss(format!("nothing says which image {key} should be"));
        return None;
    };
    let Some(taken) = sources.iter().find(|source| source.name == key) else {
        weighing.miss(format!("where image {key} came from was not recorded"));
        return None;
    };
    if let Some(digest) = &wanted.digest
        && taken.repo_digest.as_ref() != Some(digest)
    {
        let observed = taken.repo_digest.as_ref().map_or_else(
            || format!("{} was taken without a repository digest", taken.reference),
            |found| format!("{} was taken as {found}", taken.reference),
        );
        weighing.refute(
            Reason::WrongRepositoryDigest,
            Place::Bridge,
            format!("{}@{digest}", wanted.reference),
            observed,
            Some(format!("docker images --digests {}", wanted.repository())),
        );
    }
    Some(taken)
}

fn weigh(
    pod: &KubePod,
    container: &KubeContainer,
    taken: &ImageSource,
    on_nodes: &BTreeMap<NodeName, Result<Vec<NodeImage>, String>>,
    weighing: &mut Weighing,
) {
    let Some(node) = &pod.node else {
        weighing.miss(format!("{} is on no node", pod.name));
        return;
    };
    match id(container, on_nodes.get(node)) {
        Err(why) => weighing.miss(format!("{node}: {}: {why}", pod.name)),
        Ok(id) if id == taken.config_digest => {}
        Ok(id) => weighing.refute(
            Reason::AnotherImage,
            Place::Node(node.clone()),
            format!("{node}: {} runs {} ({})", pod.name, taken.reference, taken.config_digest),
            format!("{node}: {} runs {} ({id})", pod.name, container.image),
            Some("crictl images --no-trunc".to_owned()),
        ),
    }
}

/// The digest of the configuration of the image that a container runs, as its node knows it. What the API server has
/// may be a repository digest, which the node translates.
fn id<'a>(container: &KubeContainer, on_node: Option<&'a Result<Vec<NodeImage>, String>>) -> Result<&'a str, String> {
    let images = match on_node {
        Some(Ok(images)) => images,
        Some(Err(why)) => return Err(format!("the node's images could not be listed: {why}")),
        None => return Err("the node's images were not listed".to_owned()),
    };
    let named = container.image_id.as_str();
    if named.is_empty() {
        return Err(format!("{} has no image yet", container.name));
    }
    let found = images.iter().find(|image| image.id == named || image.repo_digests.iter().any(|known| known == named));
    let found = found.ok_or_else(|| format!("its image {named} is not among the node's {}", images.len()))?;
    Ok(&found.id)
}

fn line(taken: &ImageSource) -> String {
    let by = taken.repo_digest.as_ref().map_or_else(String::new, |digest| format!(", {digest}"));
    format!("{}: {}{by}, configuration {}", taken.name, taken.reference, taken.config_digest)
}

#[cfg(test)]
mod tests;
