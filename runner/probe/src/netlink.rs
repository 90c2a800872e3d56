//! Rtnetlink messages as the kernel sends them (rtnetlink(7)).
//!
//! Dumps and their retries are nlink's. The messages are read here, from their attributes: a selector or an
//! encapsulation that a typed message has no field for must be noticed, and a message that cannot be read must be an
//! error, never one route less.

use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::time::Duration;

use nix::errno::Errno;
use nlink::netlink::parse::PResult;
use nlink::netlink::{Connection, FromNetlink, MessageBuilder, MessageIter, message::NlMsgError};
use nlink::{Nftables, Route};

use lab_base::clock;
use lab_base::clock::WaitError;

/// How long the kernel may take to answer one request. It answers in microseconds; this only bounds a broken probe.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// The bits of an attribute's type that say which it is, without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`
/// (include/uapi/linux/netlink.h).
const TYPE_MASK: u16 = 0x3fff;

/// Why the kernel's tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No connection, no answer, or a dump that was interrupted time and again.
    #[error("cannot {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The library's reason.
        source: nlink::Error,
    },
    /// The kernel did not answer a single request.
    #[error("cannot {doing}")]
    Silent {
        /// What was tried.
        doing: &'static str,
        /// How long it had.
        source: WaitError,
    },
    /// A message that is not what rtnetlink(7) says it is.
    #[error("cannot {doing}: the kernel's message has a malformed {part}")]
    Malformed {
        /// What was tried.
        doing: &'static str,
        /// Which part of the message.
        part: &'static str,
    },
    /// A message that says something the observations have no word for.
    #[error("cannot {doing}: {what}")]
    Unspeakable {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        what: String,
    },
}

impl NetlinkError {
    pub(super) fn failed(doing: &'static str) -> impl FnOnce(nlink::Error) -> Self {
        move |source| Self::Failed { doing, source }
    }
}

/// Opens rtnetlink in the namespace of this thread.
pub(super) fn connect() -> Result<Connection<Route>, NetlinkError> {
    let doing = "open a netlink connection";
    let connection = Connection::<Route>::new().map_err(NetlinkError::failed(doing))?;
    // Without it a dump of routes also lists the exceptions that path MTU discovery has learned.
    connection.enable_strict_checking(true).map_err(NetlinkError::failed(doing))?;
    Ok(connection.timeout(ANSWER_DEADLINE))
}

/// Opens nftables' netlink in the namespace of this thread.
pub(super) fn connect_nftables() -> Result<Connection<Nftables>, NetlinkError> {
    let connection = Connection::<Nftables>::new().map_err(NetlinkError::failed("open an nftables connection"))?;
    Ok(connection.timeout(ANSWER_DEADLINE))
}

/// A kind of table that can be dumped.
pub trait Table {
    /// The `RTM_GET…` message.
    const REQUEST: u16;
    /// What reading it is called in errors.
    const DOING: &'static str;
    /// The fixed header of the request, and of each message of the answer.
    type Header: AsRef<[u8]>;
    /// The header of the request.
    const HEADER: Self::Header;
}

/// The body of one message, with nothing left out.
struct Body<T>(Vec<u8>, PhantomData<T>);

impl<T: Table> FromNetlink for Body<T> {
    fn parse(input: &mut &[u8]) -> PResult<Self> {
        Ok(Self(std::mem::take(input).to_vec(), PhantomData))
    }

    fn write_dump_header(buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(T::HEADER.as_ref());
    }
}

/// All messages of a table. A dump during which the table changed is made again, by nlink, up to ten times.
pub async fn dump<T: Table>(connection: &Connection<Route>) -> Result<Vec<Vec<u8>>, NetlinkError> {
    let bodies = connection.dump_typed::<Body<T>>(T::REQUEST).await.map_err(NetlinkError::failed(T::DOING))?;
    Ok(bodies.into_iter().map(|body| body.0).collect())
}

