//! The program on kind, end to end, where no image can be pulled and no node can be privileged: the real Engine, nodes
//! that are stood in for (`stand-in/`), an API server that serves recordings, and fake programs in PATH
//! (`data/kind/programs`) that start the former as kind does, fail, hang and print garbage.
//!
//! The doctor looks at all of it as ever. Its two refusals of such a machine are met by what a user has: images of
//! one's own (`--image`), and an Engine that can run privileged containers, named by `DOCKER_HOST`; the latter is a
//! socket of the test's own that hands everything on to the real Engine and leaves the privilege out.
//!
//! All labs share one Docker network, as all of kind's clusters do: one test runs at a time. Without an Engine these
//! tests fail, unless `LAB_TESTS_WITHOUT_DOCKER=1`: then each says by name that it was not run.

#[path = "kind/api_server.rs"]
mod api_server;
#[path = "kind/claims.rs"]
mod claims;
#[path = "kind/drift.rs"]
mod drift;
#[path = "kind/engine_socket.rs"]
mod engine_socket;
#[path = "kind/failures.rs"]
mod failures;
#[path = "kind/first.rs"]
mod first;
#[path = "kind/helm.rs"]
mod helm;
#[path = "kind/interrupts.rs"]
mod interrupts;
#[path = "kind/kills.rs"]
mod kills;
#[path = "cli/left.rs"]
mod left;
#[path = "cli/process.rs"]
mod process;
#[path = "kind/refusals.rs"]
mod refusals;
#[path = "kind/sabotage.rs"]
mod sabotage;
#[path = "images/scripts.rs"]
mod scripts;
#[path = "kind/thread.rs"]
mod thread;
#[path = "kind/world.rs"]
mod world;
