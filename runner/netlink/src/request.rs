//! One message to the kernel.

use std::borrow::Cow;

use super::error::{Error, Why};
use super::message::Attributes;
use super::read::padded;

/// `NLM_F_*` (include/uapi/linux/netlink.h), for [`Request::new`], which adds `NLM_F_REQUEST`.
pub mod flags {
    /// The kernel acknowledges success. It reports errors without this flag too.
    pub const ACK: u16 = 4;
    /// Returns the whole table.
    pub const DUMP: u16 = 0x300;
    /// Replaces an object that exists.
    pub const REPLACE: u16 = 0x100;
    /// Fails when the object exists.
    pub const EXCLUSIVE: u16 = 0x200;
    /// Makes the object when it does not exist.
    pub const CREATE: u16 = 0x400;
    /// Adds the object at the end of its list.
    pub const APPEND: u16 = 0x800;
}

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;

/// Octets of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;

/// One message to the kernel, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    doing: Cow<'static, str>,
    kind: u16,
    flags: u16,
    attributes: Attributes,
}

impl Request {
    /// A message of this type, with [`flags`], its fixed header and its attributes. `doing` is what errors say could not
    /// be done.
    pub fn new(doing: impl Into<Cow<'static, str>>, kind: u16, flags: u16, attributes: Attributes) -> Self {
        Self { doing: doing.into(), kind, flags: flags | REQUEST, attributes }
    }

    /// The same request with [`flags::ACK`].
    pub(crate) fn acknowledged(mut self) -> Self {
        self.flags |= flags::ACK;
        self
    }

    /// Appends the message to a datagram.
    pub(crate) fn write(&self, sequence: u32, datagram: &mut Vec<u8>) {
        let octets = self.attributes.octets();
        // Requests have at most some kilobytes, so the length always fits.
        let length = u32::try_from(HEADER + octets.len()).unwrap_or(u32::MAX);
        datagram.extend_from_slice(&length.to_ne_bytes());
        datagram.extend_from_slice(&self.kind.to_ne_bytes());
        datagram.extend_from_slice(&self.flags.to_ne_bytes());
        datagram.extend_from_slice(&sequence.to_ne_bytes());
        // The sender's port: the kernel fills it in.
        datagram.extend_from_slice(&[0; 4]);
        datagram.extend_from_slice(octets);
        datagram.resize(padded(datagram.len()), 0);
    }

    /// The error that this request failed.
    pub(crate) fn failed(&self, why: Why) -> Error {
        Error { doing: self.doing.clone(), why }
    }
}
