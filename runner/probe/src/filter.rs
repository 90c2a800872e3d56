//! Which frames a capture keeps: decided in the kernel before they are copied, and once more here.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{SockFilter, SockRef};

use super::decode;
use lab_model::observe::{IpHeader, Payload};
use lab_model::request::{CaptureFilter, HEADERS};

// Where a frame without tags has what.
const ETHERTYPE: u32 = 12;
const IP_HEADER: u32 = 14;
const FRAGMENT: u32 = 20;
const PROTOCOL: u32 = 23;
const SOURCE: u32 = 26;
const DESTINATION: u32 = 30;
/// From the end of the IPv4 header.
const UDP_DESTINATION: u32 = 16;

const IPV4: u32 = 0x0800;
const ARP: u32 = 0x0806;
const FRAGMENT_OFFSET: u32 = 0x1fff;
const UDP: u32 = 17;
/// IPIP and GRE.
const TUNNELS: [u32; 2] = [4, 47];
/// VXLAN, Linux's and RFC 7348's, and Geneve.
const TUNNEL_PORTS: [u32; 3] = [8472, 4789, 6081];

// Classic BPF (include/uapi/linux/bpf_common.h).
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF_WORD: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_WORD_AFTER_HEADER: u16 = 0x48;
const HEADER_LENGTH: u16 = 0xb1;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_SET: u16 = 0x45;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;
const WHOLE_FRAME: u32 = u32::MAX;

/// A step of a program (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> Step {
    Step { code, jt, jf, k }
}

/// How many addresses a filter may have: a jump of the kernel's filters goes over 255 steps at most.
const MOST_ADDRESSES: usize = 64;

/// Has the kernel drop what is not wanted before it is copied.
pub(super) fn attach(socket: &OwnedFd, filter: &CaptureFilter) -> io::Result<()> {
    let program = match filter {
        CaptureFilter::All => return Ok(()),
        CaptureFilter::Ipv4AndArp => vec![
            step(LOAD_HALF_WORD, 0, 0, ETHERTYPE),
            step(JUMP_IF_EQUAL, 1, 0, IPV4),
            step(JUMP_IF_EQUAL, 0, 1, ARP),
            step(RETURN, 0, 0, WHOLE_FRAME),
            step(RETURN, 0, 0, 0),
        ],
        CaptureFilter::Headers(addresses) if addresses.len() > MOST_ADDRESSES => {
            return Err(io::Error::other(format!("{} addresses, and {MOST_ADDRESSES} are the most", addresses.len())));
        }
        CaptureFilter::Headers(addresses) => headers(addresses),
    };
    let program: Vec<SockFilter> =
        program.into_iter().map(|Step { code, jt, jf, k }| SockFilter::new(code, jt, jf, k)).collect();
    SockRef::from(socket).attach_filter(&program)
}

/// What a step does when its comparison is true.
enum Then {
    Keep,
    Drop,
}

