//! What the kernel counts about packet sockets (`sock_diag(7)`, `include/uapi/linux/packet_diag.h`).

use lab_netlink::{Attributes, Error, Message, Protocol, Request, Socket, flags};

const DOING: &str = "list packet sockets";
/// `SOCK_DIAG_BY_FAMILY`, the one type of requests.
pub(super) const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `AF_PACKET`.
const PACKET: u8 = 17;
const PACKET_SHOW_MEMINFO: u32 = 0x10;
const PACKET_DIAG_MEMINFO: u16 = 6;
/// Octets of `struct packet_diag_msg`: family, type, protocol, inode, cookie.
const HEADER: usize = 16;
const INODE_OFFSET: usize = 4;
/// `SK_MEMINFO_DROPS`, as an offset into the array of 32-bit counters.
const DROPS_OFFSET: usize = 8 * 4;

/// How many frames the socket with this inode had no room for; none when this namespace has no such socket.
pub(super) async fn drops(inode: u64) -> Result<Option<u32>, Error> {
    // struct packet_diag_req: family, protocol, padding, inode (all), what to show, cookie.
    let header = [&[PACKET, 0, 0, 0, 0, 0, 0, 0][..], &PACKET_SHOW_MEMINFO.to_ne_bytes(), &[0; 8]].concat();
    let request = Request::new(DOING, SOCK_DIAG_BY_FAMILY, flags::DUMP, Attributes::after(header));
    for body in Socket::open(Protocol::Sockets)?.dump(&request).await? {
        let message = Message::split(DOING, &body, HEADER)?;
        if u64::from(message.header_u32(INODE_OFFSET)) == inode {
            return Ok(message.get(PACKET_DIAG_MEMINFO).and_then(counter));
        }
    }
    Ok(None)
}

fn counter(counters: &[u8]) -> Option<u32> {
    counters.get(DROPS_OFFSET..DROPS_OFFSET + 4)?.try_into().ok().map(u32::from_ne_bytes)
}
