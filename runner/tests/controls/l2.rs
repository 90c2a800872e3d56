//! Controls of `l2::…`.

use ipnet::Ipv4Net;
use lab::backend::netns::plan::Plan;
use lab::judge::Reason::{AnotherAnswersForPeer, NoArpAnswer, NotOnBridge, OtherSubnet};
use lab::observe::{MacAddr, Place, TABLE_MAIN};
use lab::tamper::Act;

use crate::control::{Control, Fault, accepts, turns};
use crate::expect::Expect::Refuted;
use crate::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

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

const SECOND: &str = "kind2";

fn sysctl(key: &str, value: &str) -> Act {
    Act::SetSysctl { key: key.to_owned(), value: value.to_owned() }
}

fn moved(from: Ipv4Net, to: Ipv4Net) -> Act {
    Act::MoveAddress { device: "eth0".to_owned(), from, to }
}

/// The second worker's port moves to a bridge of its own.
fn second_bridge(plan: &Plan) -> Vec<(Place, Act)> {
    let address = Ipv4Net::new_assert([172, 19, 0, 1].into(), 16);
    let port = node_plan(plan, WORKER2).port.clone();
    vec![
        (
            Place::Bridge,
            Act::AddBridge { device: SECOND.to_owned(), address, mac: MacAddr([0x02, 0x42, 172, 19, 0, 1]) },
        ),
        (Place::Bridge, Act::SetMaster { device: port, master: SECOND.to_owned() }),
    ]
}

/// The same, and the host with the two bridges forwards between them and answers on each for the nodes on the other.
fn router_between(plan: &Plan) -> Vec<(Place, Act)> {
    let first = &plan.spec.bridge;
    let worker = Ipv4Net::from(node_plan(plan, WORKER2).address.addr());
    let mut acts = second_bridge(plan);
    acts.push((
        Place::Bridge,
        Act::PutRoute { destination: worker, device: SECOND.to_owned(), gateway: None, table: TABLE_MAIN },
    ));
    acts.push((Place::Bridge, sysctl("net/ipv4/ip_forward", "1")));
    for bridge in [first.as_str(), SECOND] {
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/conf/{bridge}/proxy_arp"), "1")));
        // Otherwise it waits a random time, up to 0.8 s, before it answers for another.
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/neigh/{bridge}/proxy_delay"), "0")));
    }
    acts
}
