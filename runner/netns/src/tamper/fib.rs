//! The routes of a namespace as a whole, to put them back octet by octet.

use nlink::netlink::InterfaceRef;
use nlink::netlink::route::ResolvedRouteInterfaces;
use nlink::netlink::{Connection, MessageBuilder};
use nlink::{Route, RouteConfig};

use lab_base::failure::chain;
use lab_model::observe::TABLE_LOCAL;
use lab_probe::{Message, RouteTable, dump};

/// `RTA_TABLE` (include/uapi/linux/rtnetlink.h).
const RTA_TABLE: u16 = 15;
/// Octet of `struct rtmsg` with the scope.
const SCOPE: usize = 6;
/// Octets of `struct rtmsg` with the flags.
const FLAGS: std::ops::Range<usize> = 8..12;
/// `RTM_F_CLONED`: learned by path MTU discovery, and no route.
const CLONED: u32 = 0x200;
/// `RTNH_F_ONLINK`: the one flag of a hop that is given, not found out.
const ONLINK: u32 = 4;

/// All IPv4 routes but those of the table `local`, which the kernel keeps itself.
pub(super) struct Fib(Vec<Vec<u8>>);

impl Fib {
    /// Reads them.
    pub(super) async fn read(connection: &Connection<Route>) -> Result<Self, String> {
        let mut routes = Vec::new();
        for mut body in dump::<RouteTable>(connection).await.map_err(|error| chain(&error))? {
            let message = Message::of::<RouteTable>(&body).map_err(|error| chain(&error))?;
            let table = message.u32(RTA_TABLE, "table").map_err(|error| chain(&error))?;
            let (flags, table) =
                (message.header_u32(FLAGS.start), table.unwrap_or_else(|| message.header_u8(4).into()));
            if table != TABLE_LOCAL && flags & CLONED == 0 {
                body[FLAGS].copy_from_slice(&(flags & ONLINK).to_ne_bytes());
                routes.push(body);
            }
        }
        Ok(Self(routes))
    }

    /// Removes those that were not there then, and adds those that are not there now.
    pub(super) async fn restore(&self, connection: &Connection<Route>) -> Result<(), String> {
        let Self(now) = Self::read(connection).await?;
        for body in now.iter().filter(|body| !self.0.contains(body)) {
            connection.del_route(Raw(body)).await.map_err(|error| chain(&error))?;
        }
        let Self(now) = Self::read(connection).await?;
        let mut missing: Vec<&Vec<u8>> = self.0.iter().filter(|body| !now.contains(body)).collect();
        // A gateway is looked for on the links that there are routes to: what is on a link (253) comes first.
        missing.sort_by_key(|body| std::cmp::Reverse(body[SCOPE]));
        for body in missing {
            connection.add_route(Raw(body)).await.map_err(|error| chain(&error))?;
        }
        Ok(())
    }
}

/// A route as the kernel told it.
struct Raw<'a>(&'a [u8]);

impl RouteConfig for Raw<'_> {
    fn device_ref(&self) -> Option<&InterfaceRef> {
        None
    }

    fn multipath_device_refs(&self) -> Vec<Option<&InterfaceRef>> {
        Vec::new()
    }

    fn family(&self) -> u8 {
        self.0[0]
    }

    fn write_add(&self, builder: &mut MessageBuilder, _resolved: &ResolvedRouteInterfaces) {
        builder.append_bytes(self.0);
    }

    fn write_delete(&self, builder: &mut MessageBuilder) {
        builder.append_bytes(self.0);
    }
}
