//! The API server of a lab's cluster: what was recorded, going on from moment to moment as the fake programs run.

use lab_base::clock;
use lab_stand_in::api::objects::{BEFORE_CNI, HELLO, Objects};
use lab_stand_in::api::server::{Server, kubeconfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::thread::Serving;

/// Between two looks whether Helm has run.
const INTERVAL: Duration = Duration::from_millis(20);

/// Served until this is dropped.
pub(super) struct ApiServer {
    // Ends before the server that it serves.
    _serving: Serving,
    pub(super) server: Arc<Server>,
}

impl ApiServer {
    /// Of a cluster that has just been created. Once this file is there, Cilium and the workload are ready.
    pub(super) fn serve(cluster: &str, installed: PathBuf) -> Self {
        let name = cluster.to_owned();
        let (serving, server) = Serving::start(async move || {
            let server = Arc::new(Server::start(BEFORE_CNI).await);
            server.with(|objects| {
                // The recorded cluster's own: this one's have other names.
                objects.remove("nodes", |_node| true);
                objects.become_like(Objects::recorded(BEFORE_CNI).of_cluster(&name));
            });
            let told = Arc::clone(&server);
            // Ends with the runtime.
            tokio::spawn(async move {
                while !installed.exists() {
                    let _passed = clock::within(INTERVAL, "helm", std::future::pending::<()>()).await;
                }
                told.with(|objects| objects.become_like(Objects::recorded(HELLO).of_cluster(&name)));
            });
            server
        });
        Self { _serving: serving, server }
    }

    /// As kind writes it.
    pub(super) fn kubeconfig(&self) -> String {
        kubeconfig(&self.server.url())
    }
}
