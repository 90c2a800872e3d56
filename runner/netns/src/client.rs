//! The runner's end of the control socket of a lab's holder.

use std::fs::File;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::announce::Announcing;
use super::control::{Built, Description, Order, Reply};
use lab_backend::LabError;
use lab_backend::state::socket_within;
use lab_base::clock;
use lab_model::observe::{NodeName, Place};
use lab_model::stage::Stage;

/// The deadline for one order. The longest, building a topology of a hundred nodes, takes seconds on a slow machine.
const ORDER_DEADLINE: Duration = Duration::from_mins(1);

/// A connection to the process that holds a lab.
#[derive(Debug)]
pub(super) struct Client {
    lab: String,
    pid: i32,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects through the state folder. The kernel's error "refused" or "not found" means that no holder listens.
    pub(super) async fn connect(lab: &str, folder: &Path) -> std::io::Result<Self> {
        let folder = File::open(folder)?;
        let stream = UnixStream::connect(socket_within(&folder)).await?;
        let pid = stream.peer_cred()?.pid().unwrap_or_default();
        Ok(Self { lab: lab.to_owned(), pid, stream: BufReader::new(stream) })
    }

    /// The holder's process id, as this process's PID namespace numbers it; 0 where that does not see it.
    pub(super) const fn pid(&self) -> i32 {
        self.pid
    }

    async fn send(&mut self, order: &Order) -> Result<Reply, LabError> {
        let gone = |why: Option<String>| LabError::HolderGone { name: self.lab.clone(), pid: self.pid, why };
        let mut text = serde_json::to_vec(order).map_err(|error| gone(Some(error.to_string())))?;
        text.push(b'\n');
        let mut line = String::new();
        let dialogue = async {
            self.stream.get_mut().write_all(&text).await?;
            self.stream.read_line(&mut line).await
        };
        match clock::within(ORDER_DEADLINE, "an answer", dialogue).await {
            Err(_passed) => {
                Err(LabError::Silent { name: self.lab.clone(), order: describe(order), deadline: ORDER_DEADLINE })
            }
            Ok(Err(error)) => Err(gone(Some(error.to_string()))),
            Ok(Ok(0)) => Err(gone(None)),
            Ok(Ok(_)) => serde_json::from_str(&line).map_err(|error| self.refused(order, error.to_string())),
        }
    }

    fn refused(&self, order: &Order, why: String) -> LabError {
        LabError::Refused { name: self.lab.clone(), order: describe(order), why }
    }

    fn unexpected(&self, order: &Order, reply: Reply) -> LabError {
        let why = match reply {
            Reply::Failed(why) => why,
            Reply::Built(_) | Reply::Description(_) | Reply::Done => "its answer does not fit the order".to_owned(),
        };
        self.refused(order, why)
    }

    pub(super) async fn build(&mut self, stage: Stage) -> Result<Built, LabError> {
        match self.send(&Order::Build(stage)).await? {
            Reply::Built(built) => Ok(built),
            Reply::Failed(why) => Err(LabError::Stage { stage, why }),
            other => Err(self.unexpected(&Order::Build(stage), other)),
        }
    }

    pub(super) async fn describe(&mut self) -> Result<Description, LabError> {
        match self.send(&Order::Describe).await? {
            Reply::Description(description) => Ok(*description),
            other => Err(self.unexpected(&Order::Describe, other)),
        }
    }

    pub(super) async fn stop_node(&mut self, node: &NodeName) -> Result<(), LabError> {
        self.send_expecting_done(Order::StopNode(node.clone())).await
    }

    pub(super) async fn start_node(&mut self, node: &NodeName) -> Result<(), LabError> {
        self.send_expecting_done(Order::StartNode(node.clone())).await
    }

    pub(super) async fn announce(&mut self, node: &NodeName, how: Announcing) -> Result<(), LabError> {
        self.send_expecting_done(Order::Announce { node: node.clone(), how }).await
    }

    pub(super) async fn silence(&mut self, router: &Place) -> Result<(), LabError> {
        self.send_expecting_done(Order::Silence(router.clone())).await
    }

    pub(super) async fn wake(&mut self, router: &Place) -> Result<(), LabError> {
        self.send_expecting_done(Order::Wake(router.clone())).await
    }

    async fn send_expecting_done(&mut self, order: Order) -> Result<(), LabError> {
        match self.send(&order).await? {
            Reply::Done => Ok(()),
            other => Err(self.unexpected(&order, other)),
        }
    }

    pub(super) async fn shut_down(&mut self) -> Result<(), LabError> {
        self.send_expecting_done(Order::Shutdown).await
    }
}

fn describe(order: &Order) -> String {
    match order {
        Order::Build(stage) => format!("build {stage}"),
        Order::Describe => "describe itself".to_owned(),
        Order::StopNode(node) => format!("stop {node}"),
        Order::StartNode(node) => format!("start {node}"),
        Order::Announce { node, how } => format!("make the speaker of {node} {how}"),
        Order::Silence(router) => format!("silence {router}"),
        Order::Wake(router) => format!("wake {router}"),
        Order::Shutdown => "shut down".to_owned(),
    }
}