/// The first octets of packets from or to these addresses, and of all that are a tunnel's: what is in those is looked at
/// outside of the kernel.
fn headers(addresses: &[Ipv4Addr]) -> Vec<Step> {
    let mut steps: Vec<(Step, Option<Then>)> = Vec::new();
    let load = |how: u16, from: u32| (step(how, 0, 0, from), None);
    let compare = |how: u16, with: u32, then: Then| (step(how, 0, 0, with), Some(then));
    steps.push(load(LOAD_HALF_WORD, ETHERTYPE));
    // Over the step that leads to the end.
    steps.push((step(JUMP_IF_EQUAL, 1, 0, IPV4), None));
    steps.push((step(JUMP, 0, 0, 0), Some(Then::Drop)));
    for from in [SOURCE, DESTINATION] {
        steps.push(load(LOAD_WORD, from));
        steps.extend(addresses.iter().map(|address| compare(JUMP_IF_EQUAL, (*address).into(), Then::Keep)));
    }
    steps.push(load(LOAD_BYTE, PROTOCOL));
    steps.extend(TUNNELS.map(|protocol| compare(JUMP_IF_EQUAL, protocol, Then::Keep)));
    steps.push((step(JUMP_IF_EQUAL, 1, 0, UDP), None));
    steps.push((step(JUMP, 0, 0, 0), Some(Then::Drop)));
    steps.push(load(LOAD_HALF_WORD, FRAGMENT));
    steps.push(compare(JUMP_IF_SET, FRAGMENT_OFFSET, Then::Drop));
    steps.push(load(HEADER_LENGTH, IP_HEADER));
    steps.push(load(LOAD_HALF_WORD_AFTER_HEADER, UDP_DESTINATION));
    steps.extend(TUNNEL_PORTS.map(|port| compare(JUMP_IF_EQUAL, port, Then::Keep)));
    let end = steps.len();
    let mut program: Vec<Step> = Vec::with_capacity(end + 2);
    for (at, (one, then)) in steps.into_iter().enumerate() {
        // Behind the last step: dropped, and after that kept.
        let over = |extra: usize| end + extra - at - 1;
        let over = then.map(|then| over(usize::from(matches!(then, Then::Keep))));
        program.push(match over {
            None => one,
            Some(over) if one.code == JUMP => step(JUMP, 0, 0, u32::try_from(over).unwrap_or(u32::MAX)),
            // Not more than that by the bound on addresses.
            Some(over) => step(one.code, u8::try_from(over).unwrap_or(u8::MAX), 0, one.k),
        });
    }
    program.push(step(RETURN, 0, 0, 0));
    program.push(step(RETURN, 0, 0, HEADERS.into()));
    program
}

/// The same decision, for what came before the kernel's filter was in place; and of tunnels what is in them.
pub(super) fn keeps(filter: &CaptureFilter, frame: &[u8]) -> bool {
    match (filter, frame) {
        (CaptureFilter::All, _) => true,
        // Two addresses of six octets, and the type.
        (CaptureFilter::Ipv4AndArp, [_, _, _, _, _, _, _, _, _, _, _, _, high, low, ..]) => {
            [IPV4, ARP].contains(&u32::from(u16::from_be_bytes([*high, *low])))
        }
        (CaptureFilter::Ipv4AndArp, _) => false,
        (CaptureFilter::Headers(addresses), frame) => {
            decode::frame(frame, Duration::ZERO).and_then(|frame| frame.ip).is_some_and(|ip| is_of(&ip, addresses))
        }
    }
}

