//! Stands the nodes in their racks, once kind has made them: each is connected to its rack's network, that link is its eth0, and its
//! default route leads to its ToR.

use futures_util::future::{join_all, try_join_all};
use std::time::Duration;

use super::links::{Named, arrange, write};
use crate::lab::KindLab;
use crate::ownership::Member;
use crate::stages::failed;
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_engine::Engine;
use lab_model::observe::{NodeContainer, UPLINK};
use lab_model::racks::{MANAGEMENT, Racks};
use lab_model::stage::Stage;

/// The deadline for a node to give up its link to the network of management.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);

/// Takes nodes off the network of management, before their containers are removed. The Engine takes a link away by the name that it
/// gave it, and this one has another: it would stay until the kernel has ended the namespace, which takes a minute or two where
/// connections to nodes that are gone are still waited for. Until then it answers for its address, which the next lab's node may have.
pub(crate) async fn leave(engine: &Engine, members: &[Member]) {
    let in_racks = members.iter().filter(|member| member.running && member.addresses.len() > 1);
    let leaving = in_racks.map(async |member| {
        let argv = ["ip", "link", "delete", MANAGEMENT];
        // Of a node that does not do so the link stays for that while.
        let _left = engine.exec(&member.id, argv, Vec::new(), LEAVE_DEADLINE).await;
    });
    join_all(leaving).await;
}

impl KindLab {
    /// Stands all nodes in their racks. What was done before is not done again.
    pub(crate) async fn stand_in_racks(&self, layout: &Racks) -> Result<(), LabError> {
        self.doing.now("connecting the nodes to their racks");
        let containers = self.containers().await?;
        let standing = containers.iter().map(|container| Box::pin(self.stand(layout, container)));
        let stood = try_join_all(standing).await;
        stood.map(drop).map_err(|why| failed(Stage::ClusterCreated, format!("racks: {why}")))
    }

    async fn stand(&self, layout: &Racks, container: &NodeContainer) -> Result<(), String> {
        let node = &container.name;
        let (_, rack) = layout.of(node).ok_or_else(|| format!("{node} is in none of the racks"))?;
        let own = layout.address_of(node).ok_or_else(|| format!("{node} has no address in its rack"))?.addr();
        let network = rack.network.as_deref().unwrap_or_default();
        let management = container.address_on(&self.spec.expect.network);
        let management =
            management.ok_or_else(|| format!("{node} has no address on the network {}", self.spec.expect.network))?;
        if container.address_on(network).is_none() {
            self.engine.connect_container(network, &node.0, own).await.map_err(|error| chain(&error))?;
        }
        let named = [
            Named { address: management, name: MANAGEMENT.to_owned() },
            Named { address: own, name: UPLINK.to_owned() },
        ];
        arrange(&self.engine, &node.0, &named, Some((rack.gateway.addr(), UPLINK))).await?;
        // What a pod sends to the API server goes out by one link, and its answer comes in by the other.
        let files = ["all", MANAGEMENT, UPLINK].map(|link| format!("/proc/sys/net/ipv4/conf/{link}/rp_filter"));
        write(&self.engine, &node.0, "0", &files).await
    }
}
