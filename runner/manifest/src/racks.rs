//! `manifests/racks.yaml`: who is in which AS, and the underlay, when nodes stand in racks.

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::read;
use super::value::Cidr;
use lab_model::observe::NodeName;
use lab_model::racks::{MANAGEMENT, Rack, Racks};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RacksConfig {
    /// The router between the racks.
    pub router: RouterConfig,
    /// The ToRs.
    pub tors: FirstAs,
    /// The nodes.
    pub nodes: FirstAs,
    /// Where their addresses come from.
    pub underlay: Underlay,
    /// Where they come from on kind, where each rack and each link is a Docker network. What older programs have written has
    /// none; the embedded one stands for it.
    #[serde(default = "embedded_on_kind")]
    pub kind: OnKind,
    /// The hold time of every session, in seconds (RFC 4271, 4.2: at least 3).
    pub hold_seconds: HoldSeconds,
}

/// The router between the racks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouterConfig {
    /// Its AS.
    #[serde(rename = "as")]
    pub as_number: AsNumber,
    /// Its own address.
    pub address: Ipv4Addr,
}

/// The AS of what is in the first rack. The second rack has the next number, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FirstAs {
    /// Of rack 0.
    pub first_as: AsNumber,
}

/// The networks of the underlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Underlay {
    /// Of which each rack has a /24.
    pub racks: Cidr,
    /// Of which each link between a ToR and the router has a /31.
    pub links: Cidr,
}

/// The underlay on kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnKind {
    /// Of which each rack has a /24.
    pub racks: Cidr,
    /// Of which each link between a ToR and the router has a /29.
    pub links: Cidr,
    /// The router's own address.
    pub router: Ipv4Addr,
}

/// The number of a private AS (RFC 6996): 64512 to 65534.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AsNumber(u32);

impl<'de> Deserialize<'de> for AsNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        between(deserializer, 64_512, LAST_AS, "the number of a private AS, 64512 to 65534").map(Self)
    }
}

/// A hold time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HoldSeconds(u32);

impl<'de> Deserialize<'de> for HoldSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        between(deserializer, 3, 65_535, "a hold time of 3 to 65535 seconds").map(Self)
    }
}

fn between<'de, D: Deserializer<'de>>(from: D, least: u32, most: u32, expected: &str) -> Result<u32, D::Error> {
    let number = u32::deserialize(from)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(serde::de::Error::custom(format!("expected {expected}, found {number}")))
    }
}

/// The last private AS of two octets (RFC 6996).
const LAST_AS: u32 = 65_534;
/// The most racks that a lab may have: with them each AS is a private one, and each has room for nodes.
const MOST_RACKS: usize = 50;
/// Prefix length of a rack's network.
const RACK_PREFIX: u8 = 24;
/// Prefix length of a link between two routers (RFC 3021).
const LINK_PREFIX: u8 = 31;
/// The same on kind: a Docker network has a gateway, a network and a broadcast address too.
const DOCKER_LINK_PREFIX: u8 = 29;

/// Why no lab can have such racks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RacksError {
    /// `--racks` is out of range.
    #[error("--racks: expected 1 to {most}, at least one node in each, found {asked}")]
    Count {
        /// How many there may be.
        most: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// A network of the underlay is too small.
    #[error("racks.yaml: {key}: expected room for {asked} racks, found {network}")]
    TooSmall {
        /// The key.
        key: &'static str,
        /// The network.
        network: Ipv4Net,
        /// How many racks were asked for.
        asked: usize,
    },
    /// The underlay and the pods' addresses overlap.
    #[error("racks.yaml: {key}: expected addresses outside of the native routing CIDR {native}, found {network}")]
    Inside {
        /// The key.
        key: &'static str,
        /// The network or address.
        network: Ipv4Net,
        /// The native routing CIDR.
        native: Ipv4Net,
    },
    /// Two would be in the same AS.
    #[error("racks.yaml: {key}: expected {asked} numbers that nothing else has, found {first} to {last}")]
    SharedAs {
        /// The key.
        key: &'static str,
        /// How many racks were asked for.
        asked: usize,
        /// The first number.
        first: u32,
        /// The last one.
        last: u32,
    },
}

/// What racks are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fabric<'a> {
    /// Namespaces and bridges.
    Namespaces,
    /// Containers and Docker networks, whose names begin with that of this kind cluster.
    Docker(&'a str),
}

