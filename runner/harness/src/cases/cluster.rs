//! `cluster::…`: what the lab is made of.

pub(super) mod control_plane_runs_nested_containers;
pub(super) mod docker_engine_answers;
pub(super) mod no_kube_proxy;
pub(super) mod nodes_are_what_the_article_shows;
pub(super) mod nodes_become_ready;
pub(super) mod nodes_not_ready_for_want_of_a_cni;
pub(super) mod three_node_containers_run;
pub(super) mod three_nodes_run;

use super::look::{broke, node_answers};
use crate::lab::Lab;
use lab_model::seen::NodesSeen;

async fn nodes(lab: &Lab) -> Result<NodesSeen, String> {
    Ok(NodesSeen { nodes: node_answers(lab).await.map_err(|error| broke(&error))? })
}
