//! Writing the attributes of a message.

use super::read::padded;

/// `NLA_F_NESTED` (include/uapi/linux/netlink.h).
const NESTED: u16 = 0x8000;

/// Attributes, one after the other; perhaps after a fixed header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    /// None yet, after this header.
    pub fn after(header: impl Into<Vec<u8>>) -> Self {
        Self(header.into())
    }

    /// Adds one with these octets.
    ///
    /// One that is longer than its 16-bit length can say is written so that the kernel refuses the message.
    pub fn put(mut self, kind: u16, payload: &[u8]) -> Self {
        let length = u16::try_from(payload.len() + 4).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(payload);
        self.0.resize(padded(self.0.len()), 0);
        self
    }

    /// Adds a text, with the NUL that ends it.
    pub fn text(self, kind: u16, text: &str) -> Self {
        self.put(kind, &[text.as_bytes(), &[0]].concat())
    }

    /// Adds a word in this host's byte order, as rtnetlink has them.
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Adds a word in network byte order, as nftables has them.
    pub fn u32_be(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// Adds one that holds these attributes.
    pub fn nest(self, kind: u16, inner: &Self) -> Self {
        self.put(kind | NESTED, &inner.0)
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}
