//! Distributes the images to the nodes in the background: this begins before kind is started, and is waited for before
//! Helm runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

use super::lab::KindLab;
use super::ownership::members;
use super::stages::failed;
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_engine::Engine;
use lab_images::kit::Kit;
use lab_images::{CILIUM, HELLO_APP, NODE, OPERATOR, Origin, Parcel, Wanted};
use lab_manifest::{Digest, HELLO_APP_VARIABLE, overrides};
use lab_model::observe::{ImageSource, NodeName};
use lab_model::stage::Stage;

/// The deadline for pulling one image.
pub(super) const PULL_DEADLINE: Duration = Duration::from_mins(15);
/// How long kind may take to start its containers.
const CONTAINERS_DEADLINE: Duration = Duration::from_mins(5);
/// The time between two checks of the containers.
const INTERVAL: Duration = Duration::from_millis(200);

/// The result of distributing all images.
#[derive(Debug)]
pub(super) struct Distributed {
    /// The images, with where each came from.
    pub(super) sources: Vec<ImageSource>,
    /// How many of them a node did not have yet.
    pub(super) moved: usize,
    /// The time from when all nodes ran until the last image was delivered.
    pub(super) took: Duration,
}

/// The result of a distribution, or why an image is not on its nodes.
type Outcome = Result<Distributed, String>;

/// A distribution in progress. It has a thread and a connection to the Engine of its own, so it continues while the lab's
/// thread waits for kind.
#[derive(Debug)]
pub(super) struct Distribution {
    thread: JoinHandle<()>,
    outcome: oneshot::Receiver<Outcome>,
    /// Dropping this ends the work.
    go_on: oneshot::Sender<()>,
    doing: Doing,
}

impl Distribution {
    /// Ends the work and waits for its thread.
    pub(super) fn abort(self) {
        drop(self.go_on);
        // A thread that panicked has ended too.
        let _ended = self.thread.join();
    }
}

/// Which images to deliver, and to which nodes.
#[derive(Debug)]
pub(super) struct Orders {
    cluster: String,
    nodes: Vec<NodeName>,
    /// Each image, and whether `--image` replaces the pinned one.
    wanted: Vec<(Wanted, bool)>,
    /// The images that nodes have already: the digest of each one's configuration.
    baked: BTreeMap<String, String>,
    kit: Option<Kit>,
    doing: Doing,
}

impl KindLab {
    /// The kit given with `--kit`, if any. It is opened, and so read as a whole, once.
    pub(super) fn kit(&self) -> Result<Option<Kit>, LabError> {
        if let (None, Some(path)) = (self.kit.get(), &self.spec.kit) {
            let opened = Kit::open(path).map_err(|error| failed(Stage::ClusterCreated, chain(&error)))?;
            let _first = self.kit.set(opened);
        }
        Ok(self.kit.get().cloned())
    }

    /// An image: the one that the command line gives, else the pinned one.
    pub(super) fn wanted(&self, name: &str) -> Result<Wanted, LabError> {
        let pins = &self.spec.manifests.pins.images;
        let all = Wanted::all(pins).map_err(|error| failed(Stage::ClusterCreated, chain(&error)))?;
        let pinned = all.into_iter().find(|wanted| wanted.name == name);
        let pinned = pinned.ok_or_else(|| failed(Stage::ClusterCreated, format!("pins.json has no image {name}")))?;
        let Some(given) = self.given(name) else {
            let archive = if name == HELLO_APP { std::env::var_os(HELLO_APP_VARIABLE) } else { None };
            return Ok(pinned.or_archive(archive.map(PathBuf::from)));
        };
        let given: overrides::Reference =
            given.parse().map_err(|error: overrides::Unusable| failed(Stage::ClusterCreated, error.to_string()))?;
        pinned.replaced(&given).map_err(|error| failed(Stage::ClusterCreated, chain(&error)))
    }

    /// The image that the command line gives in place of the pinned one.
    fn given(&self, name: &str) -> Option<&str> {
        let given = if name == NODE { self.spec.node_image.as_ref() } else { self.spec.images.get(name) };
        given.map(String::as_str)
    }

    /// Orders for these images.
    pub(super) fn orders(&self, names: &[&str]) -> Result<Orders, LabError> {
        let wanted = names.iter().map(|name| Ok((self.wanted(name)?, self.given(name).is_some())));
        let baked = self.images()?.into_iter().find_map(|image| image.baked);
        Ok(Orders {
            cluster: self.spec.cluster.clone(),
            nodes: self.nodes().iter().map(|(name, _)| name.clone()).collect(),
            wanted: wanted.collect::<Result<Vec<_>, LabError>>()?,
            baked: baked.map(|baked| baked.images).unwrap_or_default(),
            kit: self.kit()?,
            doing: self.doing.clone(),
        })
    }

