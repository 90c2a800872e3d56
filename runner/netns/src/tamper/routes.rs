//! Makes changes to links, addresses, routes and rules.

use ipnet::Ipv4Net;
use lab_netlink::{
    Error, NewLink, NewRoute, NewRule, Protocol, Socket, Vxlan, add_address, add_next_hop, add_next_hop_group,
    delete_address, delete_route, set_down, set_master, set_mtu, set_up,
};
use nix::errno::Errno;
use std::fs::File;
use std::net::IpAddr;

use super::Act;

/// The numbers of the next hops that [`Act::PutRouteByObjects`] makes begin here; that of their group is the one before.
const FIRST_OBJECT: u32 = 101;
pub(super) const GROUP: u32 = FIRST_OBJECT - 1;

/// The numbers of these next hops.
pub(super) fn objects(gateways: &[IpAddr]) -> std::ops::Range<u32> {
    let count = u32::try_from(gateways.len()).unwrap_or(u32::MAX);
    FIRST_OBJECT..FIRST_OBJECT.saturating_add(count)
}

/// Adds a link whose other end is a port of a bridge in the namespace of the file `other`.
pub(super) async fn join(
    device: &str,
    address: Ipv4Net,
    other: &File,
    (bridge, port): (&str, &str),
    route: &Socket,
) -> Result<(), Error> {
    let far = Socket::open_in(Protocol::Route, other)?;
    route.make(NewLink::veth(device, &NewLink::peer(port).netns(other)).up().add()).await?;
    far.make_all(&[set_master(port, far.index(bridge).await?), set_up(port)]).await?;
    route.make(add_address(route.index(device).await?, address)).await
}

/// Makes the change, if it is one of these; otherwise does nothing.
pub(super) async fn make(act: &Act, route: &Socket) -> Result<(), Error> {
    match act {
        Act::DeleteRoute(destination) => route.make(delete_route(*destination)).await,
        Act::PutRoute { destination, device, gateway, table } => {
            let (gateway, table, device) = (*gateway, *table, route.index(device).await?);
            let to = |onlink| NewRoute { gateway, onlink, table, ..NewRoute::to(*destination).by(device) }.put();
            match route.make(to(gateway.is_some())).await {
                // An address of the node's own is a gateway, too, and no neighbour.
                Err(refused) if refused.errno() == Some(Errno::EINVAL) => route.make(to(false)).await,
                made => made,
            }
        }
        Act::PutRouteByObjects { destination, device, gateways } => {
            let device = route.index(device).await?;
            let numbers = objects(gateways);
            for (id, gateway) in numbers.clone().zip(gateways) {
                route.make(add_next_hop(id, *gateway, device)).await?;
            }
            if gateways.len() > 1 {
                route.make(add_next_hop_group(GROUP, &numbers.collect::<Vec<_>>())).await?;
            }
            let object = if gateways.len() > 1 { GROUP } else { FIRST_OBJECT };
            route.make(NewRoute::to(*destination).by_object(object).put()).await
        }
        &Act::AddRule { priority, source, destination, table } => {
            route.make(NewRule { priority, source, destination, table }.add()).await
        }
        Act::AddVxlan { device } => {
            let vxlan = Vxlan { vni: 77, port: 8472, local: None, device: None, learning: true };
            route.make(NewLink::vxlan(device, vxlan).up().add()).await
        }
        Act::AddBridge { device, address, mac } => {
            route.make(NewLink::bridge(device).mac(mac.0).up().add()).await?;
            route.make(add_address(route.index(device).await?, *address)).await
        }
        Act::SetMaster { device, master } => route.make(set_master(device, route.index(master).await?)).await,
        Act::SetDown { device } => route.make(set_down(device)).await,
        Act::MoveAddress { device, from, to } => {
            let index = route.index(device).await?;
            route.make(delete_address(index, *from)).await?;
            route.make(add_address(index, *to)).await
        }
        Act::TakeAddress { device, address } => route.make(delete_address(route.index(device).await?, *address)).await,
        Act::SetMtu { device, mtu } => route.make(set_mtu(device, mtu.0)).await,
        _ => Ok(()),
    }
}
