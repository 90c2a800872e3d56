//! Disk space for images, which are unpacked once for each node.

use crate::kind::facts::Room;
use crate::{Outcome, Row};

const GIB: u64 = 1 << 30;
/// The space for a node in octets: Cilium's images packed and unpacked, etcd, logs.
const EACH_NODE: u64 = 2 * GIB;
/// The space in octets for the nodes' image, if it must still be pulled and unpacked.
const NODE_IMAGE: u64 = 2 * GIB;

/// Octets in GiB, to a tenth.
pub(in crate::kind) fn gib(octets: u64) -> String {
    let tenths = octets / (GIB / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// `disk`.
pub(in crate::kind) fn disk(room: Option<&Room>, nodes: usize, node_image: bool) -> Row {
    const ID: &str = "disk";
    const WHY: &str = "every node unpacks Cilium's images for itself, and a full disk stops them halfway";
    let remedy = "docker system df shows what takes the room; docker image prune and docker volume prune free some";
    let Some(Room { folder, free }) = room else {
        return Row::bad(Outcome::Warning, ID, "the Engine does not report where it keeps its data", WHY, remedy);
    };
    let folder = folder.display();
    let needed = EACH_NODE * nodes as u64 + if node_image { 0 } else { NODE_IMAGE };
    match free {
        Err(why) => Row::bad(Outcome::Warning, ID, format!("{folder}: {why}"), WHY, format!("df -h {folder}")),
        Ok(free) => {
            let found = format!("{} free in {folder}; {nodes} nodes take about {}", gib(*free), gib(needed));
            if *free >= needed {
                Row::ok(ID, found, WHY)
            } else if *free >= needed / 2 {
                Row::bad(Outcome::Warning, ID, found, WHY, remedy)
            } else {
                Row::bad(Outcome::Refusal, ID, found, WHY, remedy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(free: u64) -> Room {
        Room { folder: "/var/lib/docker".into(), free: Ok(free) }
    }

    #[test]
    fn the_room_decides() {
        let row = disk(Some(&with(8 * GIB)), 3, false);
        assert_eq!(row.found, "8.0 GiB free in /var/lib/docker; 3 nodes take about 8.0 GiB");
        assert_eq!(row.outcome, Outcome::Ok);
        assert_eq!(disk(Some(&with(8 * GIB - 1)), 3, false).outcome, Outcome::Warning);
        assert_eq!(disk(Some(&with(6 * GIB)), 3, true).outcome, Outcome::Ok);
        assert_eq!(disk(Some(&with(4 * GIB - 1)), 3, false).outcome, Outcome::Refusal);
        assert_eq!(disk(Some(&with(0)), 3, true).outcome, Outcome::Refusal);
    }

    #[test]
    fn room_that_is_not_known_is_warned_of() {
        assert_eq!(disk(None, 3, true).outcome, Outcome::Warning);
        let unread = Room { folder: "/srv/docker".into(), free: Err("permission denied".to_owned()) };
        let row = disk(Some(&unread), 3, true);
        assert_eq!((row.outcome, row.found.as_str()), (Outcome::Warning, "/srv/docker: permission denied"));
    }
}
