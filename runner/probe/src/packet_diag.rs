//! What the kernel counts about packet sockets (`sock_diag(7)`, `include/uapi/linux/packet_diag.h`).

use nlink::netlink::message::{NLM_F_DUMP, NLM_F_REQUEST, NlMsgError};
use nlink::netlink::{Connection, MessageBuilder, MessageIter, SockDiag};

use super::netlink::{Message, NetlinkError};
use lab_base::clock;

const DOING: &str = "list packet sockets";
const SOCK_DIAG_BY_FAMILY: u16 = 20;
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
pub(super) async fn drops(inode: u64) -> Result<Option<u32>, NetlinkError> {
    let connection = Connection::<SockDiag>::new().map_err(NetlinkError::failed(DOING))?;
    let socket = connection.socket();
    let sequence = socket.next_seq();
    let mut request = MessageBuilder::new(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
    // struct packet_diag_req: family, protocol, padding, inode (all), what to show, cookie.
    request.append_bytes(&[PACKET, 0, 0, 0, 0, 0, 0, 0]);
    request.append_bytes(&PACKET_SHOW_MEMINFO.to_ne_bytes());
    request.append_bytes(&[0; 8]);
    request.set_seq(sequence);
    socket.send(&request.finish()).await.map_err(NetlinkError::failed(DOING))?;
    let answer = async {
        let mut drops = None;
        loop {
            let datagram = socket.recv_unicast().await.map_err(NetlinkError::failed(DOING))?;
            for message in MessageIter::new(&datagram) {
                let (header, payload) = message.map_err(NetlinkError::failed(DOING))?;
                if header.nlmsg_seq != sequence {
                    continue;
                }
                if header.is_done() {
                    return Ok(drops);
                }
                if header.is_error() {
                    let error = NlMsgError::from_bytes(payload).map_err(NetlinkError::failed(DOING))?;
                    return Err(NetlinkError::failed(DOING)(error.to_error(header.nlmsg_flags, payload)));
                }
                let message = Message::split(DOING, payload, HEADER)?;
                if u64::from(message.header_u32(INODE_OFFSET)) == inode {
                    drops = message.get(PACKET_DIAG_MEMINFO).and_then(counter);
                }
            }
        }
    };
    clock::within(super::netlink::ANSWER_DEADLINE, "the kernel's answer", answer)
        .await
        .map_err(|source| NetlinkError::Silent { doing: DOING, source })?
}

fn counter(counters: &[u8]) -> Option<u32> {
    counters.get(DROPS_OFFSET..DROPS_OFFSET + 4)?.try_into().ok().map(u32::from_ne_bytes)
}
