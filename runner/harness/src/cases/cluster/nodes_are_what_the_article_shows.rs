//! `cluster::nodes_are_what_the_article_shows`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cluster as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::nodes_are_what_the_article_shows",
    article: "kubectl get nodes -o wide",
    claim: "Version, OS image and runtime of the nodes are the pinned ones; roles and addresses are their containers', the kernel is the host's.",
    against: &[Pinned::Kubernetes, Pinned::NodeImage],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::shown, judge::nodes_are_what_the_article_shows),
    shown: Shown::OnHost(&["kubectl get nodes -o wide"]),
    turned: &[],
    explanation: Explanation {
        step: "`kubectl get nodes -o wide` shows v1.25.3, the roles, 172.18.0.x, Ubuntu 22.04.1 LTS, the kernel and containerd 1.6.9.",
        native: "The internal address of a node is the next hop that its peers' routes must have. It is compared with what its container really has.",
        read: &[
            read_on_kind("Node.status.nodeInfo, addresses and role labels (core/v1), and the API server's /version."),
            read_on_kind("The containers' own addresses and roles and the host's kernel, by the Engine."),
            read_on_kind(
                "Version, OS image and runtime are pinned with the node image (pins.json: kubernetes). With --node-image they are what that image \
                      brings: nodes are compared with the API server's version and with each other.",
            ),
        ],
        by_hand: &[
            on_kind("kubectl get nodes -o wide", "VERSION, INTERNAL-IP, OS-IMAGE, KERNEL-VERSION, CONTAINER-RUNTIME"),
            on_kind("docker network inspect kind", "the addresses that the containers have"),
        ],
        breaks: &[
            breaks(Reason::WrongNodeCount, "A node has not registered, or one that is gone still is."),
            breaks(Reason::WrongVersion, "Another node image: kubelet or API server are not v1.25.3."),
            breaks(
                Reason::NodeDiffers,
                "Docker gave the container another address after a restart and the Node object has the old one; a role label is \
                   missing; the kernel is not the host's; or system or runtime are not those of the pinned image.",
            ),
            breaks(
                Reason::NodesDiffer,
                "With --node-image: nodes report different systems or runtimes, so they are not of one image.",
            ),
        ],
        unobserved: "One side of a comparison was not told.",
    },
};
