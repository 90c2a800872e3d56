//! A session, the work of one invocation: it builds stages on demand, once each, and remembers a failure; it makes the
//! observations of cases, keeps them as evidence, judges them and reports.

use async_recursion::async_recursion as boxed;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::by_hand::by_hand;
use super::options::{Event, LabSource, SessionOptions, Stopped};
use super::setup::Setup;
use crate::case::{Case, On};
use crate::cases::article;
use crate::cases::foreign;
use crate::foreign::settled;
use crate::lab::Lab;
use lab_backend::Doing;
use lab_base::clock;
use lab_base::failure::Failure;
use lab_base::interrupt::Interrupt;
use lab_cluster::{ForeignCluster, Needs};
use lab_evidence::{CaseFolder, EvidenceError, RunFolder, Seen};
use lab_model::Ground;
use lab_model::deviation;
use lab_model::observe::Place;
use lab_model::report::{CaseOutcome, CaseReport, Found, Report, RunHead};
use lab_model::said::Said;
use lab_model::stage::Stage;

mod ending;

/// The work of one invocation.
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

/// A new id of four characters that no run in this folder has.
pub fn new_id(runs_dir: &Path) -> String {
    const CHARACTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const ATTEMPTS: usize = 64;
    let mut ids = std::iter::repeat_with(|| {
        (0..4).map(|_| char::from(CHARACTERS[fastrand::usize(..CHARACTERS.len())])).collect::<String>()
    });
    let free = |id: &String| !runs_dir.join(id).exists() && !runs_dir.join(format!("{id}.partial")).exists();
    // If the folder has almost all possible ids, no free one is found, and making the run's folder fails with that error.
    let found = ids.by_ref().take(ATTEMPTS).find(free);
    found.or_else(|| ids.next()).unwrap_or_default()
}

