//! Routes: what was there before routing was installed, and where pod traffic goes now.

mod base;
mod by_tor;
mod direct;
pub mod foreign;
mod kernel;
mod links;
mod node;
mod own;
mod roads;
mod to_peers;
mod tunnel;
mod verdict;

pub use base::only_base_routes_before;
pub use by_tor::peers_by_the_tor_alone;
pub use direct::{direct_route_to_every_peer, roads, tables_lead_directly};
pub use kernel::kernel_questions;
pub use own::own_pods_are_local;
pub use to_peers::peer_questions;
pub(crate) use to_peers::weigh_ways;
pub use tunnel::no_tunnel_device;

use lab_model::observe::UPLINK;
