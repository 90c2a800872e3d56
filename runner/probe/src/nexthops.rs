//! Next hops that are objects of their own (`ip nexthop`), and which routes name by a number.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lab_netlink::{Message, Socket, Table};

use super::links::{INET, INET6, Names};
use super::routes::{Unread, device};
use lab_model::observe::NextHop;

// include/uapi/linux/rtnetlink.h and nexthop.h; libc does not have them.
const RTM_GETNEXTHOP: u16 = 106;
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_ENCAP_TYPE: u16 = 7;
const NHA_ENCAP: u16 = 8;

/// Octets of `struct nexthop_grp`, which begins with the number of a member.
const MEMBER: usize = 8;

/// `struct nhmsg`.
const NEXT_HOPS: Table = Table { request: RTM_GETNEXTHOP, doing: "list next hops", header: &[0; 8] };

/// An object, or what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// One next hop.
    Hop(NextHop),
    /// Others, by their numbers.
    Group(Vec<u32>),
}

/// All objects of a namespace, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Objects(BTreeMap<u32, Object>);

impl Objects {
    /// Asks the kernel for them.
    pub(super) async fn read(socket: &Socket, names: &Names) -> Result<Self, Unread> {
        let bodies = socket.table(&NEXT_HOPS).await?;
        bodies.iter().map(|body| parse_next_hop(body, names)).collect::<Result<_, _>>().map(Self)
    }

    /// The next hops of the object of this number; none where it, or one of its members, is not known.
    pub(super) fn hops(&self, id: u32) -> Option<Vec<NextHop>> {
        let hop = |id: &u32| match self.0.get(id)? {
            Object::Hop(hop) => Some(hop.clone()),
            // The kernel takes no group into a group.
            Object::Group(_) => None,
        };
        match self.0.get(&id)? {
            Object::Hop(_) => hop(&id).map(|hop| vec![hop]),
            Object::Group(members) => members.iter().map(hop).collect(),
        }
    }
}

/// Reads one object of a dump: its number, and what it is.
///
/// # Errors
/// [`Unread`].
pub fn parse_next_hop(body: &[u8], names: &Names) -> Result<(u32, Object), Unread> {
    let message = Message::of(&NEXT_HOPS, body)?;
    let id = message.u32(NHA_ID, "number of a next hop")?.ok_or_else(|| message.malformed("number of a next hop"))?;
    if let Some(members) = message.get(NHA_GROUP) {
        let (members, rest) = members.as_chunks::<MEMBER>();
        if !rest.is_empty() {
            return Err(message.malformed("group of next hops").into());
        }
        let number = |&[a, b, c, d, ..]: &[u8; MEMBER]| u32::from_ne_bytes([a, b, c, d]);
        return Ok((id, Object::Group(members.iter().map(number).collect())));
    }
    let gateway = match message.header_u8(0) {
        INET => message.ipv4(NHA_GATEWAY, "gateway")?.map(|address: Ipv4Addr| IpAddr::V4(address)),
        INET6 => message.sized(NHA_GATEWAY, "gateway")?.map(|octets: [u8; 16]| IpAddr::V6(Ipv6Addr::from(octets))),
        // A next hop of the bridge's forwarding table, which no route names.
        _ => None,
    };
    Ok((
        id,
        Object::Hop(NextHop {
            gateway,
            device: device(message.u32(NHA_OIF, "device")?, names)?,
            encapsulates: message.get(NHA_ENCAP).is_some() || message.get(NHA_ENCAP_TYPE).is_some(),
        }),
    ))
}
