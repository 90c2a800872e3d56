//! `cluster::three_node_containers_run`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::engine as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::three_node_containers_run",
    article: "docker ps",
    claim: "One control plane and two workers run as containers of the pinned image; the API server is published on 127.0.0.1 only.",
    against: &[Pinned::NodeImage],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::containers, judge::three_node_containers_run),
    shown: Shown::OnHost(&["docker ps --all"]),
    turned: &[(Effect::NodeSilent, Refuted(&[(Reason::NodeNotRunning, BRIDGE)]))],
    explanation: Explanation {
        step: "After `kind create cluster` the article runs `docker ps`: kind-control-plane, kind-worker and kind-worker2, all of kindest/node:v1.25.3, \
               and the API server on 127.0.0.1 with a drawn port.",
        native: "Three containers with one network interface each are the three neighbours between which direct routes lead.",
        read: &[read_on_kind(
            "The Engine's containers with kind's label for this cluster: state, image by digest, role, published ports; and where the node \
                      image came from.",
        )],
        by_hand: &[
            on_kind("docker ps --all --filter label=io.x-k8s.kind.cluster", "three, Up"),
            on_kind("docker port kind-control-plane", "6443/tcp -> 127.0.0.1:…"),
        ],
        breaks: &[
            breaks(Reason::WrongNodeCount, "kind failed half way and kept what it had, or a node was removed."),
            breaks(
                Reason::NodeNotRunning,
                "Docker or the host was restarted and a node did not come back, or a node was stopped or paused.",
            ),
            breaks(Reason::AnotherImage, "A node image of the same tag with another content, built or loaded by hand."),
            breaks(
                Reason::PublishedBeyondLoopback,
                "`apiServerAddress: 0.0.0.0` in kind's configuration: anybody in your network reaches the API server.",
            ),
            breaks(
                Reason::ApiNotPublished,
                "The port is gone after the container was made anew; kubectl on the host gets connection refused.",
            ),
        ],
        unobserved: "The cluster has no containers at all, or what image one runs was not told.",
    },
};