impl Session {
    /// Begins a session: makes the run's folder. Nothing is built yet.
    ///
    /// # Errors
    /// Exit code 3 when the folder cannot be made.
    pub fn begin(setup: Setup, options: SessionOptions, cases: &[&Case]) -> Result<Self, Failure> {
        let id = new_id(&options.runs_dir);
        let lab = match &options.source {
            LabSource::Found(name) | LabSource::Foreign(name) | LabSource::Made { name: Some(name), .. } => {
                name.clone()
            }
            LabSource::Made { name: None, .. } => id.clone(),
        };
        let head = RunHead {
            id: id.clone(),
            lab: lab.clone(),
            backend: setup.backend,
            routing: setup.spec.routing,
            not_native: deviation::not_native(&setup.deviations),
            nodes: setup.spec.nodes.len(),
            replicas: setup.spec.replicas,
            racks: setup.spec.racks.as_ref().map_or(0, |racks| racks.layout.racks.len()),
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

    /// Gives it the foreign cluster that it is about. What is being done there is told where the session tells it.
    pub fn give(&mut self, mut cluster: ForeignCluster, needs: Needs) {
        cluster.to_read(needs, self.doing.clone());
        self.lab = Some(Lab::Foreign(Box::new(cluster)));
    }

    /// Which cases exist in its lab.
    pub fn ground(&self) -> Ground {
        self.setup.ground()
    }

    /// The report so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// The path of the run's folder after the run.
    pub fn final_folder(&self) -> PathBuf {
        self.folder.final_path().to_owned()
    }

    /// The command with which a user runs this command at a place of the lab.
    pub fn by_hand(&self, place: &Place, command: &str) -> String {
        by_hand(self.setup.backend, &self.report.head.lab, self.lab.as_ref(), place, command)
    }

    /// Runs one case to its verdict, and keeps its evidence.
    ///
    /// # Errors
    /// When a signal came, or evidence cannot be written; the case has no verdict then.
    #[boxed(?Send)]
    pub async fn run_case(
        &mut self,
        case: &'static Case,
        interrupt: &mut Interrupt,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<CaseReport, Stopped> {
        let ground = self.setup.ground();
        if let Some((outcome, why)) = settled(case, &self.setup) {
            // What has a verdict has a folder, with nothing observed in it.
            let there = !matches!(outcome, CaseOutcome::NotOnBackend);
            let folder = there.then(|| self.folder.case(case.name, utc_now())).transpose()?;
            let files = folder.as_ref().map(CaseFolder::files).unwrap_or_default();
            let mut report = self.judged(case, outcome, Duration::ZERO, files);
            report.observed = why;
            if let Some(folder) = folder {
                report = folder.finish(&report)?;
            }
            return Ok(self.keep(report, tell));
        }
        let Some(body) = case.body(ground) else {
            let elsewhere = case.of_another_topology(ground);
            let outcome = if elsewhere { CaseOutcome::NotInTopology } else { CaseOutcome::NotOnBackend };
            let report = self.judged(case, outcome, Duration::ZERO, Vec::new());
            return Ok(self.keep(report, tell));
        };
        // Checked here, because many looks never wait and would not notice a signal.
        if interrupt.has_come().await {
            return Err(Stopped::Interrupted);
        }
        let needs = case.needs_on(ground);
        self.reach(needs, interrupt, tell).await?;
        let mut folder = self.folder.case(case.name, utc_now())?;
        tell(Event::Working(case.name));
        let begun = clock::now();
        let mut found = Found::default();
        let outcome = if let Some(blocked) = self.blocked(needs) {
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
                    // Judged is what was recorded, and that has no secrets.
                    let at = Seen { at: utc_now(), source: source(case, lab), place: None };
                    let seen = folder.record(&at, &seen)?;
                    tokio::select! {
                        biased;
                        () = interrupt.came() => return Err(Stopped::Interrupted),
                        outputs = outputs_beside(case, lab, &seen) => record_outputs(&mut folder, &outputs)?,
                    }
                    self.keep_captures(case, &mut folder);
                    found = body.found.map(|find| find(&seen, &self.setup.expect)).unwrap_or_default();
                    (body.judge)(&seen, &self.setup.expect).into()
                }
            }
        };
        let mut report = self.judged(case, outcome, begun.elapsed(), folder.files());
        report.found = found;
        let report = folder.finish(&report)?;
        Ok(self.keep(report, tell))
    }

    fn blocked(&self, needs: Stage) -> Option<CaseOutcome> {
        let (stage, cause) = self.failed.as_ref()?;
        (*stage <= needs && !self.reached.contains(&needs))
            .then(|| CaseOutcome::Blocked { stage: *stage, cause: cause.clone() })
    }

    /// Copies the capture files of the traffic into the folder of each case that judges it.
    fn keep_captures(&self, case: &Case, folder: &mut CaseFolder) {
        let Some(lab) = &self.lab else { return };
        if case.needs != Stage::TrafficObserved {
            return;
        }
        for capture in lab.traffic().into_iter().flat_map(|seen| seen.traffic.captures) {
            if let Some(pcap) = capture.pcap {
                // Errors are ignored: the frames are in the evidence, and the pcap is a copy for other tools.
                let _kept = folder.keep_capture(&format!("{}-{}", capture.place, capture.device), &pcap);
            }
        }
    }

    fn judged(&self, case: &Case, outcome: CaseOutcome, took: Duration, evidence: Vec<String>) -> CaseReport {
        let mut report =
            CaseReport::new(case.claims_on(self.setup.ground()), outcome, took, evidence, &|place, command| {
                self.by_hand(place, command)
            });
        report.deviation = self.setup.deviations_of(case).into_iter().map(ToString::to_string).collect();
        report
    }

    fn keep(&mut self, report: CaseReport, tell: &mut dyn FnMut(Event<'_>)) -> CaseReport {
        tell(Event::Case(&report));
        self.report.cases.push(report.clone());
        report
    }

    /// Records that a signal ended the run. Cases without a verdict stay without one.
    pub const fn interrupted(&mut self) {
        self.report.interrupted = true;
    }

    /// The lab, once there is one.
    pub const fn lab(&self) -> Option<&Lab> {
        self.lab.as_ref()
    }

    /// What the session is doing at the moment, to be shown.
    pub const fn doing(&self) -> &Doing {
        &self.doing
    }
}

/// The outputs of the article's own commands for what a case observed, and in a foreign cluster those that it was read from;
/// none on netns.
async fn outputs_beside(case: &Case, lab: &Lab, seen: &Value) -> Vec<Said> {
    if let Lab::Foreign(cluster) = lab {
        return foreign::find(case.name).map(|there| cluster.printed(there.reads)).unwrap_or_default();
    }
    match lab.cluster() {
        Ok(cluster) => article::said(case.shown, cluster, seen).await,
        Err(_netns) => Vec::new(),
    }
}

fn record_outputs(folder: &mut CaseFolder, outputs: &[Said]) -> Result<(), EvidenceError> {
    for output in outputs {
        let seen = Seen { at: utc_now(), source: &output.command, place: Some(&output.place) };
        let _written = folder.record(&seen, output)?;
    }
    Ok(())
}

/// Where what a case observed comes from.
fn source(case: &Case, lab: &Lab) -> &'static str {
    match (lab, case.on) {
        (Lab::Foreign(cluster), _) if cluster.sysdump().is_some() => "a sysdump of Cilium's",
        (Lab::Foreign(_), _) if case.is_probed() => "the probe, in pods of its own",
        (Lab::Foreign(_), _) => "Kubernetes, and commands in Cilium's agents",
        (_, On::KindOnly(_)) => "Docker, Kubernetes and Cilium",
        (_, On::Both(_)) => "probe",
    }
}
