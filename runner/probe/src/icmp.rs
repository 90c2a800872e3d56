//! ICMP echo messages as octets (RFC 791, RFC 792).

use std::net::Ipv4Addr;

/// Octets of an IPv4 header without options.
pub(super) const IP_HEADER: usize = 20;
/// Octets of an ICMP header.
pub(super) const ICMP_HEADER: usize = 8;
/// IP protocol number of ICMP.
const ICMP: u8 = 1;
/// The flag "don't fragment", in the high octet of the fragment field.
const DONT_FRAGMENT: u8 = 0x40;
/// Linux' default time to live.
const TTL: u8 = 64;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
/// Code of [`UNREACHABLE`]: fragmentation needed and DF set.
const FRAGMENTATION_NEEDED: u8 = 4;

/// An echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Echo {
    pub(super) destination: Ipv4Addr,
    pub(super) id: u16,
    pub(super) sequence: u16,
    pub(super) payload: Vec<u8>,
}

/// What an ICMP packet that came says of an echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// Its reply, whole.
    Reply,
    /// A reply to it with another payload.
    Damaged,
    /// It did not fit; the MTU that was named, if one was.
    TooBig(Option<u16>),
    /// Somebody refused it: ICMP type and code.
    Refused { from: Ipv4Addr, kind: u8, code: u8 },
}

impl Echo {
    /// The whole packet, with DF set. The kernel fills in the source address, the identification and the header's
    /// checksum (raw(7)).
    pub(super) fn packet(&self) -> Vec<u8> {
        let length = IP_HEADER + ICMP_HEADER + self.payload.len();
        // The length is at most 65535: `ping` checks it.
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let mut packet = vec![0x45, 0, high, low, 0, 0, DONT_FRAGMENT, 0, TTL, ICMP, 0, 0, 0, 0, 0, 0];
        packet.extend_from_slice(&self.destination.octets());
        let mut message = vec![ECHO_REQUEST, 0, 0, 0];
        message.extend_from_slice(&self.id.to_be_bytes());
        message.extend_from_slice(&self.sequence.to_be_bytes());
        message.extend_from_slice(&self.payload);
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        packet.extend_from_slice(&message);
        packet
    }

