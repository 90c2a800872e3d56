//! Images from a registry into the Engine, from there into nodes, and through kits, with a real Docker Engine.
//!
//! Nodes are stand-ins whose `ctr` and `crictl` are scripts that read the stream and count what is in it; in
//! `containerd.rs` it is the real containerd of this machine. The registry is one that listens on loopback here.
//! Without an Engine these tests fail, unless `LAB_TESTS_WITHOUT_DOCKER=1`: then each says by name that it was not run.

#[path = "images/baked.rs"]
mod baked;
#[path = "images/containerd.rs"]
mod containerd;
#[path = "images/kits.rs"]
mod kits;
#[path = "images/nodes.rs"]
mod nodes;
#[path = "images/registry.rs"]
mod registry;
#[path = "images/registry_server.rs"]
mod registry_server;
#[path = "images/scripts.rs"]
mod scripts;
#[path = "images/some.rs"]
mod some;
