//! A session's stages: built on demand, once, in order; one that failed stays failed.

use super::options::{Event, LabSource, Stopped};
use super::session::Session;
use crate::backend::netns::NetnsLab;
use crate::backend::{Lab, LabError};
use crate::cases;
use crate::clock;
use crate::doctor;
use crate::failure::chain;
use crate::interrupt::Interrupt;
use crate::report::{StageOutcome, StageReport};
use crate::stage::Stage;

impl Session {
    /// Builds what is missing up to a stage. A stage that failed stays failed, and so do those after it.
    ///
    /// # Errors
    /// When a signal came.
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
            // Starting a lab is short, and must not be left half done.
            let started = if step == Stage::ClusterCreated { self.start().await } else { Ok(()) };
            let outcome = if let Err(cause) = started {
                Err(cause)
            } else {
                tokio::select! {
                    biased;
                    () = interrupt.came() => return Err(Stopped::Interrupted),
                    outcome = self.build(step) => outcome,
                }
            };
            // A terminal's signal is for a whole group of processes: one that was just being started may be gone by it.
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

    /// What this machine lacks. No line for a reader when all is well. A lab that is up needs no doctor.
    async fn examine(&mut self) -> Result<Option<String>, String> {
        if let LabSource::Found(name) = self.options.source.clone() {
            let lab = NetnsLab::attach(&self.options.program, &name).await.map_err(|error| chain(&error))?;
            self.reached.extend(lab.built());
            if lab.base().map_err(|error| chain(&error))?.is_some() {
                self.reached.push(Stage::BaseObserved);
            }
            self.lab = Some(Lab::Netns(lab));
            return Ok(None);
        }
        let rows = doctor::netns(&self.options.program, &self.setup.spec, &self.options.runs_dir).await;
        if let Some(refusals) = doctor::refusals(&rows) {
            return Err(refusals);
        }
        self.report.head.notes.extend(doctor::warnings(&rows));
        Ok(None)
    }

    /// The lab's own namespaces, empty.
    async fn start(&mut self) -> Result<(), String> {
        let LabSource::Made { name, lifetime } = self.options.source.clone() else { return Ok(()) };
        let name = name.unwrap_or_else(|| self.report.head.id.clone());
        let lab = NetnsLab::start(&self.options.program, &name, self.setup.spec.clone(), lifetime).await;
        self.lab = Some(Lab::Netns(lab.map_err(|error| chain(&error))?));
        self.setup.remember(&name).map_err(|error| chain(&error))
    }

    async fn build(&mut self, stage: Stage) -> Result<Option<String>, String> {
        if stage == Stage::Doctor {
            return self.examine().await;
        }
        let Some(Lab::Netns(lab)) = &self.lab else { return Err("there is no lab".to_owned()) };
        match stage {
            Stage::TrafficObserved => self.observe_traffic().await.map(Some),
            stage => lab.raise(stage).await.map(Some).map_err(|error| match error {
                LabError::Stage { why, .. } => why,
                other => chain(&other),
            }),
        }
    }

    async fn observe_traffic(&self) -> Result<String, String> {
        let Some(lab) = &self.lab else { return Err("there is no lab".to_owned()) };
        let seen = cases::observe_traffic(lab, &self.setup.expect).await?;
        let frames: usize = seen.traffic.captures.iter().map(|capture| capture.frames.len()).sum();
        let summary = format!(
            "{} requests between pods, {} to the outside; {frames} frames on {} links",
            seen.traffic.between_pods.len(),
            seen.traffic.outside.len(),
            seen.traffic.captures.len()
        );
        let Lab::Netns(netns) = lab;
        netns.keep_traffic(seen);
        Ok(summary)
    }
}
