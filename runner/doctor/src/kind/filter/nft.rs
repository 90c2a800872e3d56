//! nftables' rules, as far as they concern a frame: what they load into registers is known of it, or is not.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use lab_netlink::nft::{Expression, Field, Ruleset, SetElement};

use super::walk::Chains;
use super::{Applies, Frame, NEW, Step, TCP, Then, target, within};

/// The hooks that a bridged frame passes (`NF_INET_PRE_ROUTING`, `_FORWARD`, `_POST_ROUTING`).
const PREROUTING: u32 = 0;
const FORWARD: u32 = 2;
const POSTROUTING: u32 = 4;

/// What a register holds.
#[derive(Debug, Clone)]
enum Value {
    Known(Vec<u8>),
    /// The beginning of an address in this network.
    Address {
        within: Ipv4Net,
        prefix: u8,
    },
    Unknown,
}

/// Where a frame is, while a table looks at it.
struct At<'a> {
    frame: &'a Frame,
    ruleset: &'a Ruleset,
    table: &'a str,
    /// The names of the links that it came by, and that it goes by; empty where it has none yet, or none any more.
    inward: String,
    outward: String,
    /// `NFPROTO_*`, for `meta nfproto`.
    family: u8,
}

/// A link's name in a register.
fn name(name: &str) -> Value {
    let mut octets = name.as_bytes().to_vec();
    octets.resize(16, 0);
    Value::Known(octets)
}

/// The hook's name, if a bridged frame passes it.
pub(in crate::kind) fn hook(number: u32) -> Option<&'static str> {
    match number {
        PREROUTING => Some("prerouting"),
        FORWARD => Some("forward"),
        POSTROUTING => Some("postrouting"),
        _ => None,
    }
}

/// The chains of a table, for a frame at this hook.
pub(in crate::kind) fn chains(ruleset: &Ruleset, table: &str, hook: u32, frame: &Frame) -> Chains {
    // In the family bridge the links are the bridge's ports, which Docker calls `veth` and seven digits.
    let bridge = table.starts_with("bridge ");
    let link = if bridge { "veth0000000".to_owned() } else { frame.bridge.clone() };
    let at = At {
        frame,
        ruleset,
        table,
        inward: if hook == POSTROUTING { String::new() } else { link.clone() },
        outward: if hook == PREROUTING { String::new() } else { link },
        family: if bridge { 7 } else { 2 },
    };
    let of_table = ruleset.chains.iter().filter(|chain| chain.table == table);
    of_table.map(|chain| (chain.name.clone(), chain.rules.iter().flat_map(|rule| at.steps(rule)).collect())).collect()
}

impl At<'_> {
    /// The steps of one rule: one, or one for each verdict of a map.
    fn steps(&self, rule: &[Expression]) -> Vec<Step> {
        let mut registers: BTreeMap<u32, Value> = BTreeMap::new();
        let mut applies = Applies::Yes;
        for expression in rule {
            let then = match expression {
                Expression::Load { field, register } => {
                    registers.insert(*register, self.field(*field));
                    continue;
                }
                Expression::LoadOther { from, numbers, register } => {
                    registers.insert(*register, self.other(from, numbers));
                    continue;
                }
                Expression::Bitwise { from, register, mask, xor } => {
                    let value = registers.get(from).map_or(Value::Unknown, |value| masked(value, mask, xor));
                    registers.insert(*register, value);
                    continue;
                }
                Expression::Compare { register, equal, value } => {
                    let same = registers.get(register).map_or(Applies::Maybe, |held| equals(held, value));
                    applies = applies.and(if *equal { same } else { same.not() });
                    continue;
                }
                Expression::Lookup { set, from, register: Some(0), .. } => {
                    return self.map(set, registers.get(from), applies);
                }
                Expression::Lookup { set, from, register: None, inverted } => {
                    let found = self.found(set, registers.get(from));
                    applies = applies.and(if *inverted { found.not() } else { found });
                    continue;
                }
                Expression::Match { name, info } => {
                    applies = applies.and(matches(name, info));
                    continue;
                }
                Expression::Count => continue,
                // A statement that sets something has no register to load into, and decides nothing.
                Expression::Other(name)
                    if ["log", "notrack", "last", "objref", "flow_offload", "meta", "ct", "payload", "exthdr"]
                        .contains(&name.as_str()) =>
                {
                    continue;
                }
                Expression::Other(name)
                    if ["queue", "fwd", "tproxy", "synproxy", "verdict"].contains(&name.as_str()) =>
                {
                    Then::Unknown
                }
                Expression::Lookup { .. }
                | Expression::Random { .. }
                | Expression::Immediate { .. }
                | Expression::Other(_) => {
                    registers.clear();
                    applies = applies.and(Applies::Maybe);
                    continue;
                }
                Expression::Target(name) => target(name).unwrap_or(Then::Unknown),
                Expression::Reject => Then::Drop,
                Expression::Masquerade | Expression::TranslateDestination { .. } => Then::Accept,
                Expression::Drop
                | Expression::Accept
                | Expression::Jump(_)
                | Expression::Goto(_)
                | Expression::Return => decided(expression),
            };
            return vec![Step { applies, then }];
        }
        vec![Step { applies, then: Then::Next }]
    }

    fn field(&self, field: Field) -> Value {
        let address = Value::Address { within: self.frame.addresses, prefix: 32 };
        match field {
            Field::Source | Field::Destination => address,
            Field::Inward => name(&self.inward),
            Field::Outward => name(&self.outward),
            Field::Protocol => Value::Known(vec![TCP]),
            Field::State => Value::Known(NEW.to_ne_bytes().to_vec()),
            Field::Port => Value::Unknown,
        }
    }

    fn other(&self, from: &str, numbers: &[u32]) -> Value {
        match (from, numbers) {
            // The first octets of an address; the protocol in the IP header.
            ("payload", [1, 12 | 16, octets @ 1..=3]) => {
                Value::Address { within: self.frame.addresses, prefix: u8::try_from(octets * 8).unwrap_or(32) }
            }
            ("payload", [1, 9, 1]) => Value::Known(vec![TCP]),
            // NFT_META_PROTOCOL, NFT_META_NFPROTO.
            ("meta", [1]) => Value::Known(vec![8, 0]),
            ("meta", [15]) => Value::Known(vec![self.family]),
            // NFT_META_BRI_IIFNAME, NFT_META_BRI_OIFNAME.
            ("meta", [17 | 18]) => name(&self.frame.bridge),
            // NFT_CT_STATUS of a first packet: neither translated nor answered.
            ("ct", [2]) => Value::Known(vec![0; 4]),
            _ => Value::Unknown,
        }
    }

    /// What a set of this table contains; none of one of ranges, which was not read.
    fn elements(&self, set: &str) -> Option<&[SetElement]> {
        self.ruleset.sets.get(&(self.table.to_owned(), set.to_owned())).map(Vec::as_slice)
    }

    /// Whether a set has what a register holds.
    fn found(&self, set: &str, held: Option<&Value>) -> Applies {
        let (Some(elements), Some(held)) = (self.elements(set), held) else { return Applies::Maybe };
        let same: Vec<Applies> = elements.iter().map(|element| equals(held, &element.key)).collect();
        if same.contains(&Applies::Yes) {
            Applies::Yes
        } else if same.contains(&Applies::Maybe) {
            Applies::Maybe
        } else {
            Applies::No
        }
    }

    /// The verdicts of a map: at most one of them applies.
    fn map(&self, set: &str, held: Option<&Value>, applies: Applies) -> Vec<Step> {
        let (Some(elements), Some(held)) = (self.elements(set), held) else {
            return vec![Step { applies: applies.and(Applies::Maybe), then: Then::Unknown }];
        };
        let step =
            |key: &[u8], verdict: &Expression| Step { applies: applies.and(equals(held, key)), then: decided(verdict) };
        elements.iter().filter_map(|element| Some(step(&element.key, element.verdict.as_ref()?))).collect()
    }
}

