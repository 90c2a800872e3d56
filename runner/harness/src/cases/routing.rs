//! `routing::…`: who leads where.

use super::both;
use super::look::{broke, routing};
use crate::case::Case;
use crate::lab::Lab;
use lab_base::clock;
use lab_judge::routing as judge;
use lab_model::seen::{BaseSeen, RoutingSeen};
use lab_model::stage::Stage;

/// What there is before Cilium.
pub(super) const ONLY_BASE_ROUTES_BEFORE: Case = Case {
    name: "routing::only_base_routes_before",
    article: "ip route in kind-control-plane, before Cilium",
    claim: "Before routing is installed a node has its default route via the bridge's gateway, its link route, and nothing else.",
    against: &[],
    needs: Stage::BaseObserved,
    on: both!(base, judge::only_base_routes_before),
};

/// What autoDirectNodeRoutes installs.
pub(super) const DIRECT_ROUTE_TO_EVERY_PEER: Case = Case {
    name: "routing::direct_route_to_every_peer",
    article: "autoDirectNodeRoutes=true",
    claim: "On every node, packets to every peer's pod CIDR go via that peer's own address, dev eth0.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(with_lookups, judge::direct_route_to_every_peer),
};

/// tunnel=disabled.
pub(super) const NO_TUNNEL_DEVICE: Case = Case {
    name: "routing::no_tunnel_device",
    article: "tunnel=disabled",
    claim: "No node has a tunnel device.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(tables, judge::no_tunnel_device),
};

/// A node's own pods.
pub(super) const OWN_PODS_ARE_LOCAL: Case = Case {
    name: "routing::own_pods_are_local",
    article: "autoDirectNodeRoutes=true",
    claim: "A node's own pod CIDR leads to an address of this node, not to a peer.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(tables, judge::own_pods_are_local),
};

#[expect(clippy::unused_async, reason = "looks are asynchronous; what this one takes was observed before")]
async fn base(lab: &Lab) -> Result<BaseSeen, String> {
    let stored = lab.base().map_err(|error| broke(&error))?;
    let Some(stored) = stored else {
        return Err("nothing was stored before routing was installed".to_owned());
    };
    Ok(BaseSeen {
        age: clock::unix_now().saturating_sub(stored.observed),
        gateway: stored.gateway,
        nodes: stored.nodes,
    })
}

async fn with_lookups(lab: &Lab) -> Result<RoutingSeen, String> {
    routing(lab, true).await
}

async fn tables(lab: &Lab) -> Result<RoutingSeen, String> {
    routing(lab, false).await
}
