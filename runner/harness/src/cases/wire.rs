//! `wire::…`: what is on the links while pods talk. All of them judge the one observation of stage
//! `traffic_observed`.

pub(super) mod frames_are_not_encapsulated;
pub(super) mod full_mtu_fits;
pub(super) mod masqueraded_outside_the_native_cidr;
pub(super) mod no_router_between_nodes;
pub(super) mod no_router_turns_packets_away;
pub(super) mod nothing_leaks_to_the_uplink;
pub(super) mod path_by_declared_routers;
pub(super) mod pods_reach_each_other_directly;
pub(super) mod source_address_is_kept;

use crate::lab::Lab;
use lab_model::seen::WireSeen;

async fn traffic(lab: &Lab) -> Result<WireSeen, String> {
    lab.traffic().ok_or_else(|| "no traffic was observed".to_owned())
}
