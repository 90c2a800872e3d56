//! Why the kernel did not do, or did not tell, what it was asked for.

use std::borrow::Cow;
use std::io;

use lab_base::clock::WaitError;
use nix::errno::Errno;

/// Something that was asked of the kernel and did not happen.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {why}")]
pub struct Error {
    /// What was tried: `add the link eth0`.
    pub doing: Cow<'static, str>,
    /// What stands against it.
    pub why: Why,
}

/// What stands against a request.
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
    /// A message that says something there is no word for here.
    #[error("{0}")]
    Unspeakable(String),
    /// A table was changed while it was read, time and again.
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
