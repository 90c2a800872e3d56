//! Who is on the link: the nodes, the bridge between them, and who answers for whom.

mod nodes;
mod peers;
mod segment;

pub use nodes::three_nodes_run;
pub use peers::peers_are_adjacent;
pub use segment::nodes_share_one_bridge;

/// The link by which a node hangs on the bridge (kind and Docker name it so).
const UPLINK: &str = "eth0";
