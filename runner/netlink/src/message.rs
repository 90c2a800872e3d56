//! Builds the attributes of a message to the kernel.

use super::read::padded;

/// `NLA_F_NESTED` (include/uapi/linux/netlink.h).
const NESTED: u16 = 0x8000;

/// The octets of a message: attributes, one after the other, after a fixed header if the message has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    /// No attributes yet, after this header.
    pub fn after(header: impl Into<Vec<u8>>) -> Self {
        Self(header.into())
    }

    /// Adds an attribute with these octets.
    ///
    /// A payload that does not fit into the attribute's 16-bit length makes a message that the kernel refuses.
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

    /// Adds a 32-bit number in this host's byte order, which rtnetlink uses.
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Adds a 32-bit number in network byte order, which nftables uses.
    pub fn u32_be(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// Adds an attribute that contains these attributes.
    pub fn nest(self, kind: u16, inner: &Self) -> Self {
        self.put(kind | NESTED, &inner.0)
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}
