//! `cluster::docker_engine_answers`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::engine as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::docker_engine_answers",
    article: "install docker",
    claim: "The Docker Engine answers, and its API version, storage, cgroup version and privileged containers are as the lab needs.",
    against: &[],
    needs: Stage::Doctor,
    on: kind_only!(kind::engine, judge::docker_engine_answers),
    shown: Shown::OnHost(&["docker version"]),
    turned: &[],
    explanation: Explanation {
        step: "The article begins with installing Docker from its own packages on Ubuntu 22.04. It prints nothing; everything after it needs it.",
        native: "Nodes are privileged containers on one Docker bridge: that bridge is the L2 network of which native routing needs one.",
        read: &[read_on_kind(
            "The Engine's API: version, info (storage driver, cgroup version, security options); and a privileged container, a node that \
                      runs or one made for this.",
        )],
        by_hand: &[
            on_kind("docker version", "an Engine, and its API version"),
            on_kind("docker info", "Storage Driver, Cgroup Version; no rootless among Security Options"),
        ],
        breaks: &[
            breaks(
                Reason::EngineDoesNotAnswer,
                "No daemon, another DOCKER_HOST or context, or you are not in the group docker: Cannot connect, permission denied.",
            ),
            breaks(Reason::EngineApiTooOld, "An Engine older than 20.10."),
            breaks(
                Reason::WrongStorage,
                "The storage driver vfs, as in some nested setups: each node copies all layers, and the disk is full.",
            ),
            breaks(Reason::WrongCgroupVersion, "The Engine tells neither 1 nor 2."),
            breaks(Reason::EngineRootless, "Rootless Docker: Cilium cannot mount its BPF filesystem there."),
            breaks(
                Reason::PrivilegedRefused,
                "A sandbox or container without the capabilities: unable to apply caps, or an authorisation plugin says no.",
            ),
        ],
        unobserved: "The Engine does not tell one of these, or no privileged container was tried.",
    },
};