    /// Starts the distribution.
    pub(super) fn begin_distribution(&self) -> Result<(), LabError> {
        let doing = Doing::default();
        let orders = Orders { doing: doing.clone(), ..self.orders(&[CILIUM, OPERATOR, HELLO_APP])? };
        let engine = self.engine.clone();
        let (say, outcome) = oneshot::channel();
        let (go_on, stopped) = oneshot::channel::<()>();
        let work = move || {
            let runtime = lab_base::runtime().map_err(|error| error.to_string());
            let outcome = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        _dropped = stopped => Err("it was stopped".to_owned()),
                        outcome = orders.carry_out(&engine) => outcome,
                    }
                })
            });
            // Sending fails if the lab was dropped and nobody waits for the outcome.
            let _nobody = say.send(outcome);
        };
        let thread = thread::Builder::new().name("images".to_owned()).spawn(work);
        let thread =
            thread.map_err(|error| failed(Stage::ClusterCreated, format!("a thread for the images: {error}")))?;
        *self.distribution.borrow_mut() = Some(Distribution { thread, outcome, go_on, doing });
        Ok(())
    }

    /// Waits until all images are on all nodes.
    pub(super) async fn end_distribution(&self) -> Result<Distributed, LabError> {
        let Some(mut distribution) = self.distribution.take() else {
            // This command attached to a lab whose cluster exists but in which Cilium is not installed.
            self.begin_distribution()?;
            return Box::pin(self.end_distribution()).await;
        };
        let outcome = loop {
            let waited = clock::within(INTERVAL, "the images", &mut distribution.outcome).await;
            match waited {
                Ok(outcome) => break outcome,
                Err(_on_their_way) => self.doing.now(distribution.doing.text()),
            }
        };
        let outcome =
            outcome.unwrap_or_else(|_gone| Err("the thread that delivered them ended unexpectedly".to_owned()));
        distribution.abort();
        outcome.map_err(|why| failed(Stage::RoutingInstalled, format!("the images: {why}")))
    }
}

impl Orders {
    async fn carry_out(self, engine: &Engine) -> Outcome {
        let engine = engine.again().await.map_err(|error| chain(&error))?;
        // Agents and operators may run on every node, hello-app on workers only. All nodes get all images, as with `kind load`.
        let parcels = self.parcels(&engine).await?;
        let parcel = |(wanted, origin)| Parcel { wanted, origin, nodes: self.nodes.clone() };
        let parcels = parcels.into_iter().map(parcel).collect();
        self.until_nodes_run(&engine).await?;
        let begun = clock::now();
        let say = |seen: String| self.doing.now(seen);
        let delivered = lab_images::distribute(&engine, parcels, false, &say).await.map_err(|error| chain(&error))?;
        let moved = delivered.iter().filter(|delivered| !delivered.moved.is_empty()).count();
        let sources = delivered.into_iter().map(|delivered| delivered.source).collect();
        Ok(Distributed { sources, moved, took: begun.elapsed() })
    }

    /// Each image, and where its archive comes from. The Engine has afterwards what does not come out of a kit.
    pub(super) async fn parcels(&self, engine: &Engine) -> Result<Vec<(Wanted, Origin)>, String> {
        let say = |seen: String| self.doing.now(seen);
        let taken = self.wanted.iter().map(async |(wanted, overridden)| match &self.kit {
            Some(kit) if kit.index().image(&wanted.name).is_some() && !overridden => {
                let out_of_kit = kit.wanted(&wanted.name).and_then(|own| Ok((own, kit.origin(&wanted.name)?)));
                out_of_kit.map_err(|error| chain(&error))
            }
            _ => {
                let held = lab_images::take(engine, wanted, PULL_DEADLINE, &say).await;
                let mut held = held.map_err(|error| chain(&error))?;
                // Not every Engine tells it, and reading it from the archive takes time.
                let known = self.baked.get(&wanted.name).and_then(|config| Digest::try_from(config.clone()).ok());
                held.config = held.config.or(known);
                Ok((wanted.clone(), Origin::Engine(held)))
            }
        });
        futures_util::future::try_join_all(taken).await
    }

    async fn until_nodes_run(&self, engine: &Engine) -> Result<(), String> {
        let what = format!("{} running node containers", self.nodes.len());
        let running = clock::until(CONTAINERS_DEADLINE, INTERVAL, &what, async || {
            match members(engine, Some(&self.cluster)).await {
                Ok(all) => {
                    let count = all.iter().filter(|member| member.running).count();
                    if count == self.nodes.len() { Poll::Ready(()) } else { Poll::NotYet(format!("{count} run")) }
                }
                Err(error) => Poll::NotYet(chain(&error)),
            }
        });
        running.await.map_err(|error| error.to_string())
    }
}
