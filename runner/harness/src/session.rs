//! One invocation's work: stages built on demand, once, their failure remembered; cases looked at, evidence kept,
//! judged, reported.

use chrono::{DateTime, Utc};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::by_hand::by_hand;
use super::options::{Event, LabSource, SessionOptions, Stopped};
use super::setup::Setup;
use crate::case::{Case, On};
use crate::cases::article;
use crate::lab::Lab;
use lab_backend::Doing;
use lab_base::clock;
use lab_base::failure::Failure;
use lab_base::interrupt::Interrupt;
use lab_evidence::{CaseFolder, EvidenceError, RunFolder, Seen};
use lab_kind::{KindLab, artefacts};
use lab_model::observe::Place;
use lab_model::report::{CaseOutcome, CaseReport, Report, RunHead};
use lab_model::said::Said;
use lab_model::stage::Stage;
use lab_report as report;
use lab_report::beside;

/// One invocation's work.
#[derive(Debug)]
pub struct Session {
    pub(super) setup: Setup,
    pub(super) options: SessionOptions,
    pub(super) report: Report,
    folder: RunFolder,
    pub(super) lab: Option<Lab>,
    pub(super) reached: Vec<Stage>,
    pub(super) failed: Option<(Stage, String)>,
    pub(super) doing: Doing,
    begun: std::time::Instant,
}

/// The time now.
pub fn utc_now() -> DateTime<Utc> {
    let now = clock::unix_now();
    i64::try_from(now.as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, now.subsec_nanos()))
        .unwrap_or(DateTime::UNIX_EPOCH)
}

/// Four characters, to tell runs of one folder apart: not those of a run that is there.
pub fn new_id(runs_dir: &Path) -> String {
    const CHARACTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const ATTEMPTS: usize = 64;
    let mut ids = std::iter::repeat_with(|| {
        (0..4).map(|_| char::from(CHARACTERS[fastrand::usize(..CHARACTERS.len())])).collect::<String>()
    });
    let free = |id: &String| !runs_dir.join(id).exists() && !runs_dir.join(format!("{id}.partial")).exists();
    // A folder of a million runs is full; making the run's own folder says so then.
    let found = ids.by_ref().take(ATTEMPTS).find(free);
    found.or_else(|| ids.next()).unwrap_or_default()
}

impl Session {
    /// Begins: makes the run's folder. Nothing is built yet.
    ///
    /// # Errors
    /// Exit code 3 when the folder cannot be made.
    pub fn begin(setup: Setup, options: SessionOptions, cases: &[&Case]) -> Result<Self, Failure> {
        let id = new_id(&options.runs_dir);
        let lab = match &options.source {
            LabSource::Found(name) | LabSource::Made { name: Some(name), .. } => name.clone(),
            LabSource::Made { name: None, .. } => id.clone(),
        };
        let head = RunHead {
            id: id.clone(),
            lab: lab.clone(),
            backend: setup.backend,
            routing: setup.spec.routing,
            nodes: setup.spec.nodes.len(),
            replicas: setup.spec.replicas,
            deviations: setup.deviations.iter().map(ToString::to_string).collect(),
            overridden: cases.iter().filter(|case| !setup.deviations_of(case).is_empty()).count(),
            notes: setup.notes.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: lab_evidence::host_facts(),
            started: utc_now(),
            selected: cases.len(),
        };
        let run = setup.run_file(&id, &lab, &head.host, head.started);
        let folder = RunFolder::create(&options.runs_dir, &run).map_err(|error| Failure::input(&error))?;
        Ok(Self {
            setup,
            options,
            report: Report::new(head),
            folder,
            lab: None,
            reached: Vec::new(),
            failed: None,
            doing: Doing::default(),
            begun: clock::now(),
        })
    }

    /// The report as far as it goes.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Where the run's folder will be.
    pub fn final_folder(&self) -> PathBuf {
        self.folder.final_path().to_owned()
    }

