//! `bgp::…`: routers between racks, and what nodes announce to them.

pub(super) mod pod_cidrs_are_learnt;
pub(super) mod sessions_are_established;

use super::look::{broke, node_views};
use crate::lab::Lab;
use lab_model::seen::RoutersSeen;

async fn routers(lab: &Lab) -> Result<RoutersSeen, String> {
    let nodes = node_views(lab).await?;
    let pod_cidrs = lab.pod_cidrs(&nodes).await.map_err(|error| broke(&error))?;
    let routers = lab.routers().await.map_err(|error| broke(&error))?;
    Ok(RoutersSeen { routers, nodes, pod_cidrs })
}
