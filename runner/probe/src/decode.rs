//! Octets of Ethernet frames, as a link or a pcap file has them, into what judges look at.
//!
//! Nothing here fails: a frame whose Ethernet header is whole is a [`Frame`], and of what is inside it says as
//! much as can be read. A header that is cut off or makes no sense is "not decoded", never a guess.

mod tunnel;

#[cfg(test)]
mod tests;

use etherparse::{
    EtherType, Ethernet2HeaderSlice, Icmpv4Slice, IpNumber, Ipv4HeaderSlice, SingleVlanHeaderSlice, TcpHeaderSlice,
    UdpHeaderSlice, ether_type, ip_number,
};
use std::time::Duration;

use lab_model::observe::{Frame, IcmpHeader, IpHeader, MacAddr, Payload, TcpHeader, Tunnel, TunnelKind};

/// Packets within packets that are looked into, outermost included: enough for IPIP in VXLAN, and a bound on the
/// stack for frames that are made of nothing but nested headers.
const DEEPEST: usize = 4;

/// A frame as it was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// When, as time since 1970-01-01 UTC.
    pub at: Duration,
    /// From the Ethernet header on; fewer than [`RawFrame::original_length`] when the capture cut it off.
    pub bytes: Vec<u8>,
    /// Octets that it had on the link.
    pub original_length: u32,
}

/// Decodes a capture, its times counted from its first frame. Frames without a whole Ethernet header are left out.
pub fn frames(raw: &[RawFrame]) -> Vec<Frame> {
    let start = raw.first().map_or(Duration::ZERO, |first| first.at);
    raw.iter().filter_map(|frame| self::frame(&frame.bytes, frame.at.saturating_sub(start))).collect()
}

/// Decodes one frame; none when its Ethernet header is not whole.
///
/// 802.1Q tags are skipped: [`Frame::ethertype`] is that of what they wrap.
pub fn frame(bytes: &[u8], at: Duration) -> Option<Frame> {
    let (source, destination, ethertype, payload) = ethernet(bytes)?;
    let ip = if ethertype == ether_type::IPV4 { ipv4(payload, 1) } else { None };
    Some(Frame { at, source, destination, ethertype: ethertype.0, ip })
}

/// Source, destination, type behind any tags, and what follows.
fn ethernet(bytes: &[u8]) -> Option<(MacAddr, MacAddr, EtherType, &[u8])> {
    let header = Ethernet2HeaderSlice::from_slice(bytes).ok()?;
    let mut ethertype = header.ether_type();
    let mut payload = bytes.get(header.slice().len()..)?;
    while is_tag(ethertype)
        && let Ok(tag) = SingleVlanHeaderSlice::from_slice(payload)
    {
        ethertype = tag.ether_type();
        payload = payload.get(tag.slice().len()..)?;
    }
    Some((MacAddr(header.source()), MacAddr(header.destination()), ethertype, payload))
}

/// IEEE 802.1Q's tag, the service tag of 802.1ad, and the type that was in use before it.
const fn is_tag(ethertype: EtherType) -> bool {
    matches!(
        ethertype,
        ether_type::VLAN_TAGGED_FRAME | ether_type::PROVIDER_BRIDGING | ether_type::VLAN_DOUBLE_TAGGED_FRAME
    )
}

/// An IPv4 packet that `depth - 1` others wrap; none when its header is cut off or makes no sense.
fn ipv4(bytes: &[u8], depth: usize) -> Option<IpHeader> {
    if depth > DEEPEST {
        return None;
    }
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let begin = header.slice().len();
    // Short frames are padded up to Ethernet's minimum, and a capture may have cut the packet off.
    let end = usize::from(header.total_len()).min(bytes.len());
    let carried = bytes.get(begin..end)?;
    let payload = if header.fragments_offset().value() == 0 {
        payload(header.protocol(), carried, depth)
    } else {
        Payload::Other(header.protocol().0)
    };
    Some(IpHeader {
        source: header.source_addr(),
        destination: header.destination_addr(),
        length: header.total_len(),
        dont_fragment: header.dont_fragment(),
        fragment: header.is_fragmenting_payload(),
        ttl: header.ttl(),
        payload,
    })
}

/// What an IPv4 packet, or its first fragment, carries. A header that is cut off leaves the protocol's number.
fn payload(protocol: IpNumber, bytes: &[u8], depth: usize) -> Payload {
    let decoded = match protocol {
        ip_number::TCP => tcp(bytes),
        ip_number::UDP => udp(bytes, depth),
        ip_number::ICMP => icmp(bytes),
        ip_number::IPV4 => {
            let inner = ipv4(bytes, depth + 1).map(Box::new);
            Some(Payload::Tunnel(Tunnel { kind: TunnelKind::IpInIp, inner }))
        }
        ip_number::GRE => {
            let inner = tunnel::gre(bytes, depth).map(Box::new);
            Some(Payload::Tunnel(Tunnel { kind: TunnelKind::Gre, inner }))
        }
        _ => None,
    };
    decoded.unwrap_or(Payload::Other(protocol.0))
}

fn tcp(bytes: &[u8]) -> Option<Payload> {
    let header = TcpHeaderSlice::from_slice(bytes).ok()?;
    Some(Payload::Tcp(TcpHeader {
        source: header.source_port(),
        destination: header.destination_port(),
        syn: header.syn(),
        ack: header.ack(),
        rst: header.rst(),
    }))
}

fn udp(bytes: &[u8], depth: usize) -> Option<Payload> {
    let header = UdpHeaderSlice::from_slice(bytes).ok()?;
    let carried = bytes.get(header.slice().len()..)?;
    let (source, destination) = (header.source_port(), header.destination_port());
    let (kind, inner) = match destination {
        tunnel::VXLAN_PORT_LINUX | tunnel::VXLAN_PORT => (TunnelKind::Vxlan, tunnel::vxlan(carried, depth)),
        tunnel::GENEVE_PORT => (TunnelKind::Geneve, tunnel::geneve(carried, depth)),
        _ => return Some(Payload::Udp { source, destination }),
    };
    Some(Payload::Tunnel(Tunnel { kind, inner: inner.map(Box::new) }))
}

fn icmp(bytes: &[u8]) -> Option<Payload> {
    /// RFC 792: echo reply and echo request, the messages whose fifth and sixth octets are an identifier.
    const ECHO: [u8; 2] = [0, 8];
    let message = Icmpv4Slice::from_slice(bytes).ok()?;
    let [high, low, ..] = message.bytes5to8();
    let id = ECHO.contains(&message.type_u8()).then(|| u16::from_be_bytes([high, low]));
    Some(Payload::Icmp(IcmpHeader { kind: message.type_u8(), code: message.code_u8(), id }))
}
