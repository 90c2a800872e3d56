//! One question, asked in the namespace of this thread.

use std::io;

use lab_netlink::Error as NetlinkError;
use nix::errno::Errno;

use super::{http, lookup, namespaces, ping, resolve, service_table, view};
use lab_model::request::{Answer, Request};

/// Why a probe could not look. What it could see is never an error.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The kernel's tables could not be read.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// There is no such link.
    #[error("there is no link {device} in this namespace")]
    NoLink {
        /// The link that was asked for.
        device: String,
    },
    /// Links came and went all the time.
    #[error("links came and went during each of {attempts} attempts")]
    Unsteady {
        /// How often it was tried.
        attempts: usize,
    },
    /// The kernel refused a request.
    #[error("cannot {doing}: {reason}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Its reason.
        reason: String,
    },
    /// A system call failed.
    #[error("cannot {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The load balancer's table could not be read.
    #[error(transparent)]
    Layout(crate::nft_layout::LayoutError),
    /// A packet of this length does not exist.
    #[error("an echo request cannot have {length} octets: at least {least}, at most {most}")]
    Length {
        /// What was asked for.
        length: u32,
        /// Headers alone.
        least: usize,
        /// The most that IPv4 can carry.
        most: usize,
    },
    /// The capture could not be kept.
    #[error("cannot keep a capture")]
    Pcap(#[source] super::pcap::PcapError),
}

impl LookError {
    pub(super) fn system(doing: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::System { doing, source: errno.into() }
    }
}

/// Asks everything but captures, which run beside all else.
pub(super) async fn look(request: &Request) -> Result<Answer, LookError> {
    match request {
        Request::View => view::view().await.map(Answer::View),
        Request::Namespaces => namespaces::namespaces(),
        Request::Lookups(queries) => lookup::lookups(queries).await.map(Answer::Lookups),
        Request::Resolve { device, addresses, deadline } => {
            resolve::resolve(device, addresses, *deadline).await.map(Answer::Resolved)
        }
        Request::Forget { device, addresses } => resolve::forget(device, addresses).await.map(Answer::Forgotten),
        Request::Http(ask) => Ok(Answer::Http(http::replies(ask).await)),
        Request::Ping { destination, lengths, deadline } => {
            ping::ping(*destination, lengths, *deadline).await.map(Answer::Pinged)
        }
        Request::ServiceTable => service_table::service_table().await.map(Answer::ServiceTable),
        Request::Capture { .. } => {
            Err(LookError::Refused { doing: "capture here", reason: "a capture has a thread of its own".to_owned() })
        }
    }
}

/// An errno in words: `network is unreachable`.
pub(super) fn errno_text(errno: Errno) -> String {
    let text = errno.desc();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// An I/O error in words.
pub(super) fn io_error_text(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |number| errno_text(Errno::from_raw(number)))
}
