//! Bringing the files that captures wrote in nodes to where they were asked for.

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

/// A file of a capture.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Of the ask among all.
    pub(super) position: usize,
    pub(super) node: NodeName,
    pub(super) container: String,
    /// Where the probe writes it.
    pub(super) there: PathBuf,
    /// Where it was asked for.
    pub(super) wanted: PathBuf,
}

/// The files of captures that run.
#[derive(Debug)]
pub(super) struct Pcaps {
    pub(super) engine: Engine,
    pub(super) files: Vec<Fetched>,
}

impl Fetch for Pcaps {
    fn fetch<'a>(&'a self, answers: &'a mut [Answered]) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async move {
            let fetched = join_all(self.files.iter().map(|file| self.one(file))).await;
            for (file, fetched) in self.files.iter().zip(fetched) {
                let Some(answered) = answers.get_mut(file.position) else { continue };
                match (&mut answered.answer, fetched) {
                    (Ok(Answer::Captured(capture)), Ok(())) => capture.pcap = Some(file.wanted.clone()),
                    (Ok(_), Err(why)) => {
                        answered.answer =
                            Err(format!("the file of a capture cannot be fetched out of {}: {why}", file.node));
                    }
                    // A capture that broke wrote no file, and its reason is worth more.
                    (Err(_), _) | (Ok(_), Ok(())) => {}
                }
            }
            self.tidy().await;
        })
    }
}

impl Pcaps {
    async fn one(&self, file: &Fetched) -> Result<(), String> {
        let there = file.there.to_string_lossy();
        let bytes = self.engine.read_file(&file.container, &there).await.map_err(|error| chain(&error))?;
        std::fs::write(&file.wanted, bytes).map_err(|error| format!("{}: {error}", file.wanted.display()))
    }

    /// Removes the files in the nodes. Where it cannot they stay, and go with the node.
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
