//! A run's folder of what was recorded, written as a run writes it.

use chrono::DateTime;
use lab_evidence::{RunFile, RunFolder, SCHEMA, Seen};
use lab_harness::cases;
use lab_model::expect::Expectations;
use lab_model::host::HostFacts;
use lab_model::report::{CaseReport, Report, RunHead};
use lab_model::{BackendKind, Judgement, Routing};
use lab_report as report;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Read;

/// What cases of a run on kind looked at (`data/kind-run/README.md`).
#[derive(Deserialize)]
pub(crate) struct KindRun {
    pub(crate) expectations: Expectations,
    pub(crate) looks: Vec<Looked>,
}

/// What these cases looked at.
#[derive(Deserialize)]
pub(crate) struct Looked {
    pub(crate) cases: Vec<String>,
    pub(crate) seen: Value,
}

impl KindRun {
    pub(crate) fn read() -> Read<Self> {
        serde_json::from_str(include_str!("../data/kind-run/seen.json"))
            .map_err(|error| format!("kind-run/seen.json: {error}"))
    }
}

/// The folder of a run on kind while it is written.
pub(super) struct Written<'a> {
    folder: RunFolder,
    run: RunFile,
    report: Report,
    expect: &'a Expectations,
}

fn text(error: &dyn std::error::Error) -> String {
    lab_base::failure::chain(error)
}

impl<'a> Written<'a> {
    pub(super) fn begin(
        folder: &Path,
        id: String,
        recording: &str,
        routing: Routing,
        expect: &'a Expectations,
    ) -> Read<Self> {
        let host = HostFacts { kernel: "recorded".into(), architecture: "x86_64".into(), cpus: 2 };
        let run = RunFile {
            schema: SCHEMA,
            id,
            lab: "kind".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: DateTime::UNIX_EPOCH,
            backend: BackendKind::Kind,
            routing,
            inputs: json!({"recording": recording}),
            expectations: expect.clone(),
            deviations: Vec::new(),
            pins: Value::Null,
            host: host.clone(),
        };
        let folder = RunFolder::create(folder, &run).map_err(|error| text(&error))?;
        let report = Report::new(RunHead {
            id: run.id.clone(),
            lab: run.lab.clone(),
            backend: run.backend,
            routing,
            not_native: String::new(),
            nodes: expect.nodes(),
            replicas: expect.replicas,
            racks: 0,
            deviations: Vec::new(),
            overridden: 0,
            notes: Vec::new(),
            version: run.version.clone(),
            host,
            started: run.started,
            selected: 0,
        });
        Ok(Self { folder, run, report, expect })
    }

    /// What the judge of this case says of it.
    pub(super) fn judge(&self, name: &str, seen: &Value) -> Read<Judgement> {
        let case = cases::find(name).ok_or_else(|| format!("there is no case {name}"))?;
        let body = case.body(BackendKind::Kind).ok_or_else(|| format!("{name} does not exist on kind"))?;
        Ok((body.judge)(seen, self.expect))
    }

    /// A case that saw this, with these captures under these names.
    pub(super) fn case(
        &mut self,
        name: &str,
        seen: &Value,
        judgement: Judgement,
        pcaps: &[(String, PathBuf)],
    ) -> Read<()> {
        let case = cases::find(name).ok_or_else(|| format!("there is no case {name}"))?;
        let mut folder = self.folder.case(name, self.run.started).map_err(|error| text(&error))?;
        let source = Seen { at: self.run.started, source: "recording", place: None };
        let written = folder.record(&source, seen).map_err(|error| text(&error))?;
        assert_eq!(&written, seen, "nothing in a recording is taken for a secret");
        for (kept, file) in pcaps {
            folder.keep_capture(kept, file).map_err(|error| text(&error))?;
        }
        let by_hand = |_place: &lab_model::observe::Place, command: &str| command.to_owned();
        let case = CaseReport::new(case.claims(), judgement.into(), Duration::ZERO, folder.files(), &by_hand);
        self.report.cases.push(folder.finish(&case).map_err(|error| text(&error))?);
        self.report.head.selected += 1;
        Ok(())
    }

    /// The whole folder.
    pub(super) fn end(self) -> Read<PathBuf> {
        report::write_files(&self.folder, &self.report).map_err(|error| text(&error))?;
        self.folder.finish().map_err(|error| text(&error))
    }
}
