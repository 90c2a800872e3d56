//! Reading messages from their attributes.

use std::net::Ipv4Addr;

use super::error::{Error, Why};

/// The bits of an attribute's type that say which it is, without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`
/// (include/uapi/linux/netlink.h).
const TYPE_MASK: u16 = 0x3fff;

/// Messages and attributes begin at multiples of four octets.
pub(crate) const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A kind of table that the kernel shows as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The type of the request: `RTM_GET…`.
    pub request: u16,
    /// What errors call reading it, after "cannot": `list links`.
    pub doing: &'static str,
    /// The fixed header of the request. Each message of the answer has one of the same length.
    pub header: &'static [u8],
}

/// The fixed header and the attributes of a message.
///
/// Its functions fail with [`Why::Malformed`], which names the part that is not of the form in rtnetlink(7).
#[derive(Debug)]
pub struct Message<'a> {
    doing: &'static str,
    header: &'a [u8],
    attributes: Vec<(u16, &'a [u8])>,
}

impl<'a> Message<'a> {
    /// Splits a message of a table into its header and its attributes.
    pub fn of(table: &Table, body: &'a [u8]) -> Result<Self, Error> {
        Self::split(table.doing, body, table.header.len())
    }

    /// Splits an attribute's payload into a header of this length and nested attributes.
    pub fn nested(&self, payload: &'a [u8], header: usize) -> Result<Self, Error> {
        Self::split(self.doing, payload, header)
    }

    /// Splits a message into a header of this length and its attributes.
    pub fn split(doing: &'static str, body: &'a [u8], header: usize) -> Result<Self, Error> {
        let malformed = |part| Error { doing: doing.into(), why: Why::Malformed(part) };
        let (header, mut rest) = body.split_at_checked(header).ok_or(malformed("header"))?;
        let mut attributes = Vec::new();
        while let [a, b, c, d, ..] = *rest {
            let length = usize::from(u16::from_ne_bytes([a, b]));
            let payload = rest.get(4..length).ok_or(malformed("attribute"))?;
            attributes.push((u16::from_ne_bytes([c, d]) & TYPE_MASK, payload));
            rest = rest.get(padded(length)..).unwrap_or_default();
        }
        if rest.is_empty() { Ok(Self { doing, header, attributes }) } else { Err(malformed("end")) }
    }

    /// A byte of the header.
    pub fn header_u8(&self, offset: usize) -> u8 {
        self.header.get(offset).copied().unwrap_or_default()
    }

    /// A native 32-bit word of the header.
    pub fn header_u32(&self, offset: usize) -> u32 {
        let word = self.header.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_ne_bytes(word.unwrap_or_default())
    }

    /// All attributes, in their order.
    pub fn attributes(&self) -> &[(u16, &'a [u8])] {
        &self.attributes
    }

    /// An attribute's payload.
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes.iter().find(|(found, _payload)| *found == kind).map(|(_kind, payload)| *payload)
    }

    /// The attributes within an attribute.
    pub fn within(&self, kind: u16) -> Result<Option<Self>, Error> {
        self.get(kind).map(|payload| self.nested(payload, 0)).transpose()
    }

    /// An attribute of this many octets; `part` is what it is called in errors.
    pub fn sized<const N: usize>(&self, kind: u16, part: &'static str) -> Result<Option<[u8; N]>, Error> {
        let exact = |payload: &[u8]| payload.try_into().map_err(|_wrong_length| self.malformed(part));
        self.get(kind).map(exact).transpose()
    }

    /// A native 32-bit attribute.
    pub fn u32(&self, kind: u16, part: &'static str) -> Result<Option<u32>, Error> {
        Ok(self.sized(kind, part)?.map(u32::from_ne_bytes))
    }

    /// A 32-bit attribute in network order.
    pub fn u32_be(&self, kind: u16, part: &'static str) -> Result<Option<u32>, Error> {
        Ok(self.sized(kind, part)?.map(u32::from_be_bytes))
    }

    /// A 16-bit attribute in network order.
    pub fn u16_be(&self, kind: u16, part: &'static str) -> Result<Option<u16>, Error> {
        Ok(self.sized(kind, part)?.map(u16::from_be_bytes))
    }

    /// An IPv4 address.
    pub fn ipv4(&self, kind: u16, part: &'static str) -> Result<Option<Ipv4Addr>, Error> {
        Ok(self.sized::<4>(kind, part)?.map(Ipv4Addr::from))
    }

    /// A text that ends at its first NUL; bytes that are not UTF-8 are replaced.
    pub fn text(&self, kind: u16) -> Option<String> {
        let payload = self.get(kind)?;
        let text = payload.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// The error that this part is not of the form in rtnetlink(7).
    pub fn malformed(&self, part: &'static str) -> Error {
        Error { doing: self.doing.into(), why: Why::Malformed(part) }
    }

    /// The error that the message means something that this program does not know.
    pub fn unknown(&self, what: String) -> Error {
        Error { doing: self.doing.into(), why: Why::Unknown(what) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Attributes;

    const FOUR: Table = Table { request: 0, doing: "list things", header: &[0; 4] };

    #[test]
    fn attributes_are_found_whatever_their_padding_and_flags() {
        let body = Attributes::after([9, 8, 7, 6]).put(0x8000 | 3, b"eth0\0").put(1, &[10, 0, 0, 1]);
        let message = Message::of(&FOUR, body.octets()).unwrap();
        assert_eq!(message.header_u8(1), 8);
        assert_eq!(message.text(3).as_deref(), Some("eth0"));
        assert_eq!(message.ipv4(1, "address").unwrap(), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(message.u32(2, "nothing").unwrap(), None);
    }

    #[test]
    fn a_message_that_cannot_be_read_is_an_error_with_its_part() {
        let says = |error: Error| error.to_string();
        let short = Message::of(&FOUR, &[0; 3]).unwrap_err();
        assert_eq!(says(short), "cannot list things: the kernel's message has a malformed header");
        let overlong = [vec![0; 4], vec![200, 0, 1, 0]].concat();
        assert_eq!(
            says(Message::of(&FOUR, &overlong).unwrap_err()),
            "cannot list things: the kernel's message has a malformed attribute"
        );
        let trailing = Message::of(&FOUR, &[0; 6]).unwrap_err();
        assert_eq!(says(trailing), "cannot list things: the kernel's message has a malformed end");
        let body = Attributes::after([0; 4]).put(1, &[10, 0, 0]);
        let three_octets = Message::of(&FOUR, body.octets()).unwrap().ipv4(1, "address").unwrap_err();
        assert_eq!(says(three_octets), "cannot list things: the kernel's message has a malformed address");
    }
}
