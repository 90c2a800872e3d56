//! What came back when something was asked over the network.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::MacAddr;

/// How an ARP resolution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    /// This link-layer address answered.
    Answered(MacAddr),
    /// Nobody did before the deadline or the kernel's own limit.
    Silent,
    /// The kernel could not ask; its reason.
    NotAsked(String),
}

/// An ARP resolution that was made for this observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The IPv4 address asked for.
    pub address: Ipv4Addr,
    /// Name of the link it was asked on.
    pub device: String,
    /// Who answered.
    pub outcome: Resolved,
}

/// The two ends of a TCP connection, seen by its client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The client's own end.
    pub local: SocketAddrV4,
    /// The end that was asked for.
    pub remote: SocketAddrV4,
    /// The end that the socket says it has (getpeername(2)): the one that was asked for, or what a program at the socket
    /// put in its place. Packet filters translate behind the socket, and do not show here. None where the socket did not
    /// say, or an older program did not ask it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddrV4>,
}

/// How an HTTP request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpOutcome {
    /// A whole response came.
    Response {
        /// Status code (RFC 9110).
        status: u16,
        /// The body, at most 64 KiB; bytes that are not UTF-8 are replaced.
        body: String,
    },
    /// The connection was closed without a response.
    Empty,
    /// No connection; the reason in words.
    NotConnected(String),
    /// Connected, and then something that is not HTTP, or an error; in words.
    Broken(String),
    /// Nothing before the attempt's own deadline; what had happened by then, in words.
    TimedOut(String),
}

/// One HTTP request on a connection of its own, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpReply {
    /// Where it was sent.
    pub url: String,
    /// The connection, if one came about.
    pub connection: Option<Connection>,
    /// How it ended.
    pub outcome: HttpOutcome,
    /// From `connect()` to the end.
    pub elapsed: Duration,
}

impl HttpReply {
    /// Where it was sent, read from its URL; all of ours are `http://ADDRESS:PORT/…`. None where its connection was to
    /// another end.
    pub fn asked(&self) -> Option<SocketAddrV4> {
        let asked = self.url.strip_prefix("http://")?.split('/').next()?.parse().ok()?;
        self.connection.as_ref().is_none_or(|connection| connection.remote == asked).then_some(asked)
    }

    /// The end that its socket had, where that is another than the one that was asked.
    pub fn led_to(&self) -> Option<SocketAddrV4> {
        let connection = self.connection.as_ref()?;
        connection.peer.filter(|peer| *peer != connection.remote)
    }
}

/// How an ICMP echo ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PingOutcome {
    /// The reply came, whole.
    Answered,
    /// The packet did not fit: the MTU that the kernel or a router named, in octets, if it named one.
    TooBig(Option<u32>),
    /// A router or the kernel refused it; in words.
    Refused(String),
    /// No reply before the deadline.
    Silent,
}

/// One ICMP echo request with DF set, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingReply {
    /// Where it was sent.
    pub destination: Ipv4Addr,
    /// Octets of the whole IPv4 packet, header included.
    pub length: u32,
    /// How it ended.
    pub outcome: PingOutcome,
    /// Until it ended.
    pub elapsed: Duration,
}