/// The fixed header and the attributes of a message.
#[derive(Debug)]
pub struct Message<'a> {
    doing: &'static str,
    header: &'a [u8],
    attributes: Vec<(u16, &'a [u8])>,
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    pub fn of<T: Table>(body: &'a [u8]) -> Result<Self, NetlinkError> {
        Self::split(T::DOING, body, T::HEADER.as_ref().len())
    }

    /// Takes an attribute's nested attributes apart, after a header of this length.
    pub(super) fn nested(&self, payload: &'a [u8], header: usize) -> Result<Self, NetlinkError> {
        Self::split(self.doing, payload, header)
    }

    /// Takes a message apart whose header has this length.
    pub(super) fn split(doing: &'static str, body: &'a [u8], header: usize) -> Result<Self, NetlinkError> {
        let malformed = |part| NetlinkError::Malformed { doing, part };
        let (header, mut rest) = body.split_at_checked(header).ok_or(malformed("header"))?;
        let mut attributes = Vec::new();
        while let [a, b, c, d, ..] = *rest {
            let length = usize::from(u16::from_ne_bytes([a, b]));
            let payload = rest.get(4..length).ok_or(malformed("attribute"))?;
            attributes.push((u16::from_ne_bytes([c, d]) & TYPE_MASK, payload));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
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

    /// The types of all attributes.
    pub(super) fn kinds(&self) -> impl Iterator<Item = u16> {
        self.attributes.iter().map(|(kind, _payload)| *kind)
    }

    /// An attribute's payload.
    pub(super) fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes.iter().find(|(found, _payload)| *found == kind).map(|(_kind, payload)| *payload)
    }

    fn sized<const N: usize>(&self, kind: u16, part: &'static str) -> Result<Option<[u8; N]>, NetlinkError> {
        let exact = |payload: &[u8]| payload.try_into().map_err(|_wrong_length| self.malformed(part));
        self.get(kind).map(exact).transpose()
    }

    /// A native 32-bit attribute.
    pub fn u32(&self, kind: u16, part: &'static str) -> Result<Option<u32>, NetlinkError> {
        Ok(self.sized(kind, part)?.map(u32::from_ne_bytes))
    }

    /// A 16-bit attribute in network order.
    pub(super) fn u16_network_order(&self, kind: u16, part: &'static str) -> Result<Option<u16>, NetlinkError> {
        Ok(self.sized(kind, part)?.map(u16::from_be_bytes))
    }

    /// An IPv4 address.
    pub(super) fn ipv4(&self, kind: u16, part: &'static str) -> Result<Option<Ipv4Addr>, NetlinkError> {
        Ok(self.sized::<4>(kind, part)?.map(Ipv4Addr::from))
    }

    /// A text that ends at its first NUL; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self, kind: u16) -> Option<String> {
        let payload = self.get(kind)?;
        let text = payload.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(super) fn malformed(&self, part: &'static str) -> NetlinkError {
        NetlinkError::Malformed { doing: self.doing, part }
    }

    pub(super) fn unspeakable(&self, what: String) -> NetlinkError {
        NetlinkError::Unspeakable { doing: self.doing, what }
    }
}

/// The kernel's answer to a single request.
#[derive(Debug)]
pub(super) enum Reply {
    /// Done, and nothing to say.
    Acknowledged,
    /// The body of its message.
    Message(Vec<u8>),
    /// It will not; with the text that newer kernels add.
    Refused(Errno, Option<String>),
}

/// Sends one request that is not a dump. It must ask for an acknowledgement, or for a message.
pub(super) async fn request(
    connection: &Connection<Route>,
    doing: &'static str,
    mut request: MessageBuilder,
) -> Result<Reply, NetlinkError> {
    let socket = connection.socket();
    let sequence = socket.next_seq();
    request.set_seq(sequence);
    request.set_pid(socket.pid());
    socket.send(&request.finish()).await.map_err(NetlinkError::failed(doing))?;
    let answer = async {
        loop {
            let datagram = socket.recv_unicast().await.map_err(NetlinkError::failed(doing))?;
            for message in MessageIter::new(&datagram) {
                let (header, payload) = message.map_err(NetlinkError::failed(doing))?;
                if header.nlmsg_seq != sequence {
                    continue;
                }
                if !header.is_error() {
                    return Ok(Reply::Message(payload.to_vec()));
                }
                let error = NlMsgError::from_bytes(payload).map_err(NetlinkError::failed(doing))?;
                return Ok(match error.error {
                    0 => Reply::Acknowledged,
                    errno => Reply::Refused(
                        Errno::from_raw(errno.wrapping_neg()),
                        error.ext_ack(header.nlmsg_flags, payload).describe(),
                    ),
                });
            }
        }
    };
    clock::within(ANSWER_DEADLINE, "the kernel's answer", answer)
        .await
        .map_err(|source| NetlinkError::Silent { doing, source })?
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Four;

    impl Table for Four {
        const REQUEST: u16 = 0;
        const DOING: &'static str = "list things";
        type Header = [u8; 4];
        const HEADER: [u8; 4] = [0; 4];
    }

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn attributes_are_found_whatever_their_padding_and_flags() {
        let body = [vec![9, 8, 7, 6], attribute(0x8000 | 3, b"eth0\0"), attribute(1, &[10, 0, 0, 1])].concat();
        let message = Message::of::<Four>(&body).unwrap();
        assert_eq!(message.header_u8(1), 8);
        assert_eq!(message.text(3).as_deref(), Some("eth0"));
        assert_eq!(message.ipv4(1, "address").unwrap(), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(message.u32(2, "nothing").unwrap(), None);
    }

    #[test]
    fn a_message_that_cannot_be_read_is_an_error_with_its_part() {
        let says = |error: NetlinkError| error.to_string();
        let short = Message::of::<Four>(&[0; 3]).unwrap_err();
        assert_eq!(says(short), "cannot list things: the kernel's message has a malformed header");
        let overlong = [vec![0; 4], vec![200, 0, 1, 0]].concat();
        assert_eq!(
            says(Message::of::<Four>(&overlong).unwrap_err()),
            "cannot list things: the kernel's message has a malformed attribute"
        );
        let trailing = Message::of::<Four>(&[0; 6]).unwrap_err();
        assert_eq!(says(trailing), "cannot list things: the kernel's message has a malformed end");
        let body = [vec![0; 4], attribute(1, &[10, 0, 0])].concat();
        let three_octets = Message::of::<Four>(&body).unwrap().ipv4(1, "address").unwrap_err();
        assert_eq!(says(three_octets), "cannot list things: the kernel's message has a malformed address");
    }
}
