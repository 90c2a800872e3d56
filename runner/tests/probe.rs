//! The probe on a real kernel: what it must see, and what it must not.
//!
//! Needs nothing but the right to make network namespaces: root, or `unshare -Urn`. One test reads a capture with
//! `tcpdump`; Debian's gives up root before it reads, and so fails in a user namespace where root is alone.

#[path = "probe/http.rs"]
mod http;
#[path = "probe/look.rs"]
mod look;
#[path = "probe/namespaces.rs"]
mod namespaces;
#[path = "probe/packets.rs"]
mod packets;
#[path = "probe/protocol.rs"]
mod protocol;
#[path = "probe/resolve.rs"]
mod resolve;
#[path = "probe/scratch.rs"]
mod scratch;
#[path = "probe/service.rs"]
mod service;
#[path = "probe/wire.rs"]
mod wire;
