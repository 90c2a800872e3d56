//! Connection tracking (`include/uapi/linux/netfilter/nfnetlink_conntrack.h`).

use nix::errno::Errno;

use super::error::Error;
use super::nft::generic;
use super::request::Request;
use super::socket::Socket;

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = 1 << 8 | 2;

impl Socket {
    /// Forgets all connections of the namespace, and with them how each is translated. The socket is one of
    /// [`Protocol::Nftables`](super::Protocol::Nftables).
    ///
    /// # Errors
    /// [`Error`] when the kernel refuses. One that can list no connections (without `CONFIG_NF_CT_NETLINK`) keeps them.
    pub async fn forget_connections(&self) -> Result<(), Error> {
        let forgotten = self.make(Request::new("forget connections", DELETE, 0, generic())).await;
        // EINVAL: this part of nfnetlink is not there. The message itself has nothing that could be wrong.
        forgotten.or_else(|error| if error.errno() == Some(Errno::EINVAL) { Ok(()) } else { Err(error) })
    }
}
