//! Foreign clusters: clusters that this program did not build. What they are expected to be is what their own
//! configuration asks for, by the [table]; the article's values are not asked of them.

mod adjacent;
mod answers;
mod components;
mod endpoints;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
pub(crate) mod generated;
mod native;
mod nodes;
mod proxy;
mod read;
mod sent;
pub mod table;
mod tables;
mod wire;

pub use adjacent::peers_are_adjacent;
pub use answers::{answers_from_nodes, answers_from_pods};
pub use components::components_are_ok;
pub use endpoints::services_have_their_endpoints;
pub use native::agents_run_as_configured;
pub use nodes::{nodes_answer, nodes_that_do_not_answer};
pub use proxy::no_kube_proxy;
pub use read::{CONFIG_KEYS, read};
pub use tables::load_balancer_tables_match;
pub use wire::{
    frames_are_not_encapsulated, full_mtu_fits, no_router_between_nodes, pods_reach_each_other_directly,
    source_address_is_kept,
};

use lab_model::NotHeld;
use lab_model::expect::Expectations;
use lab_model::foreign::ForeignExpectations;

/// How many nodes, Services or routes a summary names before the rest is only counted.
const NAMED: usize = 3;

/// What a foreign cluster should be; without it nothing about one can be decided.
pub(crate) fn of_foreign(expect: &Expectations) -> Result<&ForeignExpectations, NotHeld> {
    let missing = "what was expected of this run does not say what the cluster's configuration is";
    expect.foreign.as_ref().ok_or_else(|| NotHeld::Unobserved(missing.to_owned()))
}
