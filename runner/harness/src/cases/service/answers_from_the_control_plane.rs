//! `service::answers_from_the_control_plane`.

use super::from_control_plane;
use crate::cases::article;
use crate::cases::prelude::*;
use lab_judge::service as judge;
use lab_kind::{ByHand, KindLab};
use serde_json::Value;
use std::net::SocketAddrV4;

pub(in crate::cases) const CASE: Case = Case {
    name: "service::answers_from_the_control_plane",
    article: "curl http://10.96.37.61:8080 in kind-control-plane",
    claim: "From the control plane, the ClusterIP answers with hello-app's three lines, from each backend.",
    against: &[Pinned::Image(ImageName::HelloApp)],
    needs: Stage::WorkloadReady,
    on: both!(from_control_plane, judge::answers_from_the_control_plane),
    shown: Shown::Now(commands),
    turned: &[
        (Effect::NodeSilent, BLIND),
        (Effect::OneReplicaReady, ONE_READY),
        (Effect::NoReplicaReady, NONE_READY),
        (Effect::SecondPodHidden, Refuted(&[(Reason::SomeUnanswered, CONTROL_PLANE)])),
    ],
    explanation: Explanation {
        step: "The article enters kind-control-plane, runs `curl http://10.96.37.61:8080`, and gets three lines: Hello, world!, Version: 1.0.0 \
               and Hostname: with a pod's name. It is its proof that nodes reach pods on other nodes.",
        native: "The control plane runs no replica, so each answer has crossed from node to node by a direct route, there and back.",
        read: &[
            read(
                "Replies to new connections from the control plane's namespace to the ClusterIP, until each ready pod has answered: the status, \
                  hello-app's three lines, and whose name is in the third. 64 attempts at most.",
            ),
            read_on_netns("The connection is translated by nftables, in the output hook of the node."),
            read_on_kind("It is translated by Cilium's BPF program at the socket, when curl connects."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-control-plane -- curl -s -m 5 http://10.96.37.61:8080",
                "three lines; repeated, now one pod's name, now the other's",
            ),
            on_kind("docker exec kind-control-plane curl -s -m 5 http://CLUSTER_IP:8080", "the same"),
        ],
        breaks: &[
            breaks(
                Reason::NoAnswer,
                "Nothing translates the ClusterIP (no kube-proxy and no replacement of it), or no route leads to any of the \
                   pods: each attempt times out.",
            ),
            breaks(
                Reason::SomeUnanswered,
                "One backend is behind a missing route, or is stale: half of the attempts time out.",
            ),
            breaks(
                Reason::EmptyReply,
                "The connection was closed without a response: curl says Empty reply from server. The pod's program ended \
                   or something else listens there.",
            ),
            breaks(
                Reason::WrongStatus,
                "A response that is not 200, for instance 502 of a proxy in between. `http_proxy` has no effect on this case; on \
                   curl it has.",
            ),
            breaks(
                Reason::AnotherServerAnswers,
                "The address is another Service's, or the image is not hello-app 1.0: the lines or the name are not \
                   as they should be. Or the socket's other end is no ready pod's: a program at the socket led it elsewhere.",
            ),
            breaks(
                Reason::BackendNeverAnswers,
                "Only one backend is in the table of this node, or a session affinity was set: the other's name \
                   never comes.",
            ),
        ],
        unobserved: "There is no ClusterIP, a control plane could not be asked from, or fewer pods are ready than there should be. What was answered \
                     elsewhere does not count.",
    },
};

fn commands(lab: &KindLab, seen: &Value) -> Vec<ByHand> {
    let address = seen.get("cluster_ip").and_then(Value::as_str);
    let address = address.and_then(|address| address.parse::<SocketAddrV4>().ok());
    address.map_or_else(Vec::new, |address| article::in_control_planes(lab, &format!("curl -sS -m 5 http://{address}")))
}
