//! A session's stages: built on demand, in order, once each. A stage that failed is not tried again.

use async_recursion::async_recursion as boxed;
use std::pin::pin;
use std::time::Duration;

use super::options::{Event, LabSource, Stopped};
use super::session::Session;
use crate::cases;
use crate::lab::Lab;
use lab_backend::LabError;
use lab_backend::state::StateError;
use lab_base::clock;
use lab_base::failure::chain;
use lab_base::interrupt::Interrupt;
use lab_base::redact::redact;
use lab_doctor as doctor;
use lab_kind::KindLab;
use lab_model::BackendKind;
use lab_model::report::{StageOutcome, StageReport};
use lab_model::stage::Stage;
use lab_netns::NetnsLab;

/// How often progress is reported while waiting.
const TICK: Duration = Duration::from_millis(200);

impl Session {
    /// Builds the missing stages up to this one. After a stage that failed, no further stage is built.
    ///
    /// # Errors
    /// When a signal came, or another lab took the name meanwhile.
    #[boxed(?Send)]
    pub async fn reach(
        &mut self,
        stage: Stage,
        interrupt: &mut Interrupt,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Stopped> {
        for step in Stage::ALL.into_iter().filter(|step| *step <= stage) {
            if self.failed.is_some() {
                break;
            }
            if self.reached.contains(&step) {
                continue;
            }
            tell(Event::Working(step.title()));
            let begun = clock::now();
            // Starting a lab is short and is not interrupted, so that it is never left half done.
            let started = if step == Stage::ClusterCreated { self.start().await } else { Ok(()) };
            let outcome = if let Err(error) = started {
                match error {
                    // Another lab has the name, and nothing was made: the same error as if that had been found earlier.
                    LabError::State(taken @ StateError::Taken { .. }) => return Err(Stopped::Taken(taken)),
                    other => Err(chain(&other)),
                }
            } else {
                let doing = self.doing.clone();
                let mut build = pin!(self.build(step, stage));
                loop {
                    tokio::select! {
                        biased;
                        () = interrupt.came() => return Err(Stopped::Interrupted),
                        outcome = clock::within(TICK, step.title(), &mut build) => match outcome {
                            Ok(outcome) => break outcome,
                            Err(_still_at_it) => tell(Event::Waiting {
                                stage: step,
                                doing: &doing.text(),
                                elapsed: begun.elapsed(),
                            }),
                        },
                    }
                }
            };
            // A terminal's signal goes to the whole process group, so it may also have ended a process that was just
            // started. Then the failure is the interruption.
            if outcome.is_err() && interrupt.has_come().await {
                return Err(Stopped::Interrupted);
            }
            let seconds = begun.elapsed();
            let (outcome, summary) = match outcome {
                Ok(None) => {
                    self.reached.push(step);
                    continue;
                }
                Ok(Some(summary)) => {
                    self.reached.push(step);
                    (StageOutcome::Done, summary)
                }
                Err(cause) => {
                    let cause = redact(&cause);
                    self.failed = Some((step, cause.clone()));
                    (StageOutcome::Failed, cause)
                }
            };
            let report = StageReport { name: step, outcome, seconds, summary };
            tell(Event::Stage(&report));
            self.report.stages.push(report);
        }
        Ok(())
    }

    /// The stage `doctor`: checks this machine, or attaches to a lab that is up. It has no summary; a refusal is an error.
    async fn examine(&mut self) -> Result<Option<String>, String> {
        if let LabSource::Found(name) = self.options.source.clone() {
            let lab = Lab::attach(&self.options.program, &name, &self.doing).await.map_err(|error| chain(&error))?;
            self.reached.extend(lab.built().map_err(|error| chain(&error))?);
            self.lab = Some(lab);
            return Ok(None);
        }
        if let LabSource::Foreign(name) = &self.options.source {
            let lab = self.lab.as_ref().ok_or_else(|| format!("there is no cluster {name}"))?;
            self.reached.extend(lab.built().map_err(|error| chain(&error))?);
            return Ok(None);
        }
        let rows = crate::examine(&self.options.program, &self.setup, &self.options.runs_dir).await;
        if let Some(refusals) = doctor::refusals(&rows) {
            return Err(refusals);
        }
        self.report.head.notes.extend(doctor::warnings(&rows));
        if self.setup.backend == BackendKind::Kind {
            // A kind lab is connected to the Engine before anything of it exists.
            let name = self.lab_name();
            let lab = KindLab::planned(&self.options.program, &name, self.setup.kind_spec(), &self.doing).await;
            self.lab = Some(Lab::Kind(Box::new(lab.map_err(|error| chain(&error))?)));
        }
        Ok(None)
    }

    fn lab_name(&self) -> String {
        self.report.head.lab.clone()
    }

    /// Starts the lab, still empty: on netns its namespaces, on kind the claim of its name.
    async fn start(&mut self) -> Result<(), LabError> {
        let LabSource::Made { lifetime, .. } = self.options.source.clone() else { return Ok(()) };
        if let Some(Lab::Kind(lab)) = &self.lab {
            lab.claim().await?;
            return Ok(self.setup.remember(&self.lab_name())?);
        }
        let name = self.lab_name();
        let lab = NetnsLab::start(&self.options.program, &name, self.setup.spec.clone(), lifetime).await;
        self.lab = Some(Lab::Netns(Box::new(lab?)));
        Ok(self.setup.remember(&name)?)
    }

    async fn build(&mut self, stage: Stage, goal: Stage) -> Result<Option<String>, String> {
        if stage == Stage::Doctor {
            return self.examine().await;
        }
        let Some(lab) = &self.lab else { return Err("there is no lab".to_owned()) };
        match stage {
            Stage::TrafficObserved if lab.foreign().is_err() => self.observe_traffic().await.map(Some),
            stage => lab.raise(stage, goal).await.map(Some).map_err(|error| match error {
                LabError::Stage { why, .. } => why,
                other => chain(&other),
            }),
        }
    }

    async fn observe_traffic(&self) -> Result<String, String> {
        let Some(lab) = &self.lab else { return Err("there is no lab".to_owned()) };
        let unloaded = match lab.cluster() {
            Ok(kind) => Box::pin(kind.until_datapath_loaded()).await,
            Err(_netns) => None,
        };
        let seen = cases::observe_traffic(lab, &self.setup.expect).await?;
        let frames: usize = seen.traffic.captures.iter().map(|capture| capture.frames.len()).sum();
        let unloaded =
            unloaded.map(|why| format!("; sent although the agents were not ready: {why}")).unwrap_or_default();
        let summary = format!(
            "{} requests between pods, {} to the outside; {frames} frames on {} links{unloaded}",
            seen.traffic.between_pods.len(),
            seen.traffic.outside.len(),
            seen.traffic.captures.len()
        );
        lab.keep_traffic(seen);
        Ok(summary)
    }
}
