use etherparse::{PacketBuilder, PacketBuilderStep};
use std::net::Ipv4Addr;

use super::*;

const A: [u8; 4] = [10, 0, 1, 12];
const B: [u8; 4] = [10, 0, 2, 7];
const NODE_A: [u8; 4] = [172, 18, 0, 3];
const NODE_B: [u8; 4] = [172, 18, 0, 4];
const MAC_A: [u8; 6] = [2, 0x42, 0xac, 0x12, 0, 3];
const MAC_B: [u8; 6] = [2, 0x42, 0xac, 0x12, 0, 4];

fn ip(source: [u8; 4], destination: [u8; 4]) -> PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2(MAC_A, MAC_B).ipv4(source, destination, 64)
}

fn syn() -> Vec<u8> {
    let mut bytes = Vec::new();
    ip(A, B).tcp(33198, 8080, 7, 1000).syn().write(&mut bytes, &[]).expect("a Vec takes all");
    bytes
}

fn udp_frame(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    ip(NODE_A, NODE_B).udp(55532, port).write(&mut bytes, payload).expect("a Vec takes all");
    bytes
}

fn protocol_frame(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    ip(NODE_A, NODE_B).write(&mut bytes, IpNumber(protocol), payload).expect("a Vec takes all");
    bytes
}

fn decoded(bytes: &[u8]) -> Frame {
    frame(bytes, Duration::ZERO).expect("the Ethernet header is whole")
}

fn decoded_ip(bytes: &[u8]) -> IpHeader {
    decoded(bytes).ip.expect("the IPv4 header is whole")
}

fn tunnel(bytes: &[u8]) -> Tunnel {
    match decoded_ip(bytes).payload {
        Payload::Tunnel(tunnel) => tunnel,
        other => panic!("expected a tunnel, found {other:?}"),
    }
}

fn assert_is_inner_syn(tunnel: &Tunnel, kind: TunnelKind) {
    assert_eq!(tunnel.kind, kind);
    let inner = tunnel.inner.as_deref().expect("the inner packet is whole");
    assert_eq!(Some(inner), decoded(&syn()).ip.as_ref());
}

#[test]
fn a_tcp_segment_is_decoded() {
    let frame = decoded(&syn());
    assert_eq!((frame.source, frame.destination), (MacAddr(MAC_A), MacAddr(MAC_B)));
    assert_eq!(frame.ethertype, 0x0800);
    let ip = frame.ip.expect("IPv4");
    assert_eq!((ip.source, ip.destination), (Ipv4Addr::from(A), Ipv4Addr::from(B)));
    assert_eq!((ip.length, ip.ttl, ip.fragment), (40, 64, false));
    let expected = TcpHeader { source: 33198, destination: 8080, syn: true, ack: false, rst: false };
    assert_eq!(ip.payload, Payload::Tcp(expected));
}

#[test]
fn icmp_and_udp_are_decoded() {
    let mut echo = Vec::new();
    ip(A, B).icmpv4_echo_request(2731, 1).write(&mut echo, &[0; 56]).expect("a Vec takes all");
    let expected = IcmpHeader { kind: 8, code: 0, id: Some(2731) };
    assert_eq!(decoded_ip(&echo).payload, Payload::Icmp(expected));
    assert_eq!(decoded_ip(&echo).length, 84);

    let too_big = protocol_frame(1, &[3, 4, 0, 0, 0, 0, 5, 0xaa]);
    assert_eq!(decoded_ip(&too_big).payload, Payload::Icmp(IcmpHeader { kind: 3, code: 4, id: None }));

    let dns = udp_frame(53, b"query");
    assert_eq!(decoded_ip(&dns).payload, Payload::Udp { source: 55532, destination: 53 });
}

#[test]
fn flags_and_fragments_are_decoded() {
    let mut first = syn();
    first[14 + 6] = 0x20; // more fragments
    let ip = decoded_ip(&first);
    assert!(ip.fragment && !ip.dont_fragment);
    assert!(matches!(ip.payload, Payload::Tcp(_)), "a first fragment has the ports: {ip:?}");

    let mut later = syn();
    later[14 + 7] = 100; // offset 800
    let ip = decoded_ip(&later);
    assert!(ip.fragment);
    assert_eq!(ip.payload, Payload::Other(6), "what a later fragment begins with is not a header");

    let mut whole = syn();
    whole[14 + 6] = 0x40;
    assert!(decoded_ip(&whole).dont_fragment);
}

#[test]
fn vxlan_is_opened_on_both_ports() {
    let payload = [&[0x08, 0, 0, 0, 0, 0x74, 0xa1, 0][..], &syn()].concat();
    for port in [8472, 4789] {
        assert_is_inner_syn(&tunnel(&udp_frame(port, &payload)), TunnelKind::Vxlan);
    }
    let without_vni = [&[0; 8][..], &syn()].concat();
    assert_eq!(tunnel(&udp_frame(8472, &without_vni)), Tunnel { kind: TunnelKind::Vxlan, inner: None });
}

#[test]
fn geneve_is_opened_with_options_and_without_ethernet() {
    let bridged = [&[0, 0, 0x65, 0x58, 0, 0, 1, 0][..], &syn()].concat();
    assert_is_inner_syn(&tunnel(&udp_frame(6081, &bridged)), TunnelKind::Geneve);
    let with_options = [&[2, 0, 0x08, 0x00, 0, 0, 1, 0][..], &[0xff; 8], &syn()[14..]].concat();
    assert_is_inner_syn(&tunnel(&udp_frame(6081, &with_options)), TunnelKind::Geneve);
}

