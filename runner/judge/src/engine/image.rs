//! Whether a node's container is made of the image that it should be made of: the node image itself, or one that was baked
//! from it.
//!
//! A baked image is accepted by a chain whose links are all looked at: the pinned digest is the Engine's for the node image,
//! the container's image is the one that was baked, and its layers are those of the node image and the one that baking added.

use crate::weighing::Weighing;
use lab_model::Reason;
use lab_model::expect::{ClusterExpectations, ImageExpected};
use lab_model::observe::{Baked, EngineImage, ImageSource, NodeContainer, Place};
use lab_model::seen::ContainersSeen;

/// The image that a container is to be compared by, as the Engine has it.
struct Compared<'a> {
    id: &'a str,
    repo_digests: &'a [String],
}

/// The image of one node.
pub(super) fn weigh(
    container: &NodeContainer,
    seen: &ContainersSeen,
    cluster: &ClusterExpectations,
    weighing: &mut Weighing,
) {
    let name = &container.name;
    let wanted = &cluster.node_image;
    let taken = seen.image.as_ref();
    let baked = taken.and_then(|taken| taken.baked.as_ref()).filter(|baked| baked.engine_id == container.image_id);
    let compared = match (baked, &seen.node_image) {
        (None, _) => Compared { id: &container.image_id, repo_digests: &container.repo_digests },
        (Some(_), None) => {
            weighing.miss(format!(
                "{name} is made of an image that was baked from {}, and the Engine does not have that any more",
                wanted.reference
            ));
            return;
        }
        (Some(baked), Some(node_image)) => match chained(container, baked, node_image) {
            Ok(()) => Compared { id: &node_image.id, repo_digests: &node_image.repo_digests },
            Err(observed) => {
                let expected = format!("the layers of {} and one more", baked.node_id);
                return refute(container, &expected, &observed, weighing);
            }
        },
    };
    let observed = || format!("{} ({})", container.image, compared.id);
    match &wanted.digest {
        Some(digest) if known_as(&compared, wanted, digest) => {}
        Some(digest) => {
            // An image out of a kit has no repository digest in the Engine; the lab saw it when it took it.
            let as_taken = taken
                .filter(|taken| taken.repo_digest.as_ref() == Some(digest))
                .is_some_and(|taken| is_taken(&compared, taken));
            if !as_taken {
                refute(container, &format!("{}@{digest}", wanted.reference), &observed(), weighing);
            }
        }
        None => match taken {
            None => {
                weighing.miss(format!("which image {} was when the lab took it was not recorded", wanted.reference));
            }
            Some(taken) if is_taken(&compared, taken) => {}
            Some(taken) => {
                let id = taken.engine_id.as_ref().unwrap_or(&taken.config_digest);
                refute(container, &format!("{} ({id})", wanted.reference), &observed(), weighing);
            }
        },
    }
}

fn refute(container: &NodeContainer, expected: &str, observed: &str, weighing: &mut Weighing) {
    let name = &container.name;
    weighing.refute(
        Reason::AnotherImage,
        Place::Bridge,
        format!("{name}: {expected}"),
        format!("{name}: {observed}"),
        Some(format!("docker inspect --format '{{{{.Config.Image}}}} {{{{.Image}}}}' {name}")),
    );
}

/// Whether the container's image has all layers of the node image, as the Engine has it now, and the baked one above them.
/// Else what it has.
fn chained(container: &NodeContainer, baked: &Baked, node_image: &EngineImage) -> Result<(), String> {
    let below = container.layers.iter().zip(&node_image.layers).take_while(|(own, other)| own == other).count();
    let all = node_image.layers.len();
    if all == 0 || below < all {
        return Err(format!("{below} of the {all} layers of {}", node_image.id));
    }
    match &container.layers[all..] {
        [layer] if *layer == baked.layer => Ok(()),
        [layer] => Err(format!("those layers and {layer}, where {} was baked", baked.layer)),
        more => Err(format!("those layers and {} more", more.len())),
    }
}

/// The Engine knows the image by this digest of its repository.
fn known_as(compared: &Compared<'_>, wanted: &ImageExpected, digest: &str) -> bool {
    let repository = plain(wanted.repository());
    compared
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

fn is_taken(compared: &Compared<'_>, taken: &ImageSource) -> bool {
    taken.engine_id.as_ref().unwrap_or(&taken.config_digest) == compared.id
}
