//! Who is on the link: the nodes, the bridge between them, and who answers for whom.

mod nodes;
mod peers;
mod segment;

pub use nodes::three_nodes_run;
pub use peers::peers_are_adjacent;
pub use segment::nodes_share_one_bridge;

use lab_model::observe::UPLINK;