#[test]
fn ip_in_ip_and_gre_are_opened() {
    assert_is_inner_syn(&tunnel(&protocol_frame(4, &syn()[14..])), TunnelKind::IpInIp);
    let plain = [&[0, 0, 0x08, 0x00][..], &syn()[14..]].concat();
    assert_is_inner_syn(&tunnel(&protocol_frame(47, &plain)), TunnelKind::Gre);
    let keyed = [&[0x30, 0, 0x65, 0x58][..], &[0xff; 8], &syn()].concat();
    assert_is_inner_syn(&tunnel(&protocol_frame(47, &keyed)), TunnelKind::Gre);
    let pptp = [&[0x00, 0x01, 0x08, 0x00][..], &syn()[14..]].concat();
    assert_eq!(tunnel(&protocol_frame(47, &pptp)).inner, None);
}

#[test]
fn tags_are_skipped() {
    let plain = syn();
    for tags in [&[0x81, 0x00, 0, 7][..], &[0x88, 0xa8, 0, 9, 0x81, 0x00, 0, 7][..]] {
        let tagged = [&plain[..12], tags, &plain[12..]].concat();
        assert_eq!(decoded(&tagged), decoded(&plain));
    }
    let cut_off = [&plain[..12], &[0x81, 0x00, 0][..]].concat();
    assert_eq!(decoded(&cut_off).ethertype, 0x8100);
}

#[test]
fn padding_is_not_payload() {
    let mut padded = protocol_frame(1, &[8, 0, 0]);
    padded.resize(60, 0);
    assert_eq!(decoded_ip(&padded).payload, Payload::Other(1), "three octets are no ICMP message");
}

#[test]
fn what_is_not_ipv4_is_a_frame_all_the_same() {
    let mut arp = syn();
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!((decoded(&arp).ethertype, decoded(&arp).ip), (0x0806, None));
    let mut version_6 = syn();
    version_6[14] = 0x65;
    assert_eq!(decoded(&version_6).ip, None);
}

#[test]
fn every_cut_is_decoded_as_far_as_it_goes() {
    let vxlan = udp_frame(8472, &[&[0x08, 0, 0, 0, 0, 0, 1, 0][..], &syn()].concat());
    let (inner_ip, inner_tcp) = (14 + 20 + 8 + 8 + 14, 14 + 20 + 8 + 8 + 14 + 20);
    for end in 0..vxlan.len() {
        let Some(frame) = frame(&vxlan[..end], Duration::ZERO) else {
            assert!(end < 14, "{end} octets hold an Ethernet header");
            continue;
        };
        assert!(end >= 14);
        let Some(ip) = frame.ip else {
            assert!(end < 34, "{end} octets hold an IPv4 header");
            continue;
        };
        match ip.payload {
            Payload::Other(17) => assert!(end < 42),
            Payload::Tunnel(Tunnel { inner: None, .. }) => assert!((42..inner_ip + 20).contains(&end)),
            Payload::Tunnel(Tunnel { inner: Some(inner), .. }) => {
                assert_eq!(inner.payload, Payload::Other(6), "the TCP header ends at {}", inner_tcp + 20);
            }
            other => panic!("{end} octets decoded as {other:?}"),
        }
    }
}

#[test]
fn garbage_does_not_panic() {
    let mut random = fastrand::Rng::with_seed(8472);
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
        // Most of it would end at the first header: let it get as far as the tunnels.
        for (at, octet) in
            [(12, 0x08), (13, 0x00), (14, 0x45), (20, 0), (21, 0), (23, [4, 6, 17, 47][random.usize(..4)])]
        {
            if let Some(place) = bytes.get_mut(at) {
                *place = octet;
            }
        }
        let is_udp = bytes.get(23) == Some(&17);
        if let Some(port) = bytes.get_mut(36..38).filter(|_| is_udp) {
            port.copy_from_slice(&[0x21, 0x18]);
        }
        assert_eq!(frame(&bytes, Duration::ZERO).is_some(), bytes.len() >= 14);
    }
}

#[test]
fn nesting_has_an_end() {
    let header: Vec<u8> = protocol_frame(4, &[])[14..].to_vec();
    let mut nested = protocol_frame(4, &[])[..14].to_vec();
    for _ in 0..10_000 {
        let mut level = header.clone();
        level[2..4].copy_from_slice(&u16::MAX.to_be_bytes());
        nested.extend(level);
    }
    let mut depth = 0;
    let mut next = decoded(&nested).ip.map(Box::new);
    while let Some(ip) = next {
        depth += 1;
        next = match ip.payload {
            Payload::Tunnel(tunnel) => tunnel.inner,
            _ => None,
        };
    }
    assert_eq!(depth, DEEPEST);
}

#[test]
fn times_count_from_the_first_frame() {
    let at =
        |nanoseconds| RawFrame { at: Duration::new(1_795_415_981, nanoseconds), bytes: syn(), original_length: 54 };
    let runt = RawFrame { bytes: vec![0; 13], ..at(6) };
    let times: Vec<_> = frames(&[at(5), runt, at(9), at(3)]).iter().map(|frame| frame.at.as_nanos()).collect();
    assert_eq!(times, [0, 4, 0], "the runt is left out, and time does not run backwards");
}
