//! Reading Services.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use nlink::Nftables;
use nlink::netlink::Connection;
use nlink::netlink::nftables::{
    CmpOp, CtKey, Family, MetaKey, NatType, NumgenKind, PayloadBase, Register, RuleExpr, RuleInfo, SetElement,
    SetElementData,
};

use super::{CHAIN, FAMILY, LayoutError, TABLE};

/// How often reading is begun anew because the rules changed under it.
const ATTEMPTS: usize = 8;

/// IP protocol number of TCP.
const TCP: u8 = 6;

/// `NF_CT_STATE_BIT(IP_CT_NEW)` (`include/uapi/linux/netfilter/nf_conntrack_common.h`).
const STATE_NEW: u32 = 8;

/// A Service as its rule and its map have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What connections are opened to.
    pub address: SocketAddrV4,
    /// The backends' port; none for a Service that refuses its connections.
    pub target_port: Option<u16>,
    /// The backends that are picked from, in the order of their numbers.
    pub backends: Vec<Ipv4Addr>,
    /// Backends in the map that the rule never picks, since their numbers are too high.
    pub never_picked: Vec<Ipv4Addr>,
    /// The rule's handle.
    pub handle: u64,
    /// The map's name; none for a Service that refuses its connections.
    pub map: Option<String>,
}

/// All Services of this namespace, in the order of their rules. A namespace without the table has none.
///
/// # Errors
/// [`LayoutError`]: netlink fails, or something is in the chain or a map that is not written here.
pub async fn services(connection: &Connection<Nftables>) -> Result<Vec<Service>, LayoutError> {
    for _attempt in 0..ATTEMPTS {
        let before = generation(connection).await?;
        let services = services_once(connection).await;
        if generation(connection).await? == before {
            return services;
        }
    }
    Err(LayoutError::Unsteady { attempts: ATTEMPTS })
}

async fn generation(connection: &Connection<Nftables>) -> Result<u32, LayoutError> {
    connection.generation().await.map_err(LayoutError::netlink("read the generation of the nftables rules"))
}

async fn services_once(connection: &Connection<Nftables>) -> Result<Vec<Service>, LayoutError> {
    let rules = connection.list_rules(TABLE, FAMILY).await.map_err(LayoutError::netlink("list nftables rules"))?;
    let mut services = Vec::new();
    for rule in rules.iter().filter(|rule| rule.chain == CHAIN) {
        let read = parse_rule(rule)?;
        let elements = match read.map() {
            None => Vec::new(),
            Some(map) => {
                let elements = connection.list_set_elements(TABLE, map, FAMILY).await;
                elements.map_err(LayoutError::netlink("list the elements of an nftables map"))?
            }
        };
        services.push(read.service(&elements)?);
    }
    Ok(services)
}

/// Reads a rule of the chain.
///
/// # Errors
/// [`LayoutError::Rule`] for one that is not written here.
pub fn parse_rule(rule: &RuleInfo) -> Result<ServiceRule, LayoutError> {
    read(rule).map_err(|why| LayoutError::Rule { handle: rule.handle, why })
}

/// The backends with numbers below the modulus, of which each must be there, and the others.
fn split(elements: &[SetElement], modulus: u32) -> Result<(Vec<Ipv4Addr>, Vec<Ipv4Addr>), String> {
    let mut numbered = BTreeMap::new();
    for element in elements {
        let number = element.key().try_into().map(u32::from_ne_bytes);
        let number = number.map_err(|_length| format!("a key of {} octets", element.key().len()))?;
        let backend = match element.data() {
            Some(SetElementData::Value(value)) => <[u8; 4]>::try_from(value.as_slice()).ok().map(Ipv4Addr::from),
            _ => None,
        };
        numbered.insert(number, backend.ok_or_else(|| format!("element {number} is no IPv4 address"))?);
    }
    if let Some(missing) = (0..modulus).find(|number| !numbered.contains_key(number)) {
        return Err(format!("its rule picks one of {modulus}, and element {missing} is missing"));
    }
    let never_picked = numbered.split_off(&modulus);
    Ok((numbered.into_values().collect(), never_picked.into_values().collect()))
}

/// What a rule says; its backends are in its map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRule {
    address: SocketAddrV4,
    picked: Option<Picked>,
    target_port: Option<u16>,
    handle: u64,
}

impl ServiceRule {
    /// The map that a backend is picked from; none for a Service that refuses its connections.
    pub fn map(&self) -> Option<&str> {
        self.picked.as_ref().map(|picked| picked.map.as_str())
    }

    /// The Service, with the elements of its map.
    ///
    /// # Errors
    /// [`LayoutError::Map`], when the map does not hold what the rule picks from it.
    pub fn service(self, elements: &[SetElement]) -> Result<Service, LayoutError> {
        let Self { address, picked, target_port, handle } = self;
        let (mut backends, mut never_picked) = (Vec::new(), Vec::new());
        if let Some(picked) = &picked {
            let wrong = |why| LayoutError::Map { map: picked.map.clone(), why };
            (backends, never_picked) = split(elements, picked.modulus).map_err(wrong)?;
        }
        Ok(Service { address, target_port, backends, never_picked, handle, map: picked.map(|picked| picked.map) })
    }
}

