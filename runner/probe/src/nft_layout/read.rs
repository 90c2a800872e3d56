//! Reading Services.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use lab_netlink::Socket;
use lab_netlink::nft::{Element, Expression, Field, Rule};

use super::{CHAIN, LayoutError, TABLE};

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
pub async fn services(socket: &Socket) -> Result<Vec<Service>, LayoutError> {
    for _attempt in 0..ATTEMPTS {
        let before = socket.nft_generation().await?;
        let services = services_once(socket).await;
        if socket.nft_generation().await? == before {
            return services;
        }
    }
    Err(LayoutError::Unsteady { attempts: ATTEMPTS })
}

async fn services_once(socket: &Socket) -> Result<Vec<Service>, LayoutError> {
    let mut services = Vec::new();
    for rule in socket.nft_rules(TABLE).await?.iter().filter(|rule| rule.chain == CHAIN) {
        let read = parse_rule(rule)?;
        let elements = match read.map() {
            None => Vec::new(),
            Some(map) => socket.nft_elements(TABLE, map).await?,
        };
        services.push(read.service(&elements)?);
    }
    Ok(services)
}

/// Reads a rule of the chain.
///
/// # Errors
/// [`LayoutError::Rule`] for one that is not written here.
pub fn parse_rule(rule: &Rule) -> Result<ServiceRule, LayoutError> {
    read(rule).map_err(|why| LayoutError::Rule { handle: rule.handle, why })
}

/// The backends with numbers below the modulus, of which each must be there, and the others.
fn split(elements: &[Element], modulus: u32) -> Result<(Vec<Ipv4Addr>, Vec<Ipv4Addr>), String> {
    let mut numbered = BTreeMap::new();
    for Element { key, value } in elements {
        let number = key.as_slice().try_into().map(u32::from_ne_bytes);
        let number = number.map_err(|_length| format!("a key of {} octets", key.len()))?;
        let octets = value.as_ref().and_then(|value| <[u8; 4]>::try_from(value.as_slice()).ok());
        let backend = octets.map(Ipv4Addr::from);
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
    pub fn service(self, elements: &[Element]) -> Result<Service, LayoutError> {
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
fn read(rule: &Rule) -> Result<ServiceRule, String> {
    let mut registers: BTreeMap<u32, Held> = BTreeMap::new();
    let (mut destination, mut port, mut tcp, mut end) = (None, None, false, None);
    for expression in rule.parsed().map_err(|error| error.to_string())? {
        if end.is_some() {
            return Err(format!("{} follows its end", name(&expression)));
        }
        let held = |register: u32| registers.get(&register);
        match expression {
            Expression::Load { field, register } => {
                let held = match field {
                    Field::Destination => Held::Destination,
                    Field::Port => Held::Port,
                    Field::Protocol => Held::Protocol,
                    Field::State => Held::State,
                    _ => return Err(unused(&expression)),
                };
                registers.insert(register, held);
            }
            Expression::Compare { register, equal: true, value } => match (held(register), value.as_slice()) {
                (Some(Held::Destination), &[a, b, c, d]) => destination = Some(Ipv4Addr::new(a, b, c, d)),
                (Some(Held::Port), &[high, low]) => port = Some(u16::from_be_bytes([high, low])),
                (Some(Held::Protocol), &[TCP]) => tcp = true,
                _ => return Err("it compares something else than a destination, TCP and a port".to_owned()),
            },
            // `ct state new`, which every connection's first packet is, and chains of type nat see no other.
            Expression::Bitwise { from, register, mask, xor }
                if matches!(held(from), Some(Held::State)) && mask == STATE_NEW.to_ne_bytes() && xor == [0; 4] =>
            {
                registers.insert(register, Held::IsNew);
            }
            Expression::Compare { register, equal: false, value }
                if matches!(held(register), Some(Held::IsNew)) && value == [0; 4] => {}
            Expression::Random { register, modulus, offset: 0 } => {
                registers.insert(register, Held::Number(modulus));
            }
            Expression::Lookup { set, from, register: Some(register), inverted: false } => match held(from) {
                Some(&Held::Number(modulus)) => {
                    registers.insert(register, Held::Backend(Picked { map: set, modulus }));
                }
                _ => return Err(format!("it looks up something else than a random number in {set}")),
            },
            Expression::Immediate { register, value } => {
                registers.insert(register, Held::Octets(value));
            }
            Expression::TranslateDestination { address, port } => match (address.and_then(held), port.and_then(held)) {
                (Some(Held::Backend(picked)), Some(Held::Octets(octets))) => {
                    let target = octets.as_slice().try_into().map(u16::from_be_bytes);
                    let target = target.map_err(|_length| "its target port has not two octets".to_owned())?;
                    end = Some((Some(picked.clone()), Some(target)));
                }
                _ => return Err("it translates to something else than a backend and a port".to_owned()),
            },
            Expression::Reject => end = Some((None, None)),
            other => return Err(unused(&other)),
        }
    }
    let (Some(destination), Some(port), true) = (destination, port, tcp) else {
        return Err("it is not limited to one address and one TCP port".to_owned());
    };
    let (picked, target_port) = end.ok_or("it neither translates nor refuses")?;
    let address = SocketAddrV4::new(destination, port);
    Ok(ServiceRule { address, picked, target_port, handle: rule.handle })
}

fn unused(expression: &Expression) -> String {
    format!("it has {}, which is not used here", name(expression))
}

/// What an expression is called, for people.
fn name(expression: &Expression) -> String {
    let name = match expression {
        Expression::Count => "a counter",
        Expression::Accept | Expression::Drop | Expression::Jump(_) | Expression::Goto(_) | Expression::Return => {
            "a verdict"
        }
        Expression::Random { .. } => "another number generator",
        Expression::Load { .. } | Expression::LoadOther { .. } => "another part or property of the packet",
        Expression::TranslateDestination { .. } => "another translation",
        Expression::Match { name, .. } => return format!("the match {name}"),
        Expression::Target(name) => return format!("the target {name}"),
        Expression::Other(name) => return format!("the expression {name}"),
        _ => "an expression",
    };
    name.to_owned()
}
