//! Requests that change next hops that are objects of their own (`ip nexthop`), which routes name by a number.

use std::net::IpAddr;

use super::message::Attributes;
use super::request::{Request, flags};
use super::route::{INET, INET6};

// include/uapi/linux/rtnetlink.h and nexthop.h; libc does not have them.
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_DELNEXTHOP: u16 = 105;
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;

/// Adds a next hop: this router, on the link of this index.
pub fn add_next_hop(id: u32, gateway: IpAddr, device: u32) -> Request {
    let (family, octets) = match gateway {
        IpAddr::V4(address) => (INET, address.octets().to_vec()),
        IpAddr::V6(address) => (INET6, address.octets().to_vec()),
    };
    let attributes = header(family).u32(NHA_ID, id).u32(NHA_OIF, device).put(NHA_GATEWAY, &octets);
    Request::new(format!("add the next hop {id}"), RTM_NEWNEXTHOP, flags::CREATE | flags::EXCLUSIVE, attributes)
}

/// Adds a group of next hops, between which packets are spread evenly.
pub fn add_next_hop_group(id: u32, members: &[u32]) -> Request {
    // struct nexthop_grp: the id, and the weight less one.
    let member = |id: &u32| [&id.to_ne_bytes()[..], &[0; 4]].concat();
    let attributes = header(0).u32(NHA_ID, id).put(NHA_GROUP, &members.iter().flat_map(member).collect::<Vec<_>>());
    Request::new(format!("add the next hop {id}"), RTM_NEWNEXTHOP, flags::CREATE | flags::EXCLUSIVE, attributes)
}

/// Deletes a next hop; the kernel deletes its routes with it.
pub fn delete_next_hop(id: u32) -> Request {
    Request::new(format!("delete the next hop {id}"), RTM_DELNEXTHOP, 0, header(0).u32(NHA_ID, id))
}

/// `struct nhmsg`.
fn header(family: u8) -> Attributes {
    Attributes::after([family, 0, 0, 0, 0, 0, 0, 0])
}
