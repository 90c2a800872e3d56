//! Stand-ins for the nodes of a kind cluster and for its API server, for tests. Nodes are unprivileged containers with kind's
//! labels on a Docker network of their own, created by a real Docker Engine from an image that is built here, so that
//! nothing is pulled.
//!
//! Everything has the label [`OWNER_LABEL`], and is removed when the value that created it is dropped. What a killed test
//! left behind is removed by the next one on the same machine.

pub mod api;
mod cluster;
mod image;
mod linker;
mod owner;

use std::io::Write;

use lab_engine::Engine;

pub use cluster::{Cluster, NodePlan, Plan};
pub use image::{Image, ImagePlan};
pub use owner::{OWNER_LABEL, own, remove_all};

/// The environment variable that makes tests pass without a Docker Engine. Such a test prints its name and what is missing.
pub const WITHOUT_DOCKER: &str = "LAB_TESTS_WITHOUT_DOCKER";

/// Runs a test that needs a Docker Engine: the one that the environment names.
///
/// # Panics
/// When there is no Engine, unless the environment has `LAB_TESTS_WITHOUT_DOCKER=1`: then the test's name and the
/// reason are written to standard error, and it is not run.
pub fn with_engine(test: &str, body: impl AsyncFnOnce(Engine)) {
    let runtime = lab_base::runtime().expect("the kernel gives descriptors for a runtime");
    runtime.block_on(async {
        match Engine::connect().await {
            Ok(engine) => {
                owner::sweep(&engine).await;
                body(engine).await;
            }
            Err(error) if std::env::var(WITHOUT_DOCKER).is_ok_and(|value| value == "1") => {
                // Not `eprintln!`, whose output is not shown for a test that passes.
                let line = format!("not run here: {test}: {error}\n");
                std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
            }
            Err(error) => panic!("{test} needs a Docker Engine: {error}\n{WITHOUT_DOCKER}=1 leaves such tests out"),
        }
    });
}
