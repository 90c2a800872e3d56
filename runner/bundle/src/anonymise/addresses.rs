//! Addresses in the place of addresses: those that shared a prefix share one of the same length afterwards, and no others
//! do. So what contained what, and which route was taken, stays as it was (Xu and others, *Prefix-Preserving IP Address
//! Anonymization*, 2002). The key is drawn anew for each bundle, and kept nowhere.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lab_model::observe::MacAddr;

/// What stays as it is, since the kernel treats it in its own way: this network, loopback, link-local, multicast and what
/// is beyond; and of IPv6 what is unspecified, loopback or mapped, link-local, multicast.
const KEPT: [(IpAddr, u8); 7] = [
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 3),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
];
/// How many keys are tried until none of the cluster's own addresses comes out for another of them.
const KEYS: usize = 64;

/// A mapping of addresses to others.
#[derive(Debug)]
pub(super) struct Addresses {
    key: [u8; 32],
}

/// A network, or an address with all of its bits.
pub(super) type Network = (IpAddr, u8);

impl Addresses {
    /// A mapping in whose image none of these is; none where no key gives one.
    pub(super) fn without(originals: &BTreeSet<Network>) -> Option<Self> {
        let addresses: BTreeSet<IpAddr> = originals.iter().map(|(address, _length)| *address).collect();
        (0..KEYS).find_map(|_attempt| {
            let mut key = [0; 32];
            getrandom::fill(&mut key).ok()?;
            let one = Self { key };
            originals.iter().all(|network| !addresses.contains(&one.network(*network))).then_some(one)
        })
    }

    /// The address in the place of this one.
    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        let (bits, width) = bits(address);
        let flips = (0..width).filter(|length| {
            let prefix = prefix(bits, *length);
            !is_kept(prefix, *length, width) && self.flips(width, prefix, *length)
        });
        of_bits(flips.fold(bits, |found, length| found ^ (1 << (127 - length))), width)
    }

    /// The address of the network in the place of this one.
    fn network(&self, (address, length): Network) -> IpAddr {
        let (found, width) = bits(self.address(address));
        of_bits(prefix(found, length), width)
    }

    /// Whether the bit that follows this prefix is turned.
    fn flips(&self, width: u8, prefix: u128, length: u8) -> bool {
        self.digest(&[&[width, length][..], &prefix.to_be_bytes()].concat())[0] & 1 == 1
    }

    fn digest(&self, data: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(data).finalize().into()
    }

    /// The link-layer address in the place of this one: one that is administered locally.
    fn mac(&self, mac: MacAddr) -> MacAddr {
        if mac.0 == [0; 6] || mac.0 == [0xff; 6] {
            return mac;
        }
        let mut octets = [2; 6];
        octets[1..].copy_from_slice(&self.digest(&mac.0)[..5]);
        MacAddr(octets)
    }

    /// A text that is an address, with what belongs to it: a prefix length or a port. None for any other text.
    pub(super) fn in_text(&self, text: &str) -> Option<String> {
        let written = Written::read(text)?;
        Some(match written {
            Written::Mac(mac) => self.mac(mac).to_string(),
            Written::Plain(address) => self.address(address).to_string(),
            Written::WithPort(address, port) => SocketAddr::new(self.address(address), port).to_string(),
            // A network stays one: its address has no bits beyond the prefix.
            Written::WithPrefix(address, length) => match written.network() {
                Some(network) if network.1 == length => format!("{}/{length}", self.network(network)),
                _ => format!("{}/{length}", self.address(address)),
            },
        })
    }
}

