//! Changes to links, routes and rules.

use ipnet::Ipv4Net;
use nlink::netlink::link::{BridgeLink, LinkCreateExt, VxlanLink};
use nlink::netlink::types::route::{RouteProtocol, RouteScope};
use nlink::{Connection, Ipv4Address, Ipv4Route, Route, RuleBuilder};

use super::Act;

/// Makes the change, if it is one of these.
pub(super) async fn make(act: &Act, route: &Connection<Route>) -> nlink::Result<()> {
    match act {
        // The kernel compares whatever is named; this scope and this protocol stand for any (fib_table_delete()).
        Act::DeleteRoute(destination) => {
            let any = Ipv4Route::new(destination.network(), destination.prefix_len());
            route.del_route(any.scope(RouteScope::Nowhere).protocol(RouteProtocol::Unspec)).await
        }
        Act::PutRoute { destination, device, gateway, table } => {
            let new =
                Ipv4Route::new(destination.network(), destination.prefix_len()).dev(device.as_str()).table(*table);
            let new = match gateway {
                Some(gateway) => new.gateway(*gateway).onlink(),
                None => new,
            };
            route.replace_route(new).await
        }
        Act::AddRule { priority, source, destination, table } => {
            route.add_rule(rule(*priority, *source, *destination, *table)).await
        }
        Act::AddVxlan { device } => route.add_link(VxlanLink::new(device.as_str(), 77).port(8472).up()).await,
        Act::AddBridge { device, address, mac } => {
            route.add_link(BridgeLink::new(device.as_str()).address(mac.0).up()).await?;
            route.add_address(Ipv4Address::new(device.as_str(), address.addr(), address.prefix_len())).await
        }
        Act::SetMaster { device, master } => route.set_link_master(device.as_str(), master.as_str()).await,
        Act::SetDown { device } => route.set_link_down(device.as_str()).await,
        Act::MoveAddress { device, from, to } => {
            route.del_address_v4(device.as_str(), from.addr(), from.prefix_len()).await?;
            route.add_address(Ipv4Address::new(device.as_str(), to.addr(), to.prefix_len())).await
        }
        Act::SetMtu { device, mtu } => route.set_link_mtu(device.as_str(), mtu.0).await,
        _ => Ok(()),
    }
}

/// `ip rule add pref PRIORITY from SOURCE to DESTINATION lookup TABLE`.
pub(super) fn rule(priority: u32, source: Option<Ipv4Net>, destination: Ipv4Net, table: u32) -> RuleBuilder {
    let rule = RuleBuilder::v4().priority(priority).to_v4(destination.network(), destination.prefix_len()).table(table);
    match source {
        Some(source) => rule.from_v4(source.network(), source.prefix_len()),
        None => rule,
    }
}
