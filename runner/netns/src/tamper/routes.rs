//! Changes to links, routes and rules.

use lab_netlink::{
    Error, NewLink, NewRoute, NewRule, Socket, Vxlan, add_address, delete_address, delete_route, set_down, set_master,
    set_mtu,
};

use super::Act;

/// Makes the change, if it is one of these.
pub(super) async fn make(act: &Act, route: &Socket) -> Result<(), Error> {
    match act {
        Act::DeleteRoute(destination) => route.make(delete_route(*destination)).await,
        Act::PutRoute { destination, device, gateway, table } => {
            let (gateway, table, device) = (*gateway, *table, route.index(device).await?);
            let onlink = gateway.is_some();
            route.make(NewRoute { gateway, onlink, table, ..NewRoute::to(*destination).by(device) }.put()).await
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
        Act::SetMtu { device, mtu } => route.make(set_mtu(device, mtu.0)).await,
        _ => Ok(()),
    }
}
