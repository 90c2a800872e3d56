//! `wire::…`: what the traffic of stage `traffic_observed` shows. All links are captured while it flows.

use super::model::{Explanation, both, breaks, kind, netns, on_kind, on_netns};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "wire::pods_reach_each_other_directly",
        step: "The article's aim is that packets of pods on different nodes are routed to their node. It shows it by the Service; this case leaves \
               the Service out and asks the pods by their own addresses.",
        native: "Without a ClusterIP in between, nothing but routes decides whether a pod is reached. Both directions are asked, since each \
                 depends on the other node's route for the way back.",
        read: &[both(
            "Replies to `GET /` on port 8080 of each pod, from inside the namespace of a pod on another node: status, lines, name.",
        )],
        by_hand: &[
            on_netns("lab shell hello-app-1 -- curl -s -m 5 http://10.0.2.11:8080/", "Hostname: hello-app-2"),
            on_kind("lab shell --name kind POD -- curl -s -m 5 http://PEER_POD_ADDRESS:8080/", "the other pod's name"),
        ],
        breaks: &[
            breaks(
                Reason::PodUnreachable,
                "A direct route is missing on either node, a node does not forward, rp_filter drops what comes from a \
                   network that it does not know (NixOS' firewall does by default), or a firewall of the host drops bridged frames. It times out; \
                   refused means that the packet did arrive.",
            ),
            breaks(
                Reason::AnotherServerAnswers,
                "Two pods have one address, or the pod's address is a host's in your own network, outside the lab.",
            ),
        ],
        unobserved: "There are no two pods on two nodes.",
    },
    Explanation {
        case: "wire::frames_are_not_encapsulated",
        step: "The article explains it in words: with native routing, packets between pods on different nodes get there without encapsulation. It \
               shows no frame; this case does.",
        native: "This is the difference that one can see. In an overlay the receiving node's eth0 gets UDP between the nodes' addresses, with the pods' \
                 packet inside. With native routing it gets the pods' own packet, between the two nodes' link-layer addresses.",
        read: &[
            both(
                "Frames captured on eth0 of the receiving node (AF_PACKET) while the pods talk, each decoded: link-layer addresses, IPv4, TCP, \
                  and what tunnels carry (vxlan on UDP 8472 and 4789, geneve on 6081, IPIP, GRE). The pcap is among the evidence.",
            ),
            both("The link-layer addresses of the nodes' own eth0."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-worker2 -- tcpdump -nn -e -i eth0 -c 4 host 10.0.1.10",
                "ask in another terminal: IPv4 10.0.1.10 > 10.0.2.11, between two nodes' lladdr",
            ),
            on_netns(
                "lab shell kind-worker2 -- tcpdump -nn -i eth0 -c 1 udp port 8472",
                "waits for ever; with --routing vxlan it does not",
            ),
            on_kind(
                "sudo nsenter --net --target PID_OF_NODE tcpdump -nn -e -i eth0 -c 4 host POD_ADDRESS",
                "the same, with the Docker host's tcpdump",
            ),
        ],
        breaks: &[
            breaks(
                Reason::Encapsulated,
                "`tunnel` is vxlan or geneve, or one agent still runs with the old configuration: the ConfigMap is read only \
                   when it starts.",
            ),
            breaks(
                Reason::WrongFrameAddresses,
                "The packet is bare and came by way of somebody else: a router with proxy ARP, the gateway, or a third \
                   node to which a wrong route led.",
            ),
        ],
        unobserved: "No frame from pod to pod was seen in one of the directions, or the capture lost frames. Silence is no proof: this is what remains \
                     when no packet gets through at all.",
    },
    Explanation {
        case: "wire::source_address_is_kept",
        step: "The article sets `ipv4NativeRoutingCIDR=10.0.0.0/8`: what goes there is not masqueraded.",
        native: "Where pods are routed natively, the receiver can answer a pod's own address, and sees it: logs and policies get the truth. Translation \
                 between nodes would hide a missing route back.",
        read: &[both(
            "The first packet of each connection (SYN) as it arrives in the receiving pod's namespace, else on its node's eth0: its source \
                  address and port, compared with those that the sending pod's socket had.",
        )],
        by_hand: &[
            on_netns(
                "lab shell hello-app-2 -- tcpdump -nn -i eth0 -c 1 'tcp[13] == 2'",
                "ask in another terminal: 10.0.1.10.… > 10.0.2.11.8080",
            ),
            on_netns(
                "lab shell kind-worker -- nft list table ip lab",
                "ip daddr != 10.0.0.0/8 stands before masquerade",
            ),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium status --verbose",
                "Masquerading: BPF, with the CIDR that is left out",
            ),
        ],
        breaks: &[breaks(
            Reason::SourceTranslated,
            "`ipv4NativeRoutingCIDR` is missing or too narrow for the pod pool, or iptables of the node masquerades \
                  besides (ip-masq-agent, a rule of Docker's): the receiver sees the sending node's address.",
        )],
        unobserved: "No request was seen arriving, or which one was the pod's cannot be told.",
    },
    Explanation {
        case: "wire::full_mtu_fits",
        step: "The article does not speak of it; it follows from its introduction. An overlay's header takes room, 50 bytes with vxlan, and native \
               routing's routes take none.",
        native: "Pods can use the link's whole MTU. In an overlay their routes carry a smaller one, or large packets vanish while small ones pass.",
        read: &[both(
            "Echo replies to an IPv4 packet as long as the MTU of the nodes' eth0, with DF set, from pod to pod across nodes; and to one of 84 \
                  octets, which tells a size that is too large from no way at all.",
        )],
        by_hand: &[
            on_netns("lab shell hello-app-1 -- ping -c 1 -M do -s 1472 10.0.2.11", "1480 bytes from 10.0.2.11"),
            on_netns("lab shell hello-app-1 -- ip link show dev eth0", "mtu 1500"),
            on_kind("lab shell --name kind POD -- ip link show dev eth0", "mtu 1500, or what Docker's bridge has"),
            on_kind("docker exec kind-worker ip route", "no mtu at the peers' routes"),
        ],
        breaks: &[breaks(
            Reason::MtuDoesNotFit,
            "An overlay: `observed` says which size fits, mtu 1450. A link in between with a smaller MTU: too big, \
                  or no answer where ICMP is filtered. No answer to the small one either: there is no way at all.",
        )],
        unobserved: "No packet of the whole MTU was sent between pods on two nodes.",
    },
    Explanation {
        case: "wire::masqueraded_outside_the_native_cidr",
        step: "The article sets `bpf.masquerade=true`: what leaves the cluster takes the node's address, in BPF and not by iptables.",
        native: "Outside the native routing CIDR nobody has a route back to a pod. Without masquerading a pod's request to the Internet leaves with an \
                 address that no answer can find.",
        read: &[
            both(
                "The first packet of a pod's request to the bridge's gateway, which is outside 10.0.0.0/8 and no node, as it leaves its node's eth0: \
                  its source must be the node's address.",
            ),
            netns(
                "The listener at 172.18.0.1:9999 says besides whose address it saw; nftables on the node translates.",
            ),
            kind(
                "The BPF program on the node's eth0 translates, with the map `cilium_snat_v4_external`. Towards nodes Cilium does not masquerade \
                  here.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- curl -s -m 5 http://172.18.0.1:9999",
                "172.18.0.3: the node's address, not the pod's",
            ),
            on_netns("lab shell kind-worker -- tcpdump -nn -i eth0 -c 1 dst 172.18.0.1", "from 172.18.0.3"),
            on_kind("kubectl exec -n kube-system AGENT -- cilium status --verbose", "Masquerading: BPF"),
            on_kind("kubectl exec -n kube-system AGENT -- cilium bpf nat list", "entries for the request"),
        ],
        breaks: &[
            breaks(
                Reason::NotMasqueraded,
                "Masquerading is off, or the native routing CIDR covers the target too: on a host whose own network is in \
                   10.0.0.0/8, pods do not reach it.",
            ),
            breaks(
                Reason::MasqueradedAsAnother,
                "The packet leaves with a third address: the node has several, and the one of another link was taken.",
            ),
        ],
        unobserved: "Fewer requests were seen leaving than were made.",
    },
    Explanation {
        case: "wire::nothing_leaks_to_the_uplink",
        step: "The article shows that the nodes' default route leads to the bridge, 172.18.0.1. What has no route of its own goes there.",
        native: "Pod packets must take direct routes. One that takes the default route instead leaves the lab for the host, and the host's own network, \
                 with a pod's address on it.",
        read: &[
            both(
                "All frames on eth0 of each node while pods talk, and the gateway's link-layer address, by ARP: none to it may be for 10.0.0.0/8. The same \
                  capture must hold a pod's request to the gateway itself, so that a leak would have been seen.",
            ),
            kind(
                "A lab made as root is sealed besides (nftables table `lab_seal_NAME` on the host): a leak does not get further than the bridge.",
            ),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip neigh show 172.18.0.1", "the gateway's lladdr"),
            on_netns(
                "lab shell kind-worker -- tcpdump -nn -e -i eth0 -c 1 'ether dst GATEWAY_LLADDR and dst net 10.0.0.0/8'",
                "waits for ever",
            ),
            on_kind(
                "sudo nsenter --net --target PID_OF_NODE tcpdump -nn -e -i eth0 -c 1 'ether dst GATEWAY_LLADDR and dst net 10.0.0.0/8'",
                "waits for ever",
            ),
        ],
        breaks: &[breaks(
            Reason::LeaksToGateway,
            "A direct route is missing: the sending node hands the packet to the gateway. The first frame is shown with its \
                  addresses and ports.",
        )],
        unobserved: "A node was not captured, frames were lost, the gateway's address is not known, or no request to the outside was seen there.",
    },
];
