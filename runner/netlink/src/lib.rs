//! Talking to the kernel over netlink (netlink(7)): links, addresses, routes, rules and neighbours (rtnetlink(7)),
//! tables of sockets (`sock_diag(7)`), nftables, and connection tracking.
//!
//! The sockets are netlink-sys's. A [`Request`] is one message to the kernel with a text that says what it is for, so
//! that an [`Error`] says what could not be done and why; the caller adds in which namespace. Answers are read
//! attribute by attribute with [`Message`], not with a library of known types: a selector or an encapsulation that this
//! program does not know must be noticed, and a message that cannot be read must be an error rather than a missing route.

mod conntrack;
mod error;
mod link;
mod message;
mod nexthop;
pub mod nft;
mod read;
mod request;
mod route;
mod socket;

pub use error::{Error, Why};
pub use link::{LinkSeen, NewLink, Vxlan, delete_link, set_down, set_master, set_mtu, set_up};
pub use message::Attributes;
pub use nexthop::{add_next_hop, add_next_hop_group, delete_next_hop};
pub use read::{Message, Table};
pub use request::{Request, flags};
pub use route::{
    NewRoute, NewRule, Way, add_address, add_forward, add_host_address, add_neighbour, delete_address, delete_route,
    nud,
};
pub use socket::{ANSWER_DEADLINE, Protocol, Socket};
