//! Whether a node's container is made of the image that it should be made of.

use crate::weighing::Weighing;
use lab_model::Reason;
use lab_model::expect::{ClusterExpectations, ImageExpected};
use lab_model::observe::{ImageSource, NodeContainer, Place};

/// The image of one node.
pub(super) fn weigh(
    container: &NodeContainer,
    taken: Option<&ImageSource>,
    cluster: &ClusterExpectations,
    weighing: &mut Weighing,
) {
    let name = &container.name;
    let wanted = &cluster.node_image;
    let refute = |expected: String, weighing: &mut Weighing| {
        weighing.refute(
            Reason::AnotherImage,
            Place::Bridge,
            format!("{name}: {expected}"),
            format!("{name}: {} ({})", container.image, container.image_id),
            Some(format!("docker inspect --format '{{{{.Config.Image}}}} {{{{.Image}}}}' {name}")),
        );
    };
    match &wanted.digest {
        Some(digest) if known_as(container, wanted, digest) => {}
        Some(digest) => {
            // An image out of a kit has no repository digest in the Engine; the lab saw it when it took it.
            let as_taken = taken
                .filter(|taken| taken.repo_digest.as_ref() == Some(digest))
                .is_some_and(|taken| is_taken(container, taken));
            if !as_taken {
                refute(format!("{}@{digest}", wanted.reference), weighing);
            }
        }
        None => match taken {
            None => {
                weighing.miss(format!("which image {} was when the lab took it was not recorded", wanted.reference));
            }
            Some(taken) if is_taken(container, taken) => {}
            Some(taken) => {
                let id = taken.engine_id.as_ref().unwrap_or(&taken.config_digest);
                refute(format!("{} ({id})", wanted.reference), weighing);
            }
        },
    }
}

/// The Engine knows the container's image by this digest of its repository.
fn known_as(container: &NodeContainer, wanted: &ImageExpected, digest: &str) -> bool {
    let repository = plain(wanted.repository());
    container
        .repo_digests
        .iter()
        .filter_map(|known| known.split_once('@'))
        .any(|(name, known)| plain(name) == repository && known == digest)
}

/// A repository of Docker Hub without the registry's name, which Engines with containerd's image store write.
fn plain(repository: &str) -> &str {
    let short = repository.strip_prefix("docker.io/").unwrap_or(repository);
    short.strip_prefix("library/").unwrap_or(short)
}

fn is_taken(container: &NodeContainer, taken: &ImageSource) -> bool {
    taken.engine_id.as_ref().unwrap_or(&taken.config_digest) == &container.image_id
}