    /// How a reader would run a command at a place of this lab.
    pub fn by_hand(&self, place: &Place, command: &str) -> String {
        by_hand(self.setup.backend, &self.report.head.lab, self.lab.as_ref(), place, command)
    }

    /// Runs one case to its verdict, and keeps its evidence.
    ///
    /// # Errors
    /// When a signal came, or evidence cannot be kept: that is no verdict.
    pub async fn run_case(
        &mut self,
        case: &'static Case,
        interrupt: &mut Interrupt,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<CaseReport, Stopped> {
        let Some(body) = case.body(self.setup.backend) else {
            let report = self.judged(case, CaseOutcome::NotOnBackend, Duration::ZERO, Vec::new());
            return Ok(self.keep(report, tell));
        };
        // Many a look waits for nothing, and would leave a signal unheard.
        if interrupt.has_come().await {
            return Err(Stopped::Interrupted);
        }
        self.reach(case.needs, interrupt, tell).await?;
        let mut folder = self.folder.case(case.name, utc_now())?;
        tell(Event::Working(case.name));
        let begun = clock::now();
        let mut roads = Vec::new();
        let outcome = if let Some(blocked) = self.blocked(case.needs) {
            blocked
        } else {
            let Some(lab) = &self.lab else { return Err(Stopped::Interrupted) };
            let looked = tokio::select! {
                biased;
                () = interrupt.came() => return Err(Stopped::Interrupted),
                looked = clock::within(self.options.case_deadline, case.name, (body.look)(lab)) => looked,
            };
            match looked {
                Err(_passed) => CaseOutcome::Deadline { after: self.options.case_deadline, last: lab.doing() },
                Ok(Err(broke)) => CaseOutcome::Unobserved { missing: broke },
                Ok(Ok(seen)) => {
                    record(&mut folder, case, &seen)?;
                    tokio::select! {
                        biased;
                        () = interrupt.came() => return Err(Stopped::Interrupted),
                        said = said(case, lab, &seen) => record_said(&mut folder, &said)?,
                    }
                    self.keep_captures(case, &mut folder);
                    roads = body.roads.map(|roads| roads(&seen, &self.setup.expect)).unwrap_or_default();
                    (body.judge)(&seen, &self.setup.expect).into()
                }
            }
        };
        let mut report = self.judged(case, outcome, begun.elapsed(), folder.files());
        report.roads = roads;
        folder.finish(&report)?;
        Ok(self.keep(report, tell))
    }

    fn blocked(&self, needs: Stage) -> Option<CaseOutcome> {
        let (stage, cause) = self.failed.as_ref()?;
        (*stage <= needs && !self.reached.contains(&needs))
            .then(|| CaseOutcome::Blocked { stage: *stage, cause: cause.clone() })
    }

    /// The captures of the traffic, beside the evidence of each case that judges it.
    fn keep_captures(&self, case: &Case, folder: &mut CaseFolder) {
        let Some(lab) = &self.lab else { return };
        if case.needs != Stage::TrafficObserved {
            return;
        }
        for capture in lab.traffic().into_iter().flat_map(|seen| seen.traffic.captures) {
            if let Some(pcap) = capture.pcap {
                let kept = folder.capture(&format!("{}-{}", capture.place, capture.device));
                // The frames are in the evidence either way; the pcap is a copy for other tools.
                let _copied =
                    std::fs::hard_link(&pcap, &kept).or_else(|_other_filesystem| std::fs::copy(&pcap, &kept).map(drop));
            }
        }
    }

    fn judged(&self, case: &Case, outcome: CaseOutcome, took: Duration, evidence: Vec<String>) -> CaseReport {
        let mut report =
            CaseReport::new(case.claims(), outcome, took, evidence, &|place, command| self.by_hand(place, command));
        report.deviation = self.setup.deviations_of(case).into_iter().map(ToString::to_string).collect();
        report
    }

    fn keep(&mut self, report: CaseReport, tell: &mut dyn FnMut(Event<'_>)) -> CaseReport {
        tell(Event::Case(&report));
        self.report.cases.push(report.clone());
        report
    }

    /// A signal came: what has no verdict has none.
    pub const fn interrupted(&mut self) {
        self.report.interrupted = true;
    }

    /// The lab, once there is one.
    pub const fn lab(&self) -> Option<&Lab> {
        self.lab.as_ref()
    }

    /// What its end is going to wait for, in words; none where that takes no time.
    pub fn ending(&self, keep: bool) -> Option<&'static str> {
        let made = matches!(self.options.source, LabSource::Made { .. });
        let Some(Lab::Kind(lab)) = self.lab.as_ref().filter(|_| made) else { return None };
        // Nothing of it was made.
        lab.state().ok()?;
        match (self.report.interrupted, self.keeps_artefacts(lab), keep) {
            (true, _, _) => Some("interrupted; taking the lab down"),
            (false, true, true) => Some("keeping logs of nodes and Cilium"),
            (false, true, false) => Some("keeping logs of nodes and Cilium, then taking the lab down"),
            (false, false, false) => Some("taking the lab down"),
            (false, false, true) => None,
        }
    }

    /// What it is busy with, for who shows it.
    pub const fn doing(&self) -> &Doing {
        &self.doing
    }

    /// Who interrupts does not want to wait; and of what was never made nothing can be kept.
    fn keeps_artefacts(&self, lab: &KindLab) -> bool {
        let unhappy = |case: &CaseReport| !matches!(case.outcome, CaseOutcome::Held { .. } | CaseOutcome::NotOnBackend);
        let failed = self.failed.is_some() || self.report.cases.iter().any(unhappy);
        failed && !self.report.interrupted && lab.state().is_ok()
    }

    /// What a maintainer would ask for first, of a lab on kind in which something failed.
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
            Err(error) => format!("nothing could be kept in {}: {error}", artefacts::FOLDER),
        })
    }

    /// Ends: takes the lab down unless it is to stay, writes the reports, gives the folder its name. A lab stays only
    /// when its reports are written: without them nobody is told that it does.
    ///
    /// # Errors
    /// Exit code 3 when the reports cannot be written, 5 when the lab cannot be taken down.
    pub async fn end(mut self, keep: bool) -> Result<Report, Failure> {
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
        let written = report::write_files(&self.folder, &self.report)
            .map_err(|error| Failure::input(&error))
            .and_then(|()| beside::write(&self.folder).map_err(|error| Failure::input(&error)))
            .and_then(|()| self.folder.finish().map_err(|error| Failure::input(&error)));
        let kept = match (staying, &written) {
            (Some(lab), Ok(_)) => lab.stay(),
            (Some(lab), Err(_)) => lab.down().await.map(drop),
            (None, _) => Ok(()),
        };
        written?;
        down.and(kept)?;
        Ok(self.report)
    }
}

/// What the article's own commands say of what a case saw; nothing on netns.
async fn said(case: &Case, lab: &Lab, seen: &Value) -> Vec<Said> {
    match lab.cluster() {
        Ok(cluster) => article::said(case.shown, cluster, seen).await,
        Err(_netns) => Vec::new(),
    }
}

fn record_said(folder: &mut CaseFolder, said: &[Said]) -> Result<(), EvidenceError> {
    for one in said {
        let seen = Seen { at: utc_now(), source: &one.command, place: Some(&one.place) };
        folder.record(&seen, one)?;
    }
    Ok(())
}

fn record(folder: &mut CaseFolder, case: &Case, seen: &Value) -> Result<(), EvidenceError> {
    let source = if matches!(case.on, On::KindOnly(_)) { "Docker, Kubernetes and Cilium" } else { "probe" };
    folder.record(&Seen { at: utc_now(), source, place: None }, seen)
}