fn is_of(ip: &IpHeader, addresses: &[Ipv4Addr]) -> bool {
    let own = addresses.contains(&ip.source) || addresses.contains(&ip.destination);
    own || matches!(&ip.payload, Payload::Tunnel(tunnel) if tunnel.inner.as_ref().is_some_and(|inner| is_of(inner, addresses)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_decide_by_the_ethernet_type() {
        let frame = |kind: u16| [[0; 12].as_slice(), &kind.to_be_bytes(), &[0; 46]].concat();
        let keeps = |frame: &[u8]| keeps(&CaptureFilter::Ipv4AndArp, frame);
        assert!(keeps(&frame(0x0800)) && keeps(&frame(0x0806)));
        assert!(!keeps(&frame(0x86dd)) && !keeps(&frame(0x0800)[..13]));
        assert!(super::keeps(&CaptureFilter::All, &frame(0x86dd)));
    }

    /// An IPv4 packet without options.
    fn packet(protocol: u8, source: [u8; 4], destination: [u8; 4], carried: &[u8]) -> Vec<u8> {
        let length = u16::try_from(20 + carried.len()).unwrap().to_be_bytes();
        let head = [0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
        [head.as_slice(), &source, &destination, carried].concat()
    }

    fn ethernet(carried: &[u8]) -> Vec<u8> {
        [[2; 12].as_slice(), &[0x08, 0x00], carried].concat()
    }

    fn udp(port: u16, carried: &[u8]) -> Vec<u8> {
        let length = u16::try_from(8 + carried.len()).unwrap();
        let parts = [40000_u16, port, length, 0].map(u16::to_be_bytes).concat();
        [parts.as_slice(), carried].concat()
    }

    /// What the kernel's machine does with such a program (net/core/filter.c).
    fn run(program: &[Step], frame: &[u8]) -> u32 {
        let (mut at, mut accumulator, mut index) = (0, 0_u32, 0_usize);
        let word = |at: usize, octets: usize| {
            frame.get(at..at + octets).map(|part| part.iter().fold(0, |all, octet| all << 8 | u32::from(*octet)))
        };
        loop {
            let step = &program[at];
            let k = usize::try_from(step.k).unwrap();
            at += 1;
            let jump = |is: bool| usize::from(if is { step.jt } else { step.jf });
            let loaded = match step.code {
                LOAD_WORD => word(k, 4),
                LOAD_HALF_WORD => word(k, 2),
                LOAD_BYTE => word(k, 1),
                LOAD_HALF_WORD_AFTER_HEADER => word(index + k, 2),
                HEADER_LENGTH => {
                    index = 4 * usize::from(frame[k] & 0xf);
                    Some(accumulator)
                }
                JUMP_IF_EQUAL => {
                    at += jump(accumulator == step.k);
                    Some(accumulator)
                }
                JUMP_IF_SET => {
                    at += jump(accumulator & step.k != 0);
                    Some(accumulator)
                }
                JUMP => {
                    at += k;
                    Some(accumulator)
                }
                RETURN => return step.k,
                other => panic!("{other:#x}"),
            };
            // What is beyond the frame's end drops it.
            let Some(loaded) = loaded else { return 0 };
            accumulator = loaded;
        }
    }

    #[test]
    fn on_a_link_that_others_use_only_the_given_addresses_are_kept_and_no_payload() {
        let (own, peer, other) = ([10, 0, 1, 7], [10, 0, 2, 9], [10, 0, 3, 3]);
        let addresses: Vec<Ipv4Addr> =
            (100..100 + 62).map(|last| Ipv4Addr::new(10, 9, 9, last)).chain([own.into()]).collect();
        let filter = CaptureFilter::Headers(addresses.clone());
        let program = headers(&addresses);
        let inner = |source, destination| ethernet(&packet(6, source, destination, &[0; 20]));
        let vxlan = |source, destination| {
            udp(8472, &[[8, 0, 0, 0, 0, 0, 2, 0].as_slice(), &inner(source, destination)].concat())
        };
        let nodes = ([172, 18, 0, 3], [172, 18, 0, 4]);
        for (frame, kernel, kept, what) in [
            (inner(own, peer), true, true, "from the address"),
            (inner(peer, own), true, true, "to the address"),
            (inner(other, peer), false, false, "of others"),
            (ethernet(&packet(17, other, peer, &udp(53, &[1, 2]))), false, false, "a name's lookup of others"),
            (ethernet(&packet(17, nodes.0, nodes.1, &vxlan(own, peer))), true, true, "in a tunnel"),
            (ethernet(&packet(17, nodes.0, nodes.1, &vxlan(other, peer))), true, false, "of others in a tunnel"),
            (ethernet(&packet(4, nodes.0, nodes.1, &packet(6, peer, own, &[0; 20]))), true, true, "in IPIP"),
            (ethernet(&packet(50, nodes.0, nodes.1, &[0; 40])), false, false, "encrypted"),
            ([[2; 12].as_slice(), &[0x08, 0x06], &[0; 46]].concat(), false, false, "ARP"),
            (vec![0; 13], false, false, "cut off"),
        ] {
            assert_eq!(run(&program, &frame) == u32::from(HEADERS), kernel, "{what}");
            assert!(kernel || run(&program, &frame) == 0, "{what}");
            assert_eq!(keeps(&filter, &frame), kept, "{what}");
        }
    }
}
