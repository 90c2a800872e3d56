//! Routes in a netlink batch.
//!
//! nlink 0.33 writes a batched route without its device even when that is given as an index (`Batch::add_route` hands
//! no resolved interfaces on), so the index is put back here.

use nlink::netlink::InterfaceRef;
use nlink::netlink::MessageBuilder;
use nlink::netlink::route::ResolvedRouteInterfaces;
use nlink::{Ipv4Route, RouteConfig};

/// A route that leaves by the link of this index.
pub(super) struct Batched {
    route: Ipv4Route,
    device: u32,
}

/// The route, by the link of this index, for a batch.
pub(super) fn via(device: u32, route: Ipv4Route) -> Batched {
    Batched { route: route.dev_index(device), device }
}

impl RouteConfig for Batched {
    fn device_ref(&self) -> Option<&InterfaceRef> {
        self.route.device_ref()
    }

    fn multipath_device_refs(&self) -> Vec<Option<&InterfaceRef>> {
        self.route.multipath_device_refs()
    }

    fn family(&self) -> u8 {
        self.route.family()
    }

    fn write_add(&self, builder: &mut MessageBuilder, _unresolved: &ResolvedRouteInterfaces) {
        let interfaces = ResolvedRouteInterfaces { oif: Some(self.device), ..ResolvedRouteInterfaces::default() };
        self.route.write_add(builder, &interfaces);
    }

    fn write_delete(&self, builder: &mut MessageBuilder) {
        self.route.write_delete(builder);
    }
}
