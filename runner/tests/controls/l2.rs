//! Controls of `l2::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{AnotherAnswersForPeer, NoArpAnswer, NotOnBridge, OtherSubnet};
use lab_netns::tamper::Act;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::{router_between, second_bridge, sysctl};
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use crate::control::{Control, Fault, accepts, turns};

const ONE_BRIDGE: &str = "l2::nodes_share_one_bridge";
const ADJACENT: &str = "l2::peers_are_adjacent";

pub(crate) const CONTROLS: &[Control] = &[
    accepts(ONE_BRIDGE, "accepts_nodes_share_one_bridge"),
    turns(
        ONE_BRIDGE,
        "refutes_nodes_share_one_bridge_when_a_worker_is_on_a_second_one",
        Fault::Made(second_bridge),
        &[
            (ONE_BRIDGE, Refuted(&[(NotOnBridge, WORKER2)])),
            (ADJACENT, Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER), (NoArpAnswer, WORKER2)])),
        ],
    ),
    turns(
        ONE_BRIDGE,
        "refutes_nodes_share_one_bridge_when_a_worker_is_in_another_subnet",
        Fault::Made(|plan| {
            let to = Ipv4Net::new_assert([172, 19, 0, 4].into(), 16);
            vec![(node(WORKER2), moved(node_plan(plan, WORKER2).address, to))]
        }),
        &[(ONE_BRIDGE, Refuted(&[(OtherSubnet, WORKER2)]))],
    )
    // Whether an address of another subnet is answered for is the kernel's routing's matter, not the link's.
    .alone(),
    accepts(ADJACENT, "accepts_peers_are_adjacent"),
    turns(
        ADJACENT,
        "refutes_peers_are_adjacent_when_a_router_in_between_answers",
        Fault::Made(router_between),
        &[
            (ONE_BRIDGE, Refuted(&[(NotOnBridge, WORKER2)])),
            (
                ADJACENT,
                Refuted(&[
                    (AnotherAnswersForPeer, CONTROL_PLANE),
                    (AnotherAnswersForPeer, WORKER),
                    (AnotherAnswersForPeer, WORKER2),
                ]),
            ),
        ],
    ),
    turns(
        ADJACENT,
        "refutes_peers_are_adjacent_when_a_worker_does_not_answer",
        // 8: reply to no request at all (Documentation/networking/ip-sysctl.rst).
        Fault::Made(|_plan| vec![(node(WORKER2), sysctl("net/ipv4/conf/eth0/arp_ignore", "8"))]),
        &[(ADJACENT, Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER)]))],
    ),
];

fn moved(from: Ipv4Net, to: Ipv4Net) -> Act {
    Act::MoveAddress { device: "eth0".to_owned(), from, to }
}
