//! A cluster whose nodes stand in racks, the article's second case: a Docker network for each rack and for each link between
//! routers, a container with BIRD for each router, and nodes whose own link is on their rack's network.
//!
//! kind's network stays, as that of management: the nodes' containers find the control plane by its name there, and etcd's and the
//! API server's certificates name its addresses. The node's link to it gets another name, and no pod's packet: docs/racks.md has
//! what was tried.

mod bgp;
mod drift;
mod image;
pub mod links;
mod made;
mod nodes;
mod refused;
mod removal;
mod routers;
mod seen;

pub(super) use crate::cilium::WARNING;
pub(super) use drift::drift;
pub(super) use nodes::leave;
pub(super) use removal::marks;
pub use removal::{Removed, remove};
pub use routers::BIRD_SOCKET;
pub(super) use seen::segments_of;

use std::net::Ipv4Addr;

use super::config::mark_of;
use super::lab::KindLab;
use lab_backend::LabError;
use lab_engine::RACKS_LABEL;
use lab_model::racks::Racks;

/// The label of a node with the name of its rack, by which a peering policy selects it.
pub(super) const RACK_LABEL: &str = "rack";

/// The value of that label, and the name of the rack's policy: `rack0`.
pub(super) fn rack_name(position: usize) -> String {
    format!("rack{position}")
}

/// The last address of a network that a container can have. The Engine keeps it for its bridge, and gives it to nobody.
fn reserved(network: ipnet::Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.broadcast().to_bits() - 1)
}

impl KindLab {
    /// How its racks are laid out; none where all nodes are on one network.
    pub(super) const fn layout(&self) -> Option<&Racks> {
        self.spec.expect.racks.as_ref()
    }

    /// The label of what is made for its racks.
    fn racks_label(&self) -> Result<(String, String), LabError> {
        Ok((RACKS_LABEL.to_owned(), mark_of(self.state()?.path()).display().to_string()))
    }

    /// All its Docker networks: that of the nodes, and those of racks and links.
    pub(super) fn networks(&self) -> Vec<String> {
        let racks = self.layout().map(|layout| layout.racks.as_slice()).unwrap_or_default();
        let own = racks
            .iter()
            .enumerate()
            .flat_map(|(position, rack)| [rack.network.clone().unwrap_or_default(), self.link_network(position)]);
        std::iter::once(self.spec.expect.network.clone()).chain(own).collect()
    }

    /// The Docker network of the link between the router and the ToR at this position.
    fn link_network(&self, position: usize) -> String {
        format!("{}-link{position}", self.spec.cluster)
    }
}