/// What a verdict decides, of a rule or of an element of a map.
fn decided(verdict: &Expression) -> Then {
    match verdict {
        Expression::Drop => Then::Drop,
        Expression::Accept => Then::Accept,
        Expression::Jump(chain) => Then::Jump(chain.clone()),
        Expression::Goto(chain) => Then::Goto(chain.clone()),
        Expression::Return => Then::Return,
        _ => Then::Unknown,
    }
}

fn masked(value: &Value, mask: &[u8], xor: &[u8]) -> Value {
    match value {
        Value::Known(octets) if octets.len() >= mask.len() && xor.len() == mask.len() => {
            let kept = octets.iter().zip(mask).map(|(octet, mask)| octet & mask);
            Value::Known(kept.zip(xor).map(|(octet, xor)| octet ^ xor).collect())
        }
        Value::Address { within, .. } if xor.iter().all(|octet| *octet == 0) => {
            let netmask = <[u8; 4]>::try_from(mask).ok().and_then(|mask| ipnet::ipv4_mask_to_prefix(mask.into()).ok());
            netmask.map_or(Value::Unknown, |prefix| Value::Address { within: *within, prefix })
        }
        _ => Value::Unknown,
    }
}

fn equals(held: &Value, value: &[u8]) -> Applies {
    match held {
        Value::Unknown => Applies::Maybe,
        // A name that ends in `*` is compared without its end.
        Value::Known(octets) => octets.starts_with(value).into(),
        Value::Address { within: addresses, prefix } => {
            let mut octets = [0; 4];
            for (octet, given) in octets.iter_mut().zip(value) {
                *octet = *given;
            }
            Ipv4Net::new(octets.into(), *prefix).map_or(Applies::Maybe, |network| within(*addresses, network.trunc()))
        }
    }
}

/// What a match of iptables says about a first packet that crosses a bridge.
fn matches(name: &str, info: &[u8]) -> Applies {
    let half = |at: usize| info.get(at..at + 2).and_then(|octets| octets.try_into().ok()).map(u16::from_ne_bytes);
    match name {
        "comment" => Applies::Yes,
        // struct xt_conntrack_mtinfo2 and 3: match_flags, invert_flags and state_mask follow eight addresses, two times, a
        // protocol and four ports. XT_CONNTRACK_STATE is 1.
        "conntrack" => match (half(146), half(148), half(150)) {
            (Some(1), Some(inverted), Some(states)) => {
                Applies::from((u32::from(states) & NEW != 0) != (inverted & 1 != 0))
            }
            _ => Applies::Maybe,
        },
        // struct xt_state_info.
        "state" => info.first_chunk().map_or(Applies::Maybe, |mask| (u32::from_ne_bytes(*mask) & NEW != 0).into()),
        // struct xt_physdev_info: invert and bitmask follow four names. XT_PHYSDEV_OP_BRIDGED is 4.
        "physdev" => match (info.get(64), info.get(65)) {
            (Some(inverted), Some(4)) => Applies::from(inverted & 4 == 0),
            _ => Applies::Maybe,
        },
        _ => Applies::Maybe,
    }
}
