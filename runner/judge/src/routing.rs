//! Routes: what was there before routing was installed, and where pod traffic goes now.

mod base;
mod direct;
mod kernel;
mod node;
mod own;
mod tunnel;
mod verdict;

pub use base::only_base_routes_before;
pub use direct::{direct_route_to_every_peer, tables_lead_directly};
pub use kernel::kernel_questions;
pub use own::own_pods_are_local;
pub use tunnel::no_tunnel_device;

use lab_model::observe::UPLINK;
