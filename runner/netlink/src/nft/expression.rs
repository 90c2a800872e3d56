//! The expressions of rules: loading a field of a packet, comparing it, looking it up, translating it, deciding.
//!
//! An expression reads and writes registers: 1 to 4 of sixteen octets, or parts of them.

use ipnet::Ipv4Net;

use super::IPV4;
use super::object::{DATA_VALUE, LIST_ELEMENT, data};
use crate::error::Error;
use crate::message::Attributes;
use crate::read::Message;

// Attributes of an expression in a list.
const NAME: u16 = 1;
const DATA: u16 = 2;
/// `NFTA_DATA_VERDICT`, and the code within.
pub(super) const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
/// `NFT_JUMP`, `NFT_GOTO`, `NFT_RETURN`.
const JUMP: i32 = -3;
const GOTO: i32 = -4;
const RETURN: i32 = -5;
/// `NFT_REG_VERDICT`.
const VERDICT_REGISTER: u32 = 0;

const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
const CT_STATE: u32 = 0;
const NUMGEN_RANDOM: u32 = 1;
const DNAT: u32 = 1;
const TCP: u8 = 6;
/// `NF_CT_STATE_BIT(IP_CT_NEW)` (`include/uapi/linux/netfilter/nf_conntrack_common.h`).
const STATE_NEW: u32 = 8;
/// `NFT_REJECT_ICMP_UNREACH`, and the code for a port.
const ICMP_UNREACHABLE: u32 = 0;
const PORT_UNREACHABLE: u8 = 3;
/// Octets of an interface's name in a register.
const INTERFACE: usize = 16;

/// The field of a packet that is put into a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The source address.
    Source,
    /// The destination address.
    Destination,
    /// The destination port of TCP or UDP.
    Port,
    /// The protocol in the IP packet.
    Protocol,
    /// The name of the link that it came in by.
    Inward,
    /// The name of the link that it goes out by.
    Outward,
    /// The state of its connection.
    State,
}

/// One expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Puts a field of the packet into a register.
    Load {
        /// The field.
        field: Field,
        /// The register that it is put into.
        register: u32,
    },
    /// Ends the rule unless a register equals a value, or unless it differs from it.
    Compare {
        /// The register.
        register: u32,
        /// True if the rule goes on when they are equal, false if it goes on when they differ.
        equal: bool,
        /// The value.
        value: Vec<u8>,
    },
    /// Keeps the bits of a register that are in the mask, and turns those that are in `xor`.
    Bitwise {
        /// The register that is read.
        from: u32,
        /// The register that the result is put into.
        register: u32,
        /// The bits that are kept.
        mask: Vec<u8>,
        /// The bits that are turned.
        xor: Vec<u8>,
    },
    /// Puts a random number into a register.
    Random {
        /// The register that it is put into.
        register: u32,
        /// The random number is lower than this.
        modulus: u32,
        /// This is added to the random number.
        offset: u32,
    },
    /// Looks a register up in a set or a map.
    Lookup {
        /// The name of the set or map.
        set: String,
        /// The register with the key.
        from: u32,
        /// The register that the value of a map is put into; none for a set.
        register: Option<u32>,
        /// True if the rule ends when the key is found; else it ends when the key is not found.
        inverted: bool,
    },
    /// Puts octets into a register.
    Immediate {
        /// The register that they are put into.
        register: u32,
        /// The octets.
        value: Vec<u8>,
    },
    /// Translates the destination.
    TranslateDestination {
        /// Register with the new address; none when it is not changed, or is a range of addresses.
        address: Option<u32>,
        /// Register with the new port; none when it is not changed, or is a range of ports.
        port: Option<u32>,
    },
    /// Translates the source to the address of the link that it goes out by.
    Masquerade,
    /// Refuses the packet with the ICMP message "port unreachable".
    Reject,
    /// Counts packets.
    Count,
    /// Lets the packet pass.
    Accept,
    /// Drops the packet.
    Drop,
    /// Goes on in another chain, and comes back.
    Jump(String),
    /// Goes on in another chain, and does not come back.
    Goto(String),
    /// Goes back to the chain that jumped here.
    Return,
    /// Puts something of the packet into a register that no [`Field`] is.
    LoadOther {
        /// The kernel's name for where it is from: `payload`, `meta` or `ct`.
        from: String,
        /// Base, offset and length for `payload`; the key for the others.
        numbers: Vec<u32>,
        /// The register that it is put into.
        register: u32,
    },
    /// A match of iptables, which `iptables-nft` writes for what nftables has no expression for.
    Match {
        /// Its name: `conntrack`.
        name: String,
        /// What it compares, in its own form.
        info: Vec<u8>,
    },
    /// A target of iptables, by its name: `REJECT`.
    Target(String),
    /// Any other expression, by the kernel's name for it.
    Other(String),
}

