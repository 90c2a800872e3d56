//! BIRD in the routers' containers: how it is started, and how it is asked.

use super::links::run;
use crate::artefacts::console;
use crate::lab::KindLab;
use lab_bird::{ROUTES, Reply, SESSIONS};
use lab_engine::router_container;
use lab_model::observe::{DaemonSeen, Place};

/// The folder in a router's container with BIRD's files.
pub(super) const BIRD_FOLDER: &str = "/lab-bird";
/// Its configuration.
pub(super) const CONFIG_FILE: &str = "/lab-bird/bird.conf";

/// The path of BIRD's control socket in a router's container.
pub const BIRD_SOCKET: &str = "/lab-bird/bird.ctl";

/// How a router's container runs BIRD: in the foreground, so that it ends with it.
pub(super) fn command() -> Vec<String> {
    ["bird", "-f", "-c", CONFIG_FILE, "-s", BIRD_SOCKET].map(str::to_owned).into()
}

impl KindLab {
    /// What a router's container has said, for the error of one that does not run.
    pub(super) async fn last_words(&self, container: &str) -> String {
        let said = console(self, &container.into()).await;
        said.trim().to_owned()
    }

    /// What BIRD of a router says.
    ///
    /// # Errors
    /// Why it could not be asked, or what it said that is not understood.
    pub(super) async fn daemon(&self, place: &Place) -> Result<DaemonSeen, String> {
        let container = router_container(&self.spec.cluster, &place.to_string()).0;
        let ask = async |question: &str| {
            let argv: Vec<&str> = ["birdc", "-v", "-s", BIRD_SOCKET].into_iter().chain(question.split(' ')).collect();
            let printed = run(&self.engine, &container, &argv, "").await?;
            Reply::printed(&printed).map_err(|error| format!("{container}: BIRD's answer to `{question}`: {error}"))
        };
        let (greeting, sessions) = ask(SESSIONS).await?;
        let (_again, routes) = ask(ROUTES).await?;
        lab_bird::daemon(&greeting, &sessions, &routes)
    }
}
