//! The end of a session: what was made is taken away, and the reports are written.

use async_recursion::async_recursion as boxed;

use super::Session;
use crate::lab::Lab;
use crate::options::LabSource;
use lab_base::failure::{Failure, complain};
use lab_base::redact::redacted;
use lab_kind::{KindLab, artefacts};
use lab_model::report::{CaseOutcome, CaseReport, Report};
use lab_report as report;
use lab_report::beside;

impl Session {
    /// A text that says what [`Session::end`] will wait for; none if it takes no time.
    pub fn ending(&self, keep: bool) -> Option<&'static str> {
        if let Some(Lab::Foreign(cluster)) = &self.lab {
            return cluster.has_made().then_some("taking away what the probe made");
        }
        let made = matches!(self.options.source, LabSource::Made { .. });
        let Some(Lab::Kind(lab)) = self.lab.as_ref().filter(|_| made) else { return None };
        // Without a state folder, nothing of the lab was made.
        lab.state().ok()?;
        match (self.report.interrupted, self.keeps_artefacts(lab), keep) {
            (true, _, _) => Some("interrupted; taking the lab down"),
            (false, true, true) => Some("keeping logs of nodes and Cilium"),
            (false, true, false) => Some("keeping logs of nodes and Cilium, then taking the lab down"),
            (false, false, false) => Some("taking the lab down"),
            (false, false, true) => None,
        }
    }

    /// Whether artefacts are kept: something failed, the user has not interrupted the run, and the lab was made.
    fn keeps_artefacts(&self, lab: &KindLab) -> bool {
        let unhappy = |case: &CaseReport| {
            !matches!(case.outcome, CaseOutcome::Held { .. } | CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology)
        };
        let failed = self.failed.is_some() || self.report.cases.iter().any(unhappy);
        failed && !self.report.interrupted && lab.state().is_ok()
    }

    /// Keeps artefacts of a lab on kind in which something failed. Returns a note for the user.
    async fn keep_artefacts(&self, lab: &KindLab) -> Option<String> {
        if !self.keeps_artefacts(lab) {
            return None;
        }
        Some(match artefacts::gather(lab, self.folder.path()).await {
            Ok(kept) => format!(
                "{} files about nodes and Cilium are kept in the run's folder {}",
                kept.len(),
                artefacts::FOLDER
            ),
            Err(error) => format!("logs of nodes and Cilium could not be kept in {}: {error}", artefacts::FOLDER),
        })
    }

    /// Ends the session: takes the lab down unless it is to stay, writes the reports, gives the folder its name. If the
    /// reports cannot be written, the lab is taken down in any case, since the user would not learn that it stays.
    ///
    /// # Errors
    /// Exit code 3 when the reports cannot be written, 5 when the lab cannot be taken down.
    #[boxed(?Send)]
    pub async fn end(mut self, keep: bool) -> Result<Report, Failure> {
        // Of a foreign cluster only what is this program's own is taken away, and that always.
        let own = match &self.lab {
            Some(Lab::Foreign(cluster)) => cluster.down().await,
            _ => Ok(Vec::new()),
        };
        let left = match own {
            Ok(notes) => {
                self.report.ending.extend(notes);
                Ok(())
            }
            Err(left) => {
                self.report.ending.push(left.to_string());
                Err(left)
            }
        };
        let made = self.lab.take().filter(|_| matches!(self.options.source, LabSource::Made { .. }));
        if let Some(Lab::Kind(lab)) = &made {
            let kept = Box::pin(self.keep_artefacts(lab)).await;
            self.report.ending.extend(kept);
            self.report.ending.extend(lab.unsealed().ok().flatten());
        }
        let (staying, going) = if keep { (made, None) } else { (None, made) };
        let down = match going {
            Some(lab) => lab.down().await.map(|notes| self.report.ending.extend(notes)),
            None => Ok(()),
        };
        self.report.seconds = self.begun.elapsed();
        // Cases and stages have no secrets any more; what is left are notes.
        if let Ok(report) = redacted(&self.report) {
            self.report = report;
        }
        let written = report::write_files(&self.folder, &self.report)
            .map_err(|error| Failure::input(&error))
            .and_then(|()| beside::write(&self.folder).map_err(|error| Failure::input(&error)))
            .and_then(|()| self.folder.finish().map_err(|error| Failure::input(&error)));
        let kept = match (staying, &written) {
            (Some(lab), Ok(_)) => lab.stay(),
            (Some(lab), Err(_)) => lab.down().await.map(drop),
            (None, _) => Ok(()),
        };
        if let (Err(left), Err(_)) = (&left, &written) {
            // It must not go untold for a report that cannot be written.
            complain(left);
        }
        written?;
        left.and(down).and(kept)?;
        Ok(self.report)
    }
}