/// Lets the rule go on only when the address in this field is in the network, or only when it is not.
pub fn compare_address(field: Field, network: Ipv4Net, equal: bool) -> Vec<Expression> {
    let load = Expression::Load { field, register: 1 };
    let compare = Expression::Compare { register: 1, equal, value: network.network().octets().to_vec() };
    if network.prefix_len() == 32 {
        return vec![load, compare];
    }
    let (mask, xor) = (network.netmask().octets().to_vec(), vec![0; 4]);
    vec![load, Expression::Bitwise { from: 1, register: 1, mask, xor }, compare]
}

/// Lets the rule go on only when the field is this link, or only when it is not.
pub fn compare_interface(field: Field, name: &str, equal: bool) -> Vec<Expression> {
    let mut value = name.as_bytes().to_vec();
    value.resize(INTERFACE, 0);
    compare(field, equal, &value)
}

/// Lets the rule go on only when the field has this value, or only when it has not.
pub fn compare(field: Field, equal: bool, value: &[u8]) -> Vec<Expression> {
    let value = value.to_vec();
    vec![Expression::Load { field, register: 1 }, Expression::Compare { register: 1, equal, value }]
}

/// Lets the rule go on only for TCP, and if a port is given only for that destination port.
pub fn tcp_port(port: Option<u16>) -> Vec<Expression> {
    let port = port.map(|port| compare(Field::Port, true, &port.to_be_bytes()));
    [compare(Field::Protocol, true, &[TCP]), port.unwrap_or_default()].concat()
}

/// Refuses new connections: `ct state new reject`.
pub fn reject_new() -> Vec<Expression> {
    let (mask, xor) = (STATE_NEW.to_ne_bytes().to_vec(), vec![0; 4]);
    vec![
        Expression::Load { field: Field::State, register: 1 },
        Expression::Bitwise { from: 1, register: 1, mask, xor },
        Expression::Compare { register: 1, equal: false, value: vec![0; 4] },
        Expression::Reject,
    ]
}

/// The attributes of a rule's expressions.
pub(super) fn list(expressions: &[Expression]) -> Attributes {
    expressions.iter().fold(Attributes::default(), |list, expression| {
        let (name, data) = expression.write();
        list.nest(LIST_ELEMENT, &Attributes::default().text(NAME, name).nest(DATA, &data))
    })
}

/// 32-bit numbers as the attributes 1, 2, and so on.
fn numbered(words: &[u32]) -> Attributes {
    (1..).zip(words).fold(Attributes::default(), |attributes, (kind, word)| attributes.u32_be(kind, *word))
}

fn verdict(code: i32, chain: Option<&str>) -> Attributes {
    let verdict = Attributes::default().put(VERDICT_CODE, &code.to_be_bytes());
    let verdict = chain.into_iter().fold(verdict, |verdict, chain| verdict.text(VERDICT_CHAIN, chain));
    numbered(&[VERDICT_REGISTER]).nest(2, &Attributes::default().nest(DATA_VERDICT, &verdict))
}

impl Field {
    /// `NFT_PAYLOAD_*`, the offset and the length, for fields in the packet itself.
    const fn payload(self) -> Option<[u32; 3]> {
        Some(match self {
            Self::Source => [NETWORK, 12, 4],
            Self::Destination => [NETWORK, 16, 4],
            Self::Port => [TRANSPORT, 2, 2],
            Self::Protocol | Self::Inward | Self::Outward | Self::State => return None,
        })
    }

    /// `NFT_META_*`, for what the kernel knows about the packet.
    const fn meta(self) -> Option<u32> {
        Some(match self {
            Self::Inward => 6,
            Self::Outward => 7,
            Self::Protocol => 16,
            _ => return None,
        })
    }

    const ALL: [Self; 7] =
        [Self::Source, Self::Destination, Self::Port, Self::Protocol, Self::Inward, Self::Outward, Self::State];
}