/// The bits of an address, the first of them first, and how many there are.
const fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => ((address.to_bits() as u128) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn of_bits(bits: u128, width: u8) -> IpAddr {
    match u32::try_from(bits >> 96) {
        Ok(bits) if width == 32 => Ipv4Addr::from_bits(bits).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    }
}

fn prefix(bits: u128, length: u8) -> u128 {
    bits & !u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// Whether what follows this prefix stays: it is a part of a network that stays, or one is a part of it.
fn is_kept(bits: u128, length: u8, width: u8) -> bool {
    KEPT.iter().any(|(kept, by)| {
        let (kept, of) = self::bits(*kept);
        let shorter = length.min(*by);
        of == width && prefix(kept, shorter) == prefix(bits, shorter)
    })
}

/// Whether a network can become no other, whatever the key.
pub(super) fn is_fixed((address, length): Network) -> bool {
    let (bits, width) = bits(address);
    (0..length).all(|length| is_kept(prefix(bits, length), length, width))
}

/// An address as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Alone.
    Plain(IpAddr),
    /// With a prefix length: a network, or an address of a link.
    WithPrefix(IpAddr, u8),
    /// With a port.
    WithPort(IpAddr, u16),
    /// Of the link layer.
    Mac(MacAddr),
}

impl Written {
    /// Reads one; none of a text that is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Plain(address));
        }
        if let Ok(mac) = text.parse() {
            return Some(Self::Mac(mac));
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Some(Self::WithPort(socket.ip(), socket.port()));
        }
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        (length <= bits(address).1).then_some(Self::WithPrefix(address, length))
    }

    /// What must not be seen any more where this stood: the network, or the address with all of its bits.
    pub(super) fn network(self) -> Option<Network> {
        match self {
            Self::Plain(address) | Self::WithPort(address, _) => Some((address, bits(address).1)),
            Self::WithPrefix(address, length) => {
                let (all, width) = bits(address);
                Some((address, if prefix(all, length) == all { length } else { width }))
            }
            Self::Mac(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: [Addresses; 3] = [Addresses { key: [1; 32] }, Addresses { key: [2; 32] }, Addresses { key: [77; 32] }];

    #[test]
    fn two_addresses_share_as_long_a_prefix_as_before() {
        let all =
            ["10.0.1.7", "10.0.1.8", "10.0.2.1", "10.96.0.1", "172.18.0.3", "192.168.1.1", "8.8.8.8", "203.0.113.9"];
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let shared = |one: IpAddr, other: IpAddr| (bits(one).0 ^ bits(other).0).leading_zeros();
        for addresses in &SOME {
            for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (of(one), of(other)))) {
                assert_eq!(shared(addresses.address(one), addresses.address(other)), shared(one, other));
            }
            let (one, other) = (of("fd00:1::1"), of("fd00:1::9"));
            assert_eq!(shared(addresses.address(one), addresses.address(other)), shared(one, other));
            assert_ne!(addresses.address(one), one);
        }
        // Each key has its own.
        assert_ne!(SOME[0].address(of("10.0.1.7")), SOME[1].address(of("10.0.1.7")));
    }

    #[test]
    fn what_the_kernel_treats_in_its_own_way_stays() {
        for addresses in &SOME {
            for kept in [
                "0.0.0.0/0",
                "0.0.0.0",
                "127.0.0.1/8",
                "169.254.169.254",
                "224.0.0.5",
                "255.255.255.255",
                "::1",
                "fe80::1",
            ] {
                assert_eq!(addresses.in_text(kept).as_deref(), Some(kept));
            }
            assert_eq!(addresses.in_text("00:00:00:00:00:00").as_deref(), Some("00:00:00:00:00:00"));
            assert!(addresses.in_text("02:42:ac:12:00:03").unwrap().starts_with("02:"));
        }
    }

    #[test]
    fn networks_stay_networks_and_ports_ports() {
        for addresses in &SOME {
            let network: ipnet::Ipv4Net = addresses.in_text("10.0.1.0/24").unwrap().parse().unwrap();
            assert_eq!(network.trunc(), network);
            let host: Ipv4Addr = addresses.in_text("10.0.1.77").unwrap().parse().unwrap();
            assert!(network.contains(&host));
            let of_link: ipnet::Ipv4Net = addresses.in_text("10.0.1.77/24").unwrap().parse().unwrap();
            assert_eq!((of_link.addr(), of_link.trunc()), (host, network));
            assert_eq!(addresses.in_text("10.0.1.77:53").unwrap(), format!("{host}:53"));
            assert!(addresses.in_text("[fd00::1]:53").unwrap().ends_with("]:53"));
        }
        for other in ["", "1.12.4", "10.0.1.0/33", "kind-worker", "10.0.1", "fd00::/129", "default"] {
            assert_eq!(SOME[0].in_text(other), None, "{other}");
        }
    }

    #[test]
    fn none_of_the_originals_comes_out_for_another() {
        let originals: BTreeSet<Network> = (0..=255_u8).map(|last| (IpAddr::from([10, 0, 1, last]), 32)).collect();
        let found = Addresses::without(&originals).unwrap();
        assert!(originals.iter().all(|(address, _)| !originals.contains(&(found.address(*address), 32))));
        // What can become no other is not asked for.
        let network = |text: &str| Written::read(text).unwrap().network().unwrap();
        assert!(Addresses::without(&BTreeSet::from([network("127.0.0.1")])).is_none());
        for (text, fixed) in [
            ("127.0.0.1", true),
            ("128.0.0.0/1", true),
            ("0.0.0.0/0", true),
            ("10.0.0.0/8", false),
            ("10.0.1.7", false),
        ] {
            assert_eq!(is_fixed(network(text)), fixed, "{text}");
        }
    }
}
