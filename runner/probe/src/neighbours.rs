//! The ARP table.

use lab_netlink::{Error, Message, Socket, Table};
use nix::libc::RTM_GETNEIGH;

use super::links::{INET, Names, mac};
use lab_model::observe::{Neighbour, NeighbourState};

// include/uapi/linux/neighbour.h.
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;

/// `struct ndmsg`.
const NEIGHBOURS: Table =
    Table { request: RTM_GETNEIGH, doing: "list neighbours", header: &[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };

/// The IPv4 neighbours of this namespace; none when a link appeared since `names` was read.
pub(super) async fn neighbours(socket: &Socket, names: &Names) -> Result<Option<Vec<Neighbour>>, Error> {
    let mut neighbours = Vec::new();
    for body in socket.table(&NEIGHBOURS).await? {
        let Some(neighbour) = parse_neighbour(&body, names)? else { return Ok(None) };
        neighbours.push(neighbour);
    }
    Ok(Some(neighbours))
}

/// Reads one neighbour of a dump; none when its link has no name.
///
/// # Errors
/// [`Error`], naming the part of the message that is not what rtnetlink(7) says.
pub fn parse_neighbour(body: &[u8], names: &Names) -> Result<Option<Neighbour>, Error> {
    let message = Message::of(&NEIGHBOURS, body)?;
    let Some(device) = names.get(&message.header_u32(4)) else { return Ok(None) };
    let address = message.ipv4(NDA_DST, "address")?.ok_or_else(|| message.malformed("address"))?;
    let state = u16::from_ne_bytes([message.header_u8(8), message.header_u8(9)]);
    Ok(Some(Neighbour {
        address,
        device: device.clone(),
        mac: message.get(NDA_LLADDR).and_then(mac),
        state: self::state(state).ok_or_else(|| message.malformed("state"))?,
    }))
}

/// `NUD_*`: one bit, or none.
fn state(bits: u16) -> Option<NeighbourState> {
    Some(match bits {
        0x00 => NeighbourState::None,
        0x01 => NeighbourState::Incomplete,
        0x02 => NeighbourState::Reachable,
        0x04 => NeighbourState::Stale,
        0x08 => NeighbourState::Delay,
        0x10 => NeighbourState::Probe,
        0x20 => NeighbourState::Failed,
        0x40 => NeighbourState::Noarp,
        0x80 => NeighbourState::Permanent,
        _ => return None,
    })
}