impl Expression {
    /// The kernel's name, and the attributes.
    fn write(&self) -> (&str, Attributes) {
        match self {
            Self::Load { field, register } => match (field.payload(), field.meta()) {
                (Some([base, offset, length]), _) => ("payload", numbered(&[*register, base, offset, length])),
                (None, Some(key)) => ("meta", numbered(&[*register, key])),
                (None, None) => ("ct", numbered(&[*register, CT_STATE])),
            },
            Self::Compare { register, equal, value } => {
                ("cmp", numbered(&[*register, u32::from(!*equal)]).nest(3, &data(value)))
            }
            Self::Bitwise { from, register, mask, xor } => {
                let length = u32::try_from(mask.len()).unwrap_or(u32::MAX);
                ("bitwise", numbered(&[*from, *register, length]).nest(4, &data(mask)).nest(5, &data(xor)))
            }
            Self::Random { register, modulus, offset } => {
                ("numgen", numbered(&[*register, *modulus, NUMGEN_RANDOM, *offset]))
            }
            Self::Lookup { set, from, register, inverted } => {
                let lookup = Attributes::default().text(1, set).u32_be(2, *from);
                let lookup = match register {
                    Some(register) => lookup.u32_be(3, *register),
                    None => lookup,
                };
                ("lookup", if *inverted { lookup.u32_be(5, 1) } else { lookup })
            }
            Self::Immediate { register, value } => ("immediate", numbered(&[*register]).nest(2, &data(value))),
            Self::TranslateDestination { address, port } => {
                let nat = numbered(&[DNAT, IPV4.into()]);
                let nat = address.iter().fold(nat, |nat, register| nat.u32_be(3, *register).u32_be(4, *register));
                ("nat", port.iter().fold(nat, |nat, register| nat.u32_be(5, *register).u32_be(6, *register)))
            }
            Self::Masquerade => ("masq", Attributes::default()),
            Self::Reject => ("reject", numbered(&[ICMP_UNREACHABLE]).put(2, &[PORT_UNREACHABLE])),
            Self::Count => ("counter", Attributes::default()),
            Self::Drop => ("immediate", verdict(0, None)),
            Self::Accept => ("immediate", verdict(1, None)),
            Self::Jump(chain) => ("immediate", verdict(JUMP, Some(chain))),
            Self::Goto(chain) => ("immediate", verdict(GOTO, Some(chain))),
            Self::Return => ("immediate", verdict(RETURN, None)),
            Self::LoadOther { from, numbers, register } => (from, numbered(&[&[*register], &numbers[..]].concat())),
            Self::Match { name, info } => ("match", Attributes::default().text(1, name).put(3, info)),
            Self::Target(name) => ("target", Attributes::default().text(1, name)),
            Self::Other(name) => (name, Attributes::default()),
        }
    }

    /// Reads an expression. One that this program does not know becomes [`Self::Other`].
    fn read(name: String, data: &Message<'_>) -> Result<Self, Error> {
        let word = |kind| -> Result<u32, Error> {
            data.u32_be(kind, "part of an expression")?.ok_or_else(|| data.malformed("expression: a part is missing"))
        };
        let octets = |kind| -> Result<Vec<u8>, Error> {
            let value = data.within(kind)?.and_then(|value| value.get(DATA_VALUE).map(<[u8]>::to_vec));
            value.ok_or_else(|| data.malformed("expression: a value is missing"))
        };
        let load = |found: &dyn Fn(Field) -> bool, register| {
            Field::ALL.into_iter().find(|field| found(*field)).map(|field| Self::Load { field, register })
        };
        let other = |numbers: &[u32], register| {
            Some(Self::LoadOther { from: name.clone(), numbers: numbers.to_vec(), register })
        };
        let one = |first, last| -> Result<Option<u32>, Error> {
            let first = data.u32_be(first, "register")?;
            Ok(first.filter(|_| {
                data.u32_be(last, "register").is_ok_and(|last| last.is_none_or(|last| Some(last) == first))
            }))
        };
        let known = match name.as_str() {
            // Without a destination register, the expression writes the packet's field rather than reading it.
            "payload" if data.get(1).is_some() => {
                let (register, payload) = (word(1)?, [word(2)?, word(3)?, word(4)?]);
                load(&|field| field.payload() == Some(payload), register).or_else(|| other(&payload, register))
            }
            "meta" if data.get(1).is_some() => {
                let (register, key) = (word(1)?, word(2)?);
                load(&|field| field.meta() == Some(key), register).or_else(|| other(&[key], register))
            }
            "ct" if data.get(1).is_some() && word(2)? == CT_STATE => {
                Some(Self::Load { field: Field::State, register: word(1)? })
            }
            "ct" if data.get(1).is_some() => other(&[word(2)?], word(1)?),
            "cmp" if word(2)? <= 1 => {
                Some(Self::Compare { register: word(1)?, equal: word(2)? == 0, value: octets(3)? })
            }
            // Without a mask it is another operation, such as a shift.
            "bitwise" if data.get(4).is_some() => {
                Some(Self::Bitwise { from: word(1)?, register: word(2)?, mask: octets(4)?, xor: octets(5)? })
            }
            "numgen" if word(3)? == NUMGEN_RANDOM => {
                let offset = data.u32_be(4, "offset")?.unwrap_or(0);
                Some(Self::Random { register: word(1)?, modulus: word(2)?, offset })
            }
            "lookup" => Some(Self::Lookup {
                set: data.text(1).ok_or_else(|| data.malformed("expression: a set is missing"))?,
                from: word(2)?,
                register: data.u32_be(3, "register")?,
                inverted: data.u32_be(5, "flags")?.unwrap_or(0) & 1 != 0,
            }),
            "immediate" => match data.within(2)?.and_then(|value| value.get(DATA_VERDICT)) {
                None => Some(Self::Immediate { register: word(1)?, value: octets(2)? }),
                Some(verdict) => Some(Self::verdict(&data.nested(verdict, 0)?)?),
            },
            "nat" if [word(1)?, word(2)?] == [DNAT, IPV4.into()] => {
                Some(Self::TranslateDestination { address: one(3, 4)?, port: one(5, 6)? })
            }
            "masq" => Some(Self::Masquerade),
            "reject" => Some(Self::Reject),
            "counter" => Some(Self::Count),
            "match" => Some(Self::Match {
                name: data.text(1).ok_or_else(|| data.malformed("expression: a match without a name"))?,
                info: data.get(3).unwrap_or_default().to_vec(),
            }),
            "target" => {
                Some(Self::Target(data.text(1).ok_or_else(|| data.malformed("expression: a target without a name"))?))
            }
            _ => None,
        };
        Ok(known.unwrap_or(Self::Other(name)))
    }

