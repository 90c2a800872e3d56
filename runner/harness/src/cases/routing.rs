//! `routing::…`: who leads where.

pub(super) mod direct_route_to_every_peer;
pub(super) mod no_tunnel_device;
pub(super) mod only_base_routes_before;
pub(super) mod own_pods_are_local;
pub(super) mod peers_by_the_tor_alone;

use super::look::{broke, routing};
use crate::lab::Lab;
use lab_base::clock;
use lab_model::seen::{BaseSeen, RoutingSeen};

async fn base(lab: &Lab) -> Result<BaseSeen, String> {
    let stored = lab.base().map_err(|error| broke(&error))?;
    let Some(stored) = stored else {
        return Err("nothing was stored before routing was installed".to_owned());
    };
    Ok(BaseSeen {
        age: clock::unix_now().saturating_sub(stored.observed),
        gateway: stored.gateway,
        gateways: stored.gateways,
        nodes: stored.nodes,
    })
}

async fn with_lookups(lab: &Lab) -> Result<RoutingSeen, String> {
    routing(lab, true).await
}

async fn tables(lab: &Lab) -> Result<RoutingSeen, String> {
    routing(lab, false).await
}
