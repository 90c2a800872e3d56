//! Errors of requests to the kernel.

use std::borrow::Cow;
use std::io;

use lab_base::clock::WaitError;
use nix::errno::Errno;

/// A request to the kernel failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {why}")]
pub struct Error {
    /// What was tried: `add the link eth0`.
    pub doing: Cow<'static, str>,
    /// Why it failed.
    pub why: Why,
}

/// Why a request to the kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The kernel refuses.
    #[error("{}{}", io::Error::from(*errno), text.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// Its error number.
        errno: Errno,
        /// The text that newer kernels add.
        text: Option<String>,
    },
    /// The socket fails.
    #[error("{0}")]
    Socket(io::Error),
    /// The kernel did not answer in time.
    #[error("{0}")]
    Silent(WaitError),
    /// A message that is not what rtnetlink(7) says it is.
    #[error("the kernel's message has a malformed {0}")]
    Malformed(&'static str),
    /// The kernel's message is well-formed and means something that this program does not know, such as an unknown
    /// encapsulation.
    #[error("{0}")]
    Unknown(String),
    /// The table changed during each attempt to read it, so no consistent copy was read.
    #[error("it was changed during each of {0} attempts to read it")]
    Unsteady(usize),
    /// There is no such link.
    #[error("there is no link {0}")]
    NoLink(String),
}

impl Error {
    /// The kernel's error number, when it was the kernel that refused.
    pub fn errno(&self) -> Option<Errno> {
        match self.why {
            Why::Refused { errno, .. } => Some(errno),
            _ => None,
        }
    }
}