    /// Reads a verdict, of a rule or of an element of a map.
    pub(super) fn verdict(verdict: &Message<'_>) -> Result<Self, Error> {
        let chain = || verdict.text(VERDICT_CHAIN).ok_or_else(|| verdict.malformed("verdict: its chain is missing"));
        Ok(match verdict.sized(VERDICT_CODE, "verdict")?.map(i32::from_be_bytes) {
            Some(0) => Self::Drop,
            Some(1) => Self::Accept,
            Some(JUMP) => Self::Jump(chain()?),
            Some(GOTO) => Self::Goto(chain()?),
            Some(RETURN) => Self::Return,
            _ => Self::Other("verdict".to_owned()),
        })
    }
}

/// Reads the expressions of a rule.
pub(super) fn parse(list: &Message<'_>) -> Result<Vec<Expression>, Error> {
    let one = |&(_element, payload): &(u16, &[u8])| {
        let element = list.nested(payload, 0)?;
        let name = element.text(NAME).ok_or_else(|| element.malformed("expression: its name is missing"))?;
        Expression::read(name, &element.nested(element.get(DATA).unwrap_or_default(), 0)?)
    };
    list.attributes().iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let network = "10.0.0.0/8".parse().unwrap();
        let expressions = [
            compare_address(Field::Source, network, true),
            compare_address(Field::Destination, "10.96.37.61/32".parse().unwrap(), false),
            compare_interface(Field::Inward, "br-1", true),
            compare_interface(Field::Outward, "eth0", false),
            tcp_port(Some(80)),
            vec![
                Expression::Random { register: 1, modulus: 2, offset: 0 },
                Expression::Lookup { set: "m".to_owned(), from: 1, register: Some(1), inverted: false },
                Expression::Lookup { set: "s".to_owned(), from: 1, register: None, inverted: true },
                Expression::Immediate { register: 2, value: vec![31, 144] },
                Expression::TranslateDestination { address: Some(1), port: Some(2) },
                Expression::Masquerade,
                Expression::Count,
                Expression::Drop,
                Expression::Accept,
                Expression::Jump("zones".to_owned()),
                Expression::Goto("zone".to_owned()),
                Expression::Return,
                Expression::LoadOther { from: "payload".to_owned(), numbers: vec![1, 12, 3], register: 1 },
                Expression::LoadOther { from: "meta".to_owned(), numbers: vec![15], register: 1 },
                Expression::LoadOther { from: "ct".to_owned(), numbers: vec![2], register: 1 },
                Expression::Match { name: "conntrack".to_owned(), info: vec![1, 2, 3] },
                Expression::Target("REJECT".to_owned()),
                Expression::Other("fib".to_owned()),
            ],
            reject_new(),
        ]
        .concat();
        let written = list(&expressions);
        assert_eq!(parse(&Message::split("test", written.octets(), 0).unwrap()).unwrap(), expressions);
    }
}
