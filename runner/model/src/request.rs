//! What a probe can be asked, and what it answers: the protocol between the runner and `lab probe`.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use crate::observe::{HttpReply, Lookup, LookupQuery, NetnsView, PingReply, Place, Resolution, ServiceTable};

/// The line that a probe writes to standard error once all its captures run, before anything else is sent.
pub const CAPTURE_READY: &str = "lab-probe: capturing";

/// One thing to look at, in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Whose namespace this is; handed back in the answer.
    pub place: Place,
    /// The namespace's file, for example `/proc/123/ns/net`; none for the one the probe was started in.
    pub netns: Option<PathBuf>,
    /// What to look at.
    pub request: Request,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Links, addresses, routes, rules, neighbours, listening sockets.
    View,
    /// The network namespaces of all processes that this one sees.
    Namespaces,
    /// The kernel's own routing decisions.
    Lookups(Vec<LookupQuery>),
    /// ARP resolutions on a link, all at once, of entries that are forgotten before and after.
    Resolve {
        /// Name of the link.
        device: String,
        /// Whom to ask for.
        addresses: Vec<Ipv4Addr>,
        /// When silence is taken for silence.
        deadline: Duration,
    },
    /// Entries of the ARP table that are dropped, so that large labs do not fill the kernel's table: it is one for all
    /// namespaces. Entries that are not there, or permanent, are left alone.
    Forget {
        /// Name of the link.
        device: String,
        /// Whose entries.
        addresses: Vec<Ipv4Addr>,
    },
    /// HTTP GET requests, each on a connection of its own.
    Http(HttpAsk),
    /// ICMP echo requests with DF set.
    Ping {
        /// Where to.
        destination: Ipv4Addr,
        /// Octets of each whole IPv4 packet.
        lengths: Vec<u32>,
        /// For each.
        deadline: Duration,
    },
    /// The load balancer's table of this namespace, from nftables.
    ServiceTable,
    /// The frames on a link, from the ready line until standard input is closed or the deadline.
    Capture {
        /// Name of the link.
        device: String,
        /// Which frames are kept.
        filter: CaptureFilter,
        /// When it ends by itself.
        deadline: Duration,
        /// Where the pcap file is written; the answer holds the frames either way.
        pcap: Option<PathBuf>,
    },
}

/// HTTP requests until enough different bodies have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAsk {
    /// Address and port to connect to.
    pub to: SocketAddrV4,
    /// Path and query, for example `/`.
    pub path: String,
    /// The TTL that packets begin with, for a request that must not get far; none for the kernel's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// Stop once this many different bodies with status 200 have come.
    pub until_bodies: usize,
    /// Attempts at most.
    pub attempts: usize,
    /// For each attempt.
    pub attempt_deadline: Duration,
    /// For all of them: none is begun after it.
    pub deadline: Duration,
}

/// How much of a frame [`CaptureFilter::Headers`] keeps, in octets: Ethernet, IPv4 and UDP, a tunnel's own header, and in it
/// Ethernet, IPv4, and TCP with a timestamp take 116.
pub const HEADERS: u16 = 128;

/// Octets of the IPv4 packet that a plain `ping` sends: 56 of data, 8 ICMP, 20 IPv4.
pub const SMALL_PACKET: u32 = 84;

/// Which frames a capture keeps. The kernel drops the others before they are copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFilter {
    /// All of them.
    All,
    /// IPv4 and ARP.
    Ipv4AndArp,
    /// Packets from or to one of these addresses, bare or in a tunnel, and of them no more than [`HEADERS`] octets: on a
    /// link that others use.
    Headers(Vec<Ipv4Addr>),
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Request::View`].
    View(NetnsView),
    /// To [`Request::Namespaces`].
    Namespaces {
        /// A file of each, its own left out: `/proc/123/ns/net`.
        files: Vec<PathBuf>,
        /// How many processes did not let theirs be seen.
        closed: usize,
    },
    /// To [`Request::Lookups`], in order.
    Lookups(Vec<Lookup>),
    /// To [`Request::Resolve`], in order.
    Resolved(Vec<Resolution>),
    /// To [`Request::Forget`]: how many were dropped.
    Forgotten(usize),
    /// To [`Request::Http`], in the order they ended.
    Http(Vec<HttpReply>),
    /// To [`Request::Ping`], in order.
    Pinged(Vec<PingReply>),
    /// To [`Request::ServiceTable`].
    ServiceTable(ServiceTable),
    /// To [`Request::Capture`].
    Captured(crate::observe::Capture),
}

/// An answer, or why there is none: `Err` is a probe that could not look, never something that it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Whose namespace it is about.
    pub place: Place,
    /// What was seen.
    pub answer: Result<Answer, String>,
}

impl Request {
    /// What it is, in a word or two.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Namespaces => "network namespaces",
            Self::Lookups(_) => "route lookups",
            Self::Resolve { .. } => "ARP resolutions",
            Self::Forget { .. } => "forgetting neighbours",
            Self::Http(_) => "HTTP requests",
            Self::Ping { .. } => "pings",
            Self::ServiceTable => "service table",
            Self::Capture { .. } => "capture",
        }
    }
}

impl Answer {
    /// The complaint that this is not the answer that was asked for.
    pub fn not(&self, wanted: &str) -> String {
        let got = match self {
            Self::View(_) => "a view",
            Self::Namespaces { .. } => "network namespaces",
            Self::Lookups(_) => "lookups",
            Self::Resolved(_) => "resolutions",
            Self::Forgotten(_) => "a count of forgotten neighbours",
            Self::Http(_) => "HTTP replies",
            Self::Pinged(_) => "echo replies",
            Self::ServiceTable(_) => "a service table",
            Self::Captured(_) => "a capture",
        };
        format!("the probe was asked for {wanted} and answered with {got}")
    }
}