/// Where the addresses of a fabric come from, each with its key.
struct Ranges {
    racks: (&'static str, Ipv4Net),
    links: (&'static str, Ipv4Net),
    link_prefix: u8,
    router: (&'static str, Ipv4Addr),
}

impl RacksConfig {
    fn ranges(&self, fabric: Fabric<'_>) -> Ranges {
        match fabric {
            Fabric::Namespaces => Ranges {
                racks: ("underlay.racks", self.underlay.racks.net()),
                links: ("underlay.links", self.underlay.links.net()),
                link_prefix: LINK_PREFIX,
                router: ("router.address", self.router.address),
            },
            Fabric::Docker(_) => Ranges {
                racks: ("kind.racks", self.kind.racks.net()),
                links: ("kind.links", self.kind.links.net()),
                link_prefix: DOCKER_LINK_PREFIX,
                router: ("kind.router", self.kind.router),
            },
        }
    }

    /// Lays racks out. The nodes are shared out in their order: three nodes in two racks are two and one.
    ///
    /// # Errors
    /// When there cannot be so many racks.
    pub fn racks(
        &self,
        asked: usize,
        nodes: &[NodeName],
        native: Ipv4Net,
        bgp: bool,
        fabric: Fabric<'_>,
    ) -> Result<Racks, RacksError> {
        let most = MOST_RACKS.min(nodes.len());
        if asked == 0 || asked > most {
            return Err(RacksError::Count { most, asked });
        }
        let Ranges { racks, links, link_prefix, router } = self.ranges(fabric);
        for (key, network) in [racks, links, (router.0, router.1.into())] {
            if native.contains(&network.network()) || network.contains(&native.network()) {
                return Err(RacksError::Inside { key, network, native });
            }
        }
        self.numbers_apart(asked)?;
        let small = |(key, network)| RacksError::TooSmall { key, network, asked };
        let mut rack_nets = racks.1.subnets(RACK_PREFIX).map_err(|_prefix| small(racks))?;
        let mut link_nets = links.1.subnets(link_prefix).map_err(|_prefix| small(links))?;
        // Of a /31 both addresses are taken; of a Docker network neither the first nor the last.
        let first = u32::from(link_prefix != LINK_PREFIX);
        let laid_out = (0..).take(asked).map(|index: u32| {
            let net = rack_nets.next().ok_or_else(|| small(racks))?;
            let link = link_nets.next().ok_or_else(|| small(links))?;
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            let here = |position: &usize| position * asked / nodes.len() == place;
            Ok(Rack {
                tor_as: self.tors.first_as.0 + index,
                node_as: self.nodes.first_as.0 + index,
                gateway: Ipv4Net::new_assert(nth(net, 1), RACK_PREFIX),
                router_end: Ipv4Net::new_assert(nth(link, first), link_prefix),
                tor_end: Ipv4Net::new_assert(nth(link, first + 1), link_prefix),
                nodes: (0..nodes.len()).filter(here).map(|position| nodes[position].clone()).collect(),
                network: match fabric {
                    Fabric::Namespaces => None,
                    Fabric::Docker(cluster) => Some(format!("{cluster}-rack{place}")),
                },
            })
        });
        Ok(Racks {
            router_as: self.router.as_number.0,
            router: router.1,
            hold: Duration::from_secs(self.hold_seconds.0.into()),
            racks: laid_out.collect::<Result<_, _>>()?,
            bgp,
            management: match fabric {
                Fabric::Namespaces => None,
                Fabric::Docker(_) => Some(MANAGEMENT.to_owned()),
            },
        })
    }

    /// Checks that router, ToRs and nodes are all in ASes of their own.
    fn numbers_apart(&self, asked: usize) -> Result<(), RacksError> {
        let more = u32::try_from(asked.saturating_sub(1)).unwrap_or(u32::MAX);
        let span = |first: AsNumber| (first.0, first.0.saturating_add(more));
        let (router, tors, nodes) = (self.router.as_number.0, span(self.tors.first_as), span(self.nodes.first_as));
        let shared = |key, (first, last): (u32, u32)| RacksError::SharedAs { key, asked, first, last };
        if (tors.0..=tors.1).contains(&router) || tors.1 > LAST_AS {
            return Err(shared("tors.firstAs", tors));
        }
        let meet = nodes.0 <= tors.1 && tors.0 <= nodes.1;
        if (nodes.0..=nodes.1).contains(&router) || meet || nodes.1 > LAST_AS {
            return Err(shared("nodes.firstAs", nodes));
        }
        Ok(())
    }
}

/// The `n`th address of a network.
fn nth(network: Ipv4Net, n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.network().to_bits() + n)
}

/// The embedded file.
///
/// # Panics
/// Never: tests read it.
pub(super) fn embedded() -> RacksConfig {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests/racks.yaml"));
    let yaml = read::Yaml::parse("manifests/racks.yaml", text, &[""]).and_then(|yaml| yaml.document(0));
    yaml.expect("the embedded racks.yaml is valid")
}

fn embedded_on_kind() -> OnKind {
    embedded().kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<NodeName> {
        (0..count).map(|number| NodeName(format!("n{number}"))).collect()
    }

    const NATIVE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8);

    #[test]
    fn three_nodes_in_two_racks_are_two_and_one() {
        let racks = embedded().racks(2, &names(3), NATIVE, true, Fabric::Namespaces).unwrap();
        let shown: Vec<String> = racks
            .racks
            .iter()
            .map(|rack| {
                let nodes: Vec<&str> = rack.nodes.iter().map(|node| node.0.as_str()).collect();
                let Rack { tor_as, node_as, gateway, router_end, tor_end, .. } = rack;
                format!("{tor_as} {node_as} {gateway} {router_end} {tor_end} {}", nodes.join(","))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "64601 64701 172.18.0.1/24 172.31.255.0/31 172.31.255.1/31 n0,n1",
                "64602 64702 172.18.1.1/24 172.31.255.2/31 172.31.255.3/31 n2",
            ]
        );
        assert_eq!((racks.router_as, racks.hold), (64_512, Duration::from_secs(90)));
    }

    #[test]
    fn on_kind_every_rack_and_link_is_a_network_with_room_for_dockers_own_addresses() {
        let racks = embedded().racks(2, &names(3), NATIVE, true, Fabric::Docker("lab")).unwrap();
        let shown = racks.racks.iter().map(|rack| {
            let Rack { gateway, router_end, tor_end, network, .. } = rack;
            format!("{} {gateway} {router_end} {tor_end}", network.as_deref().unwrap_or("none"))
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "lab-rack0 198.19.0.1/24 198.19.128.1/29 198.19.128.2/29",
                "lab-rack1 198.19.1.1/24 198.19.128.9/29 198.19.128.10/29",
            ]
        );
        assert_eq!(racks.management.as_deref(), Some("mgmt0"));
        let last = racks.address_of(&"n2".into()).unwrap();
        assert_eq!(last.to_string(), "198.19.1.4/24");
        assert_eq!(racks.address_of(&"n3".into()), None);
        let native = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);
        let error = embedded().racks(2, &names(3), native, true, Fabric::Docker("lab")).unwrap_err();
        assert!(error.to_string().starts_with("racks.yaml: kind.racks: expected addresses outside"), "{error}");
        let most = embedded().racks(50, &names(60), NATIVE, true, Fabric::Docker("lab"));
        assert_eq!(most.unwrap().racks.len(), 50);
    }

