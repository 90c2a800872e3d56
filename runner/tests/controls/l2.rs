//! Controls of `l2::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{NoArpAnswer, OtherSubnet};
use lab_model::stage::Stage;
use lab_netns::tamper::Act;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::sysctl;
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use crate::control::{Control, made};

const ONE_BRIDGE: &str = "l2::nodes_share_one_bridge";
const ADJACENT: &str = "l2::peers_are_adjacent";

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "another-subnet",
        "The node kind-worker2 has an address of another subnet.",
        |plan| {
            let (from, to) = (node_plan(plan, WORKER2).address, Ipv4Net::new_assert([172, 19, 0, 4].into(), 16));
            vec![(node(WORKER2), Act::MoveAddress { device: "eth0".to_owned(), from, to })]
        },
        &[ONE_BRIDGE],
        &[(ONE_BRIDGE, Refuted(&[(OtherSubnet, WORKER2)]))],
    )
    // Whether an address of another subnet is answered for is the kernel's routing's matter, not the link's.
    .alone()
    .upto(Stage::ClusterCreated),
    made(
        "arp-unanswered",
        "The node kind-worker2 answers no ARP request.",
        // 8: reply to no request at all (Documentation/networking/ip-sysctl.rst).
        |_plan| vec![(node(WORKER2), sysctl("net/ipv4/conf/eth0/arp_ignore", "8"))],
        &[ADJACENT],
        &[(ADJACENT, Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER)]))],
    )
    .upto(Stage::ClusterCreated),
];
