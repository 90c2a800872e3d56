//! Copies capture files out of the nodes to the paths that were asked for.

use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use lab_backend::captures::Fetch;
use lab_base::failure::chain;
use lab_model::observe::NodeName;
use lab_model::request::{Answer, Answered};

/// A capture file in a node.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The position of its request among all requests.
    pub(super) position: usize,
    pub(super) node: NodeName,
    pub(super) container: String,
    /// The path in the node, where the probe writes it.
    pub(super) there: PathBuf,
    /// The path on this program's host that was asked for.
    pub(super) wanted: PathBuf,
}

/// The files of captures that are running.
#[derive(Debug)]
pub(super) struct Pcaps {
    pub(super) engine: Engine,
    pub(super) files: Vec<Fetched>,
}

impl Fetch for Pcaps {
    fn fetch<'a>(&'a self, answers: &'a mut [Answered]) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async move {
            let fetched = join_all(self.files.iter().map(|file| self.copy_file(file))).await;
            for (file, fetched) in self.files.iter().zip(fetched) {
                let Some(answered) = answers.get_mut(file.position) else { continue };
                match (&mut answered.answer, fetched) {
                    (Ok(Answer::Captured(capture)), Ok(())) => capture.pcap = Some(file.wanted.clone()),
                    (Ok(_), Err(why)) => {
                        answered.answer = Err(format!("the capture file cannot be copied out of {}: {why}", file.node));
                    }
                    // A capture that failed wrote no file; its own error is the one to keep.
                    (Err(_), _) | (Ok(_), Ok(())) => {}
                }
            }
            self.tidy().await;
        })
    }
}

impl Pcaps {
    async fn copy_file(&self, file: &Fetched) -> Result<(), String> {
        let there = file.there.to_string_lossy();
        let bytes = self.engine.read_file(&file.container, &there).await.map_err(|error| chain(&error))?;
        std::fs::write(&file.wanted, bytes).map_err(|error| format!("{}: {error}", file.wanted.display()))
    }

    /// Removes the files in the nodes. One that cannot be removed stays until its node is removed.
    async fn tidy(&self) {
        let containers: BTreeSet<&String> = self.files.iter().map(|file| &file.container).collect();
        let removals = containers.into_iter().map(|container| {
            let files = self.files.iter().filter(move |file| &file.container == container);
            let argv = ["rm", "-f"].map(str::to_owned).into_iter();
            let argv = argv.chain(files.map(|file| file.there.to_string_lossy().into_owned()));
            self.engine.exec(container, argv, Vec::new(), ASK_DEADLINE)
        });
        let _left_there = join_all(removals).await;
    }
}
