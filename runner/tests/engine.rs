//! The Docker Engine, and the probe in nodes, against a real Engine.
//!
//! Nodes are stood in for by unprivileged containers on a bridge network of their own, made from an image that is
//! built here (`stand-in/`). Without an Engine these tests fail, unless `LAB_TESTS_WITHOUT_DOCKER=1`: then each that
//! needs one says by name that it was not run. Fake Engines need none.

#[path = "engine/captures.rs"]
mod captures;
#[path = "engine/commands.rs"]
mod commands;
#[path = "engine/discovery.rs"]
mod discovery;
#[path = "engine/files.rs"]
mod files;
#[path = "engine/looks.rs"]
mod looks;
#[path = "engine/members.rs"]
mod members;
#[path = "engine/power.rs"]
mod power;
#[path = "engine/racks.rs"]
mod racks;
#[path = "engine/recorded.rs"]
mod recorded;
#[path = "engine/refusals.rs"]
mod refusals;
#[path = "engine/strangers.rs"]
mod strangers;
#[path = "engine/strays.rs"]
mod strays;
