//! Frames on a link, decoded, and the traffic they were captured with.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::{HttpReply, MacAddr, Mtu, PingReply, Place, PodName};

/// How a packet is wrapped into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelKind {
    /// UDP 8472 (Linux's and Cilium's port) or 4789 (RFC 7348).
    Vxlan,
    /// UDP 6081 (RFC 8926).
    Geneve,
    /// IP protocol 4 (RFC 2003).
    IpInIp,
    /// IP protocol 47 (RFC 2784).
    Gre,
}

/// An IPv4 header's addresses and what matters of the rest (RFC 791).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpHeader {
    /// Sender.
    pub source: Ipv4Addr,
    /// Receiver.
    pub destination: Ipv4Addr,
    /// Octets of the whole packet, header included.
    pub length: u16,
    /// The packet must not be fragmented.
    pub dont_fragment: bool,
    /// It is a fragment (an offset, or more to come).
    pub fragment: bool,
    /// Time to live.
    pub ttl: u8,
    /// What it carries.
    pub payload: Payload,
}

/// What an IPv4 packet carries, as far as judges look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// TCP (RFC 9293).
    Tcp(TcpHeader),
    /// ICMP (RFC 792).
    Icmp(IcmpHeader),
    /// UDP that is no known tunnel.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// A packet within a packet.
    Tunnel(Tunnel),
    /// Another protocol, a later fragment, or a header that is cut off, by IP protocol number.
    Other(u8),
}

/// A tunnel's packet and what is inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// Which encapsulation.
    pub kind: TunnelKind,
    /// The packet inside, where it could be decoded.
    pub inner: Option<Box<IpHeader>>,
}

/// A TCP segment's ports and flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpHeader {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Opens a connection.
    pub syn: bool,
    /// Acknowledges.
    pub ack: bool,
    /// Refuses or resets.
    pub rst: bool,
}

/// An ICMP message's type, code and echo identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpHeader {
    /// ICMP type: 0 echo reply, 3 unreachable, 8 echo request.
    pub kind: u8,
    /// ICMP code; with type 3, 4 is "fragmentation needed and DF set".
    pub code: u8,
    /// Identifier, of echo messages.
    pub id: Option<u16>,
}

/// A frame on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Since the capture's first frame.
    pub at: Duration,
    /// Source address of the frame.
    pub source: MacAddr,
    /// Destination address of the frame.
    pub destination: MacAddr,
    /// Ethernet type (0x0800 IPv4, 0x0806 ARP).
    pub ethertype: u16,
    /// The IPv4 packet, where it is one that decodes.
    pub ip: Option<IpHeader>,
}

/// What a capture on one link saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Whose link.
    pub place: Place,
    /// Which link.
    pub device: String,
    /// In the order they were seen.
    pub frames: Vec<Frame>,
    /// Frames that the kernel had no room for; a capture that lost any proves no absence.
    pub lost: u32,
    /// The file, readable by tcpdump, relative to the case's folder; none before it is kept.
    pub pcap: Option<PathBuf>,
}

/// Requests from one pod to another's own address, on two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodExchange {
    /// Who asked.
    pub from: PodName,
    /// Who was asked.
    pub to: PodName,
    /// The request to the other pod's own address.
    pub http: HttpReply,
    /// A packet of the segment's whole MTU.
    pub full_mtu: PingReply,
    /// A packet of 84 octets, as a plain `ping` sends: tells a path that is too narrow from one that is shut.
    pub small: PingReply,
}

/// A request from a pod to an address outside the native routing CIDR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideExchange {
    /// Who asked.
    pub from: PodName,
    /// The request; where a listener of ours answers, its body ends in the address that it saw.
    pub http: HttpReply,
}

/// What was sent while links were captured, and what the captures saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The MTU of the segment between the nodes, of which size packets were sent: what the bridge or Docker network
    /// takes, or the largest eth0 of a node with pods, if that is more. A node with less narrows the path.
    pub mtu: Mtu,
    /// Between the pods, across nodes, both ways.
    pub between_pods: Vec<PodExchange>,
    /// From pods to the outside.
    pub outside: Vec<OutsideExchange>,
    /// The eth0 of every node, and of every pod that took part.
    pub captures: Vec<Capture>,
    /// The bridge gateway's link-layer address, as each node resolved it.
    pub gateway_macs: BTreeMap<super::NodeName, MacAddr>,
    /// An echo request from each node itself to the bridge's gateway, and what came of it: a capture on that node that
    /// does not have it is blind. None where an older program sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_nodes: Option<BTreeMap<super::NodeName, PingReply>>,
}

impl Traffic {
    /// The capture at this place.
    pub fn capture(&self, place: &Place) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.place == *place)
    }
}