/// A value that is looked up in this map by a random number below the modulus.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picked {
    map: String,
    modulus: u32,
}

/// What a register holds.
#[derive(Clone)]
enum Held {
    Destination,
    Protocol,
    Port,
    Number(u32),
    Backend(Picked),
    Octets(Vec<u8>),
    State,
    IsNew,
}

/// Follows the rule from register to register.
fn read(rule: &RuleInfo) -> Result<ServiceRule, String> {
    let mut registers: BTreeMap<u32, Held> = BTreeMap::new();
    let (mut destination, mut port, mut tcp, mut end) = (None, None, false, None);
    let expressions = rule.expressions();
    for expression in &expressions {
        if end.is_some() {
            return Err(format!("{} follows its end", name(expression)));
        }
        let held = |register: &Register| registers.get(&(*register as u32));
        match expression {
            RuleExpr::Payload { dreg, base: PayloadBase::Network, offset: 16, len: 4, .. } => {
                registers.insert(*dreg as u32, Held::Destination);
            }
            RuleExpr::Payload { dreg, base: PayloadBase::Transport, offset: 2, len: 2, .. } => {
                registers.insert(*dreg as u32, Held::Port);
            }
            RuleExpr::Meta { dreg, key: MetaKey::L4Proto, .. } => {
                registers.insert(*dreg as u32, Held::Protocol);
            }
            RuleExpr::Cmp { sreg, op: CmpOp::Eq, data, .. } => match (held(sreg), data.as_slice()) {
                (Some(Held::Destination), &[a, b, c, d]) => destination = Some(Ipv4Addr::new(a, b, c, d)),
                (Some(Held::Port), &[high, low]) => port = Some(u16::from_be_bytes([high, low])),
                (Some(Held::Protocol), &[TCP]) => tcp = true,
                _ => return Err("it compares something else than a destination, TCP and a port".to_owned()),
            },
            // `ct state new`, which every connection's first packet is, and chains of type nat see no other.
            RuleExpr::Ct { dreg, key: CtKey::State, .. } => {
                registers.insert(*dreg as u32, Held::State);
            }
            RuleExpr::Bitwise { sreg, dreg, mask, xor, .. }
                if matches!(held(sreg), Some(Held::State)) && *mask == STATE_NEW.to_ne_bytes() && *xor == [0; 4] =>
            {
                registers.insert(*dreg as u32, Held::IsNew);
            }
            RuleExpr::Cmp { sreg, op: CmpOp::Neq, data, .. }
                if matches!(held(sreg), Some(Held::IsNew)) && *data == [0; 4] => {}
            RuleExpr::Numgen { dreg, kind: NumgenKind::Random, modulus, offset: 0, .. } => {
                registers.insert(*dreg as u32, Held::Number(*modulus));
            }
            RuleExpr::Lookup { set, sreg, dreg: Some(dreg), invert: false, .. } => match held(sreg) {
                Some(Held::Number(modulus)) => {
                    let picked = Picked { map: set.clone(), modulus: *modulus };
                    registers.insert(*dreg as u32, Held::Backend(picked));
                }
                _ => return Err(format!("it looks up something else than a random number in {set}")),
            },
            RuleExpr::Immediate { dreg, data, .. } => {
                registers.insert(*dreg as u32, Held::Octets(data.clone()));
            }
            RuleExpr::Nat { nat_type: NatType::Dnat, family: Family::Ip, addr, proto, .. } => {
                let address = addr.as_ref().and_then(|(first, last)| (first == last).then(|| held(first)).flatten());
                let target = proto.as_ref().and_then(|(first, last)| (first == last).then(|| held(first)).flatten());
                match (address, target) {
                    (Some(Held::Backend(picked)), Some(Held::Octets(octets))) => {
                        let target = octets.as_slice().try_into().map(u16::from_be_bytes);
                        let target = target.map_err(|_length| "its target port has not two octets".to_owned())?;
                        end = Some((Some(picked.clone()), Some(target)));
                    }
                    _ => return Err("it translates to something else than a backend and a port".to_owned()),
                }
            }
            RuleExpr::Reject { .. } => end = Some((None, None)),
            other => return Err(format!("it has {}, which is not used here", name(other))),
        }
    }
    let (Some(destination), Some(port), true) = (destination, port, tcp) else {
        return Err("it is not limited to one address and one TCP port".to_owned());
    };
    let (picked, target_port) = end.ok_or("it neither translates nor refuses")?;
    let address = SocketAddrV4::new(destination, port);
    Ok(ServiceRule { address, picked, target_port, handle: rule.handle })
}

/// What an expression is called, for people.
fn name(expression: &RuleExpr) -> String {
    match expression {
        RuleExpr::Counter { .. } => "a counter".to_owned(),
        RuleExpr::Verdict(_) => "a verdict".to_owned(),
        RuleExpr::Numgen { .. } => "another number generator".to_owned(),
        RuleExpr::Payload { .. } => "another part of the packet".to_owned(),
        RuleExpr::Meta { .. } => "another property of the packet".to_owned(),
        RuleExpr::Nat { .. } => "another translation".to_owned(),
        RuleExpr::Unknown { name, .. } => format!("the expression {name}"),
        _ => "an expression".to_owned(),
    }
}
