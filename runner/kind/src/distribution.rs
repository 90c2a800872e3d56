//! Distributes the images to the nodes in the background: this begins before kind is started, and is waited for before
//! Helm runs.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

use super::lab::{IMAGES_FILE, KindLab};
use super::ownership::members;
use super::stages::failed;
use lab_backend::{Doing, LabError};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_engine::Engine;
use lab_images::kit::Kit;
use lab_images::{CILIUM, HELLO_APP, NODE, OPERATOR, Origin, Parcel, Wanted};
use lab_manifest::{HELLO_APP_VARIABLE, overrides};
use lab_model::observe::{ImageSource, NodeName};
use lab_model::stage::Stage;

/// The deadline for pulling one image.
const PULL_DEADLINE: Duration = Duration::from_mins(15);
/// How long kind may take to start its containers.
const CONTAINERS_DEADLINE: Duration = Duration::from_mins(5);
/// The time between two checks of the containers.
const INTERVAL: Duration = Duration::from_millis(200);

/// The result of distributing all images.
#[derive(Debug)]
pub(super) struct Distributed {
    /// The images, with where each came from.
    pub(super) sources: Vec<ImageSource>,
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
struct Orders {
    engine: Engine,
    cluster: String,
    nodes: Vec<NodeName>,
    /// Each image, and whether `--image` replaces the pinned one.
    wanted: Vec<(Wanted, bool)>,
    kit: Option<PathBuf>,
    doing: Doing,
}

impl KindLab {
    /// The kit given with `--kit`, if any.
    pub(super) fn kit(&self) -> Result<Option<Kit>, LabError> {
        let opened = self.spec.kit.as_deref().map(Kit::open).transpose();
        opened.map_err(|error| failed(Stage::ClusterCreated, chain(&error)))
    }

    /// Makes sure that the Engine has the node image, and records it. Returns the name to give to kind.
    pub(super) async fn node_image(&self) -> Result<String, LabError> {
        let stage = Stage::ClusterCreated;
        let say = self.say();
        if self.spec.node_image.is_none()
            && let Some(kit) = self.kit()?
        {
            let loaded = kit.load_node(&self.engine, &say).await.map_err(|error| failed(stage, chain(&error)))?;
            let reference = loaded.source.reference.clone();
            self.state()?.write_json(IMAGES_FILE, &[loaded.source])?;
            return Ok(reference);
        }
        let wanted = self.wanted(NODE, self.spec.node_image.as_deref())?;
        let held = lab_images::take(&self.engine, &wanted, PULL_DEADLINE, &say).await;
        let held = held.map_err(|error| failed(stage, chain(&error)))?;
        let config = match &held.config {
            Some(config) => config.clone(),
            None => lab_images::config_digest(&self.engine, &wanted, &held)
                .await
                .map_err(|error| failed(stage, chain(&error)))?,
        };
        let source = ImageSource {
            name: NODE.to_owned(),
            reference: wanted.reference.familiar(),
            repo_digest: wanted.repo_digest().map(ToString::to_string),
            config_digest: config.to_string(),
            engine_id: Some(held.id.to_string()),
            from: wanted.from(&held),
        };
        self.state()?.write_json(IMAGES_FILE, &[source])?;
        Ok(wanted.shown())
    }

    fn wanted(&self, name: &str, local: Option<&str>) -> Result<Wanted, LabError> {
        let pins = &self.spec.manifests.pins.images;
        let all = Wanted::all(pins).map_err(|error| failed(Stage::ClusterCreated, chain(&error)))?;
        let pinned = all.into_iter().find(|wanted| wanted.name == name);
        let pinned = pinned.ok_or_else(|| failed(Stage::ClusterCreated, format!("pins.json has no image {name}")))?;
        let Some(given) = local else {
            let archive = if name == HELLO_APP { std::env::var_os(HELLO_APP_VARIABLE) } else { None };
            return Ok(pinned.or_archive(archive.map(PathBuf::from)));
        };
        let given: overrides::Reference =
            given.parse().map_err(|error: overrides::Unusable| failed(Stage::ClusterCreated, error.to_string()))?;
        pinned.replaced(&given).map_err(|error| failed(Stage::ClusterCreated, chain(&error)))
    }

    /// Starts the distribution.
    pub(super) fn begin_distribution(&self) -> Result<(), LabError> {
        let wanted = [CILIUM, OPERATOR, HELLO_APP]
            .into_iter()
            .map(|name| {
                let local = self.spec.images.get(name).map(String::as_str);
                Ok((self.wanted(name, local)?, local.is_some()))
            })
            .collect::<Result<Vec<_>, LabError>>()?;
        let doing = Doing::default();
        let orders = Orders {
            engine: self.engine.clone(),
            cluster: self.spec.cluster.clone(),
            nodes: self.nodes().iter().map(|(name, _)| name.clone()).collect(),
            wanted,
            kit: self.spec.kit.clone(),
            doing: doing.clone(),
        };
        let (say, outcome) = oneshot::channel();
        let (go_on, stopped) = oneshot::channel::<()>();
        let work = move || {
            let runtime = lab_base::runtime().map_err(|error| error.to_string());
            let outcome = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        _dropped = stopped => Err("it was stopped".to_owned()),
                        outcome = orders.carry_out() => outcome,
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
    async fn carry_out(self) -> Outcome {
        let engine = self.engine.again().await.map_err(|error| chain(&error))?;
        let kit = self.kit.as_deref().map(Kit::open).transpose().map_err(|error| chain(&error))?;
        let say = |seen: String| self.doing.now(seen);
        let mut parcels = Vec::new();
        for (wanted, overridden) in &self.wanted {
            // Agents and operators may run on every node, hello-app on workers only. All nodes get all images, as with
            // `kind load`.
            let nodes = self.nodes.clone();
            let parcel = match &kit {
                Some(kit) if kit.index().image(&wanted.name).is_some() && !overridden => Parcel {
                    wanted: kit.wanted(&wanted.name).map_err(|error| chain(&error))?,
                    origin: kit.origin(&wanted.name).map_err(|error| chain(&error))?,
                    nodes,
                },
                _ => {
                    let held =
                        lab_images::take(&engine, wanted, PULL_DEADLINE, &say).await.map_err(|error| chain(&error))?;
                    Parcel { wanted: wanted.clone(), origin: Origin::Engine(held), nodes }
                }
            };
            parcels.push(parcel);
        }
        self.until_nodes_run(&engine).await?;
        let begun = clock::now();
        let delivered = lab_images::distribute(&engine, parcels, false, &say).await.map_err(|error| chain(&error))?;
        let sources = delivered.into_iter().map(|delivered| delivered.source).collect();
        Ok(Distributed { sources, took: begun.elapsed() })
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
