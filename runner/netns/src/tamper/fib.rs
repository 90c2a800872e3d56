//! Saves all routes of a namespace, and restores them exactly.

use lab_model::observe::TABLE_LOCAL;
use lab_netlink::{Attributes, Error, Message, Request, Socket, flags};
use lab_probe::ROUTES;
use nix::libc::{RTM_DELROUTE, RTM_NEWROUTE};

/// `RTA_TABLE` (include/uapi/linux/rtnetlink.h).
const RTA_TABLE: u16 = 15;
/// Offset of the scope in `struct rtmsg`.
const SCOPE: usize = 6;
/// The range of the flags in `struct rtmsg`.
const FLAGS: std::ops::Range<usize> = 8..12;
/// `RTM_F_CLONED`: an entry that path MTU discovery has learned, rather than a route.
const CLONED: u32 = 0x200;
/// The flags of a request that adds a route that does not exist.
const NEW: u16 = flags::CREATE | flags::EXCLUSIVE;
/// `RTNH_F_ONLINK`: the only flag of a hop that was configured; the kernel sets the others itself.
const ONLINK: u32 = 4;

/// All IPv4 routes except those of the table `local`, which the kernel maintains.
pub(super) struct Fib(Vec<Vec<u8>>);

impl Fib {
    /// Reads the routes.
    pub(super) async fn read(socket: &Socket) -> Result<Self, Error> {
        let mut routes = Vec::new();
        for mut body in socket.table(&ROUTES).await? {
            let message = Message::of(&ROUTES, &body)?;
            let table = message.u32(RTA_TABLE, "table")?;
            let (flags, table) =
                (message.header_u32(FLAGS.start), table.unwrap_or_else(|| message.header_u8(4).into()));
            if table != TABLE_LOCAL && flags & CLONED == 0 {
                body[FLAGS].copy_from_slice(&(flags & ONLINK).to_ne_bytes());
                routes.push(body);
            }
        }
        Ok(Self(routes))
    }

    /// Restores the routes: removes those that were added since, and adds those that are missing.
    pub(super) async fn restore(&self, socket: &Socket) -> Result<(), Error> {
        let Self(now) = Self::read(socket).await?;
        for body in now.iter().filter(|body| !self.0.contains(body)) {
            socket.make(Request::new("delete a route", RTM_DELROUTE, 0, Attributes::after(body.as_slice()))).await?;
        }
        let Self(now) = Self::read(socket).await?;
        let mut missing: Vec<&Vec<u8>> = self.0.iter().filter(|body| !now.contains(body)).collect();
        // Routes on a link (scope 253) come first, because the kernel accepts a gateway only if a route leads to it.
        missing.sort_by_key(|body| std::cmp::Reverse(body[SCOPE]));
        for body in missing {
            socket.make(Request::new("add a route", RTM_NEWROUTE, NEW, Attributes::after(body.as_slice()))).await?;
        }
        Ok(())
    }
}
