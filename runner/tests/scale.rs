//! How reading and judging grow with a cluster. Judging is timed by itself: routes of all nodes, and the plan of pairs. Then
//! the whole program reads such a cluster, of an API server and agents that stand in. With sizes in the environment it
//! prints the curves; without `--release` they are not worth reading.
//!
//! `LAB_SCALE="10 100 1000" cargo test --release -p lab --test scale -- --nocapture`

#[expect(dead_code, reason = "tests of the judges use the rest")]
#[path = "../judge/src/foreign/generated.rs"]
mod generated;
#[path = "scale/judging.rs"]
mod judging;
#[path = "cli/left.rs"]
mod left;
#[expect(dead_code, reason = "tests of the command line use the rest: what is watched line by line")]
#[path = "cli/process.rs"]
mod process;
#[path = "scale/reading.rs"]
mod reading;
#[path = "scale/served.rs"]
mod served;
#[path = "kind/thread.rs"]
mod thread;
#[expect(dead_code, reason = "tests of the command line use the rest: labs that are up")]
#[path = "cli/world.rs"]
mod world;

/// The sizes, where other ones are wanted: numbers of nodes with spaces between.
const SIZES: &str = "LAB_SCALE";

/// The sizes that are asked for. Whether it works is what a plain run looks for; the figures are for who asks for them.
fn sizes(plain: &[usize]) -> Vec<usize> {
    let asked = std::env::var(SIZES).unwrap_or_default();
    let sizes: Vec<usize> = asked.split_whitespace().filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() { plain.to_vec() } else { sizes }
}