    #[test]
    fn every_node_is_in_one_rack_and_no_rack_is_empty() {
        for nodes in 2..20 {
            for count in 1..=nodes {
                let racks = embedded().racks(count, &names(nodes), NATIVE, true, Fabric::Namespaces).unwrap();
                let all: Vec<NodeName> = racks.racks.iter().flat_map(|rack| rack.nodes.clone()).collect();
                assert_eq!(all, names(nodes));
                assert!(racks.racks.iter().all(|rack| !rack.nodes.is_empty()), "{nodes} nodes in {count} racks");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key() {
        let refused = |config: &RacksConfig, count, native| {
            config.racks(count, &names(3), native, true, Fabric::Namespaces).unwrap_err()
        };
        assert_eq!(
            refused(&embedded(), 4, NATIVE).to_string(),
            "--racks: expected 1 to 3, at least one node in each, found 4"
        );
        let native = Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12);
        let inside = "racks.yaml: underlay.racks: expected addresses outside of the native routing CIDR 172.16.0.0/12, found 172.18.0.0/16";
        assert_eq!(refused(&embedded(), 2, native).to_string(), inside);
        let mut shared = embedded();
        shared.nodes.first_as = AsNumber(64_600);
        let text = "racks.yaml: nodes.firstAs: expected 2 numbers that nothing else has, found 64600 to 64601";
        assert_eq!(refused(&shared, 2, NATIVE).to_string(), text);
    }

    #[test]
    fn a_number_that_is_no_private_as_is_refused_with_its_line() {
        let text = include_str!("../../../manifests/racks.yaml").replace("firstAs: 64601", "firstAs: 13335");
        let read: Result<RacksConfig, _> =
            read::Yaml::parse("racks.yaml", &text, &[""]).and_then(|yaml| yaml.document(0));
        let error = read.unwrap_err().to_string();
        assert!(error.starts_with("racks.yaml:7: tors.firstAs: "), "{error}");
        assert!(error.contains("expected the number of a private AS, 64512 to 65534, found 13335"), "{error}");
    }
}
