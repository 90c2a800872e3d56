//! The probe: the program that looks, inside network namespaces, and answers with one JSON document.
//!
//! `lab-probe --netns PATH` reads a list of [`Ask`](lab_model::request::Ask)s on standard input and writes a list of
//! [`Answered`](lab_model::request::Answered) on standard output, in the same order. It never writes to what it looks
//! at, save that resolving a neighbour makes (and then forgets) an entry of the ARP table.

mod capture;
mod datagram;
pub mod decode;
mod enter;
mod filter;
pub mod hello;
mod http;
mod icmp;
mod links;
mod listeners;
mod look;
mod lookup;
mod namespaces;
mod neighbours;
mod nexthops;
pub mod nft_layout;
mod packet_diag;
pub mod packet_socket;
pub mod pcap;
mod ping;
mod resolve;
mod routes;
mod rules;
mod serve;
mod service_table;
mod view;

pub use enter::{EnterError, answers};
pub use links::{Names, parse_address, parse_link};
pub use look::LookError;
pub use lookup::own_way;
pub use neighbours::parse_neighbour;
pub use nexthops::{Object, parse_next_hop};
pub use routes::{ROUTES, Unread, parse_route};
pub use rules::parse_rule;
pub use serve::{ProbeArgs, ServeError, main, serve};
pub use view::own_view;