    /// What this IPv4 packet says of it; none when it is about something else.
    pub(super) fn read(&self, packet: &[u8]) -> Option<News> {
        let (from, _to, message) = ipv4_icmp(packet)?;
        let [kind, code, _, _, rest @ ..] = message else { return None };
        match *kind {
            ECHO_REPLY => {
                let [a, b, c, d, payload @ ..] = rest else { return None };
                let matches = self.is(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                let whole = payload == self.payload;
                matches.then_some(if whole { News::Reply } else { News::Damaged })
            }
            UNREACHABLE | TIME_EXCEEDED => {
                let [_, _, a, b, original @ ..] = rest else { return None };
                self.quoted_in(original)?;
                let mtu = Some(u16::from_be_bytes([*a, *b])).filter(|mtu| *mtu != 0);
                Some(match (*kind, *code) {
                    (UNREACHABLE, FRAGMENTATION_NEEDED) => News::TooBig(mtu),
                    (kind, code) => News::Refused { from, kind, code },
                })
            }
            _ => None,
        }
    }

    fn is(&self, id: u16, sequence: u16) -> bool {
        (id, sequence) == (self.id, self.sequence)
    }

    /// Whether this beginning of a packet, quoted by an error message, is this request's.
    fn quoted_in(&self, original: &[u8]) -> Option<()> {
        let (_from, to, message) = ipv4_icmp(original)?;
        let [ECHO_REQUEST, _, _, _, a, b, c, d, ..] = message else { return None };
        let is = self.is(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        (is && to == self.destination).then_some(())
    }
}

/// Source, destination and payload of an IPv4 packet that carries ICMP.
fn ipv4_icmp(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr, &[u8])> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let octets = |from: usize| packet.get(from..from + 4)?.try_into().ok().map(|octets: [u8; 4]| octets.into());
    (*packet.get(9)? == ICMP).then_some(())?;
    Some((octets(12)?, octets(16)?, packet.get(header..)?))
}

/// The Internet checksum (RFC 1071).
fn checksum(message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

/// An ICMP type and code in words (RFC 792, RFC 1122, RFC 1812).
pub(super) fn icmp_text(kind: u8, code: u8) -> String {
    let words = match (kind, code) {
        (UNREACHABLE, 0) => "network unreachable",
        (UNREACHABLE, 1) => "host unreachable",
        (UNREACHABLE, 2) => "protocol unreachable",
        (UNREACHABLE, 3) => "port unreachable",
        (UNREACHABLE, 5) => "source route failed",
        (UNREACHABLE, 9) => "network prohibited",
        (UNREACHABLE, 10) => "host prohibited",
        (UNREACHABLE, 13) => "prohibited by a filter",
        (TIME_EXCEEDED, _) => "time to live exceeded",
        _ => return format!("ICMP type {kind} code {code}"),
    };
    format!("{words} (ICMP type {kind} code {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Echo {
        Echo { destination: Ipv4Addr::new(10, 0, 2, 7), id: 0x1234, sequence: 2, payload: b"abc".to_vec() }
    }

    /// A packet as it comes back, from the destination.
    fn incoming(message: &[u8]) -> Vec<u8> {
        let mut packet = echo().packet()[..IP_HEADER].to_vec();
        packet[12..20].copy_from_slice(&[10, 0, 2, 7, 10, 0, 1, 12]);
        packet.extend_from_slice(message);
        packet
    }

    fn reply(payload: &[u8], sequence: u8) -> Vec<u8> {
        incoming(&[&[0, 0, 0, 0, 0x12, 0x34, 0, sequence], payload].concat())
    }

    #[test]
    fn a_request_has_df_its_length_and_a_right_checksum() {
        let packet = echo().packet();
        assert_eq!(packet.len(), 31);
        assert_eq!(packet[2..4], [0, 31]);
        assert_eq!(packet[6], DONT_FRAGMENT);
        assert_eq!(checksum(&packet[IP_HEADER..]), 0, "a message with its checksum sums up to nothing");
    }

    #[test]
    fn only_its_own_whole_reply_is_an_answer() {
        assert_eq!(echo().read(&reply(b"abc", 2)), Some(News::Reply));
        assert_eq!(echo().read(&reply(b"ab", 2)), Some(News::Damaged));
        assert_eq!(echo().read(&reply(b"abd", 2)), Some(News::Damaged));
        assert_eq!(echo().read(&reply(b"abc", 3)), None);
        assert_eq!(echo().read(&echo().packet()), None, "a request is no reply");
    }

    #[test]
    fn an_error_is_about_the_packet_that_it_quotes() {
        let quoted = &echo().packet()[..IP_HEADER + ICMP_HEADER];
        let too_big = incoming(&[&[3, 4, 0, 0, 0, 0, 5, 0xaa], quoted].concat());
        assert_eq!(echo().read(&too_big), Some(News::TooBig(Some(1450))));
        let unnamed = incoming(&[&[3, 4, 0, 0, 0, 0, 0, 0], quoted].concat());
        assert_eq!(echo().read(&unnamed), Some(News::TooBig(None)));
        let refused = incoming(&[&[3, 1, 0, 0, 0, 0, 0, 0], quoted].concat());
        let from = Ipv4Addr::new(10, 0, 2, 7);
        assert_eq!(echo().read(&refused), Some(News::Refused { from, kind: 3, code: 1 }));
        let another = Echo { id: 1, ..echo() };
        assert_eq!(another.read(&refused), None);
        assert_eq!(echo().read(&refused[..30]), None, "cut short");
    }
}
