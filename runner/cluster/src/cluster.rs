//! A foreign cluster as the cases use it.

mod read;
mod seen;
mod sent;

use async_recursion::async_recursion as boxed;
use std::cell::OnceCell;
use std::path::Path;

use self::read::Read;
use self::sent::Sent;
use super::probe::Probe;
use super::raw::Raw;
use super::reading::Needs;
use super::survey::Survey;
use super::sysdump::Sysdump;
use lab_backend::{Doing, LabError};
use lab_base::failure::Failure;
use lab_kube::access::{Access, Reached};
use lab_kube::api::Api;
use lab_model::observe::{NodeName, Role};
use lab_model::said::Said;
use lab_model::stage::Stage;

/// The agents' `DaemonSet` (charts 1.12 to 1.15).
pub(super) const AGENTS: &str = "cilium";

/// A cluster that is there already. It is read, and nothing of it is changed; what the probe tier makes is its own.
#[derive(Debug)]
pub struct ForeignCluster {
    from: From,
    survey: Survey,
    roles: Vec<(NodeName, Role)>,
    needs: Needs,
    doing: Doing,
    read: OnceCell<Read>,
    raw: Raw,
    probe: Option<Probe>,
    sent: OnceCell<Sent>,
}

/// What it is read from.
#[derive(Debug)]
enum From {
    /// Its API server, and its agents.
    Api(Box<Api>),
    /// What was collected of it.
    Sysdump(Box<Sysdump>),
}

impl ForeignCluster {
    /// Finds the cluster that is meant, and asks its API server what there is. No command is run.
    ///
    /// # Errors
    /// As [`Access::connect`] and [`Survey::take`].
    #[boxed(?Send)]
    pub async fn find(access: &Access, namespace: Option<&str>) -> Result<Self, Failure> {
        let reached = access.connect().await?;
        let survey = Box::pin(Survey::take(&reached, namespace)).await?;
        Ok(Self::of(&reached, survey))
    }

    /// A cluster of which this was told.
    pub fn of(reached: &Reached, survey: Survey) -> Self {
        Self::from(From::Api(Box::new(reached.api.clone())), survey)
    }

    /// A cluster of which there is a sysdump. Nobody is asked.
    ///
    /// # Errors
    /// As [`Sysdump::open`].
    pub fn dumped(file: &Path, namespace: Option<&str>) -> Result<Self, Failure> {
        let (sysdump, survey) = Sysdump::open(file, namespace)?;
        Ok(Self::from(From::Sysdump(Box::new(sysdump)), survey))
    }

    fn from(from: From, survey: Survey) -> Self {
        Self {
            from,
            roles: survey.roles(),
            survey,
            needs: Needs::default(),
            doing: Doing::default(),
            read: OnceCell::new(),
            raw: Raw::default(),
            probe: None,
            sent: OnceCell::new(),
        }
    }

    /// From now on it may be looked at by what is sent there, too.
    pub fn probe_by(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// Its API server.
    ///
    /// # Errors
    /// When it is read from a sysdump.
    pub fn api(&self) -> Result<&Api, LabError> {
        match &self.from {
            From::Api(api) => Ok(api),
            From::Sysdump(_) => Err(LabError::Unasked("nobody is asked where a sysdump is read".to_owned())),
        }
    }

    /// What is to be read of it, and where it is told what is being done.
    pub fn to_read(&mut self, needs: Needs, doing: Doing) {
        (self.needs, self.doing) = (needs, doing);
    }

    /// The sysdump that it is read from; none where the cluster itself is asked.
    pub fn sysdump(&self) -> Option<&Sysdump> {
        match &self.from {
            From::Api(_) => None,
            From::Sysdump(sysdump) => Some(sysdump),
        }
    }

    /// What the API server told.
    pub const fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        &self.roles
    }

    /// What is being done at the moment.
    pub const fn doing(&self) -> &Doing {
        &self.doing
    }

    /// The stages that need nothing here: what they build in a lab is there, or is not looked at.
    pub fn built(&self) -> Vec<Stage> {
        vec![Stage::ClusterCreated, Stage::BaseObserved, Stage::NodesReady]
    }

    /// Reaches a stage: reads all nodes, makes what the probe tier needs, sends. A summary of it.
    ///
    /// # Errors
    /// When nothing could be made. What a node does not answer is told by the cases that need it.
    #[boxed(?Send)]
    pub async fn raise(&self, stage: Stage) -> Result<String, LabError> {
        match stage {
            Stage::WorkloadReady => self.probing()?.raise(self.api()?, &self.survey, &self.doing).await,
            Stage::TrafficObserved => self.send().await,
            _ => Ok(self.raise_reading().await),
        }
    }

    fn probing(&self) -> Result<&Probe, LabError> {
        self.probe.as_ref().ok_or_else(|| LabError::Unasked("nothing is to be sent in this cluster".to_owned()))
    }

    /// Whether the probe tier may have made something.
    pub fn has_made(&self) -> bool {
        self.probe.as_ref().is_some_and(Probe::has_begun)
    }

    /// Takes away what the probe tier has made. A line for each thing.
    ///
    /// # Errors
    /// What is left, and how to take it away.
    #[boxed(?Send)]
    pub async fn down(&self) -> Result<Vec<String>, LabError> {
        match &self.probe {
            None => Ok(Vec::new()),
            Some(probe) => probe.take_down(self.api()?, &self.survey.context).await,
        }
    }

    /// Reads all nodes, at most once. A summary of it.
    async fn raise_reading(&self) -> String {
        let read = if let Some(read) = self.read.get() {
            read
        } else {
            let read = self.read_now().await;
            self.read.get_or_init(|| read)
        };
        let total = self.survey.nodes.len();
        let silent: Vec<&NodeName> =
            read.nodes.iter().filter(|(_name, node)| node.silent.is_some()).map(|(name, _node)| name).collect();
        let context = &self.survey.context;
        match silent.first() {
            None => format!("{total} of {total} agents of {context} answered"),
            Some(first) => format!(
                "{} of {total} agents of {context} answered; {first}{} did not",
                total - silent.len(),
                match silent.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                }
            ),
        }
    }

    fn read(&self) -> Result<&Read, String> {
        self.read.get().ok_or_else(|| "the nodes have not been read".to_owned())
    }

    /// What agents printed of these parts, as it was: for a reader, and within bounds. None of a sysdump, which has it.
    pub fn printed(&self, needs: Needs) -> Vec<Said> {
        self.raw.of(needs)
    }
}
