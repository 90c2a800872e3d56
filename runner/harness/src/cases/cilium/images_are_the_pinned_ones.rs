//! `cilium::images_are_the_pinned_ones`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cilium as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cilium::images_are_the_pinned_ones",
    article: "cilium status: image versions",
    claim: "Agents and operators run the images that the pinned digests name.",
    against: &[Pinned::Image(ImageName::Cilium), Pinned::Image(ImageName::OperatorGeneric)],
    needs: Stage::RoutingInstalled,
    on: kind_only!(kind::images, judge::images_are_the_pinned_ones),
    shown: Shown::Nowhere,
    turned: &[(Effect::NodeSilent, Unobserved("the node's images could not be listed: kind-worker2"))],
    explanation: Explanation {
        step: "The article pulls quay.io/cilium/cilium:v1.12.4 and loads it into the nodes; `cilium status` shows the digests that agents and operators run.",
        native: "Which agent makes the routes is a matter of its version: what is said about 1.12.4 holds for that image and no other.",
        read: &[
            read_on_kind("The imageID of each agent's and operator's container (core/v1 Pod)."),
            read_on_kind(
                "The images of each node by the digest of their configuration, by CRI; and where the lab took them from, by repository digest.",
            ),
        ],
        by_hand: &[
            on_kind("docker images --digests quay.io/cilium/cilium", "the pinned digest"),
            on_kind("docker exec kind-worker crictl images --no-trunc", "IMAGE ID: the digest of the configuration"),
        ],
        breaks: &[
            breaks(
                Reason::WrongRepositoryDigest,
                "The image was taken by its tag, or built by hand: its repository digest is not the pinned one.",
            ),
            breaks(
                Reason::AnotherImage,
                "Another image of the same tag is on the node, and `imagePullPolicy: IfNotPresent` took it.",
            ),
        ],
        unobserved: "An agent for each node or one of the two operators was not seen, or what its image is on the node.",
    },
};
