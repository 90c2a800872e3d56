//! What is inside a tunnel's packets, where it is IPv4.

use etherparse::ether_type;

use lab_model::observe::IpHeader;

/// UDP port of VXLAN before it had one of its own; still the default of Linux and of Cilium (`TunnelPort`).
pub(super) const VXLAN_PORT_LINUX: u16 = 8472;
/// UDP port of VXLAN (RFC 7348, section 8).
pub(super) const VXLAN_PORT: u16 = 4789;
/// UDP port of Geneve (RFC 8926, section 3.3).
pub(super) const GENEVE_PORT: u16 = 6081;

/// `EtherType` "transparent Ethernet bridging": a whole Ethernet frame follows (RFC 1701; Geneve uses it too).
const ETHERNET_FRAME: u16 = 0x6558;

/// RFC 7348, section 5: eight octets, of whose flags only I may be set and must be; then an Ethernet frame.
pub(super) fn vxlan(bytes: &[u8], depth: usize) -> Option<IpHeader> {
    const HAS_VNI: u8 = 0x08;
    let (header, frame) = bytes.split_first_chunk::<8>()?;
    if header[0] & HAS_VNI == 0 {
        return None;
    }
    in_ethernet(frame, depth)
}

/// RFC 8926, section 3.4: eight octets, options in units of four octets, then what the protocol type says.
pub(super) fn geneve(bytes: &[u8], depth: usize) -> Option<IpHeader> {
    let (header, rest) = bytes.split_first_chunk::<8>()?;
    let (version, options) = (header[0] >> 6, usize::from(header[0] & 0x3f) * 4);
    if version != 0 {
        return None;
    }
    typed(u16::from_be_bytes([header[2], header[3]]), rest.get(options..)?, depth)
}

/// RFC 2784 with the key and sequence number of RFC 2890, each of which adds four octets when its flag is set.
pub(super) fn gre(bytes: &[u8], depth: usize) -> Option<IpHeader> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;
    let (header, rest) = bytes.split_first_chunk::<4>()?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    // RFC 1701's source routing has a length of its own that RFC 2784 took away; version 1 is PPTP's.
    if flags & (ROUTING | VERSION) != 0 {
        return None;
    }
    let options = [CHECKSUM, KEY, SEQUENCE].iter().filter(|flag| flags & **flag != 0).count() * 4;
    typed(u16::from_be_bytes([header[2], header[3]]), rest.get(options..)?, depth)
}

fn typed(protocol: u16, bytes: &[u8], depth: usize) -> Option<IpHeader> {
    match protocol {
        ETHERNET_FRAME => in_ethernet(bytes, depth),
        number if number == ether_type::IPV4.0 => super::ipv4(bytes, depth + 1),
        _ => None,
    }
}

fn in_ethernet(frame: &[u8], depth: usize) -> Option<IpHeader> {
    let (_source, _destination, ethertype, payload) = super::ethernet(frame)?;
    if ethertype == ether_type::IPV4 { super::ipv4(payload, depth + 1) } else { None }
}
