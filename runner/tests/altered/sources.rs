//! Observations with which cases hold: of a lab on netns, made for this, and of the recordings.

use lab_base::exec::{Exit, Invocation};
use lab_evidence::{Evidence, RUN_FILE, RunFile, case_folder};
use lab_harness::cases;
use lab_judge::foreign::table;
use lab_model::expect::Expectations;
use lab_model::{BackendKind, Judgement};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::made::Made;
use crate::recorded::runs::KindRun;
use crate::recorded::{self, BEFORE, NATIVE, NATIVE_WIRE, Read, kind_only};
use crate::{Must, rows};

/// For one run on netns.
const DEADLINE: Duration = Duration::from_mins(2);

/// What one case looked at.
pub(super) struct Source {
    pub(super) case: &'static str,
    /// Where it is from.
    pub(super) from: String,
    judge: fn(&Value, &Expectations) -> Judgement,
    pub(super) seen: Value,
    pub(super) expect: Expectations,
}

impl Source {
    /// What the case of this name looked at on this backend.
    fn new(name: &str, backend: BackendKind, from: &str, seen: Value, expect: &Expectations) -> Read<Self> {
        let case = cases::find(name).ok_or_else(|| format!("{from}: there is no case {name}"))?;
        let body = case.body(backend).ok_or_else(|| format!("{from}: {name} does not exist on {backend}"))?;
        Ok(Self { case: case.name, from: from.to_owned(), judge: body.judge, seen, expect: expect.clone() })
    }

    /// What the case's judge says of these observations in place of its own.
    pub(super) fn judge(&self, seen: &Value) -> Judgement {
        self.judge_with(seen, &self.expect)
    }

    /// The same of a lab that should be another.
    pub(super) fn judge_with(&self, seen: &Value, expect: &Expectations) -> Judgement {
        (self.judge)(seen, expect)
    }
}

/// All observations that there are and that hold.
pub(super) async fn that_hold() -> Read<Vec<Source>> {
    let mut sources = on_netns(&[]).await?;
    sources.extend(recorded()?);
    sources.extend(on_kind()?);
    sources.retain(|source| source.judge(&source.seen).is_ok());
    Ok(sources)
}

fn recorded() -> Read<Vec<Source>> {
    let mut sources = Vec::new();
    for recording in [BEFORE, NATIVE, NATIVE_WIRE] {
        let rows = [(rows(recording), recorded::expectations()?), (kind_only::rows(recording), kind_only::declared()?)];
        for (rows, expect) in rows {
            for (case, seen, must) in rows {
                if matches!(must, Must::Hold) {
                    sources.push(Source::new(case, BackendKind::Kind, recording.0, seen(recording)?, &expect)?);
                }
            }
        }
    }
    Ok(sources)
}

/// What a run on kind looked at (`data/kind-run/README.md`).
fn on_kind() -> Read<Vec<Source>> {
    let run = KindRun::read()?;
    let mut sources = Vec::new();
    for look in run.looks {
        for name in &look.cases {
            sources.push(Source::new(name, BackendKind::Kind, "a run on kind", look.seen.clone(), &run.expectations)?);
        }
    }
    Ok(sources)
}

/// What the cases that exist in foreign clusters look at in a sound one: its sysdump has all that they need.
pub(super) fn foreign() -> Read<Vec<Source>> {
    let (lab, ended) = Made::of_recordings().verify(&[]);
    if ended.status.code() != Some(0) {
        return Err(ended.to_string());
    }
    of_run(&lab.only_run())
}

/// What was sent in a real foreign cluster, and what was seen within its pods: a run of the inside tier, with other names and
/// addresses.
pub(super) fn probed() -> Read<Vec<Source>> {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/foreign/inside.tar.zst");
    let unpacked = || -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        tar::Archive::new(zstd::Decoder::new(fs::File::open(&bundle)?)?).unpack(folder.path())?;
        Ok(folder)
    };
    let folder = unpacked().map_err(|error| format!("{}: {error}", bundle.display()))?;
    let mut sources = of_run(folder.path())?;
    sources.retain(|source| table::PROBED.contains(&source.case) || source.case == "routing::own_pods_are_local");
    Ok(sources)
}

/// What the cases look at in a lab with five workers and a replica on each. It is made on netns: what further nodes would
/// have shown, their routes and their answers, no recording has, and copies of a node's own would not fit together.
pub(super) async fn with_five_workers() -> Read<Vec<Source>> {
    on_netns(&["--nodes", "6", "--replicas", "5"]).await
}

/// What the cases look at in a lab on netns that is made so.
async fn on_netns(made: &[&str]) -> Read<Vec<Source>> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let run = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(["run", "--on", "netns", "--runs-dir", "."]).args(made);
    let finished = run.directory(folder.path()).run(DEADLINE).await.map_err(|error| error.to_string())?;
    if finished.exit != Exit::Code(0) {
        return Err(format!("{}{}", finished.stdout_text(), finished.stderr_text()));
    }
    let runs = fs::read_dir(folder.path()).map_err(|error| error.to_string())?;
    let run = runs.flatten().map(|entry| entry.path()).find(|path| path.join(RUN_FILE).is_file());
    of_run(&run.ok_or("the run has left no folder")?)
}

/// What the cases of a run looked at.
fn of_run(folder: &Path) -> Read<Vec<Source>> {
    let path = folder.join(RUN_FILE);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let run = RunFile::parse(&text, &path).map_err(|error| error.to_string())?;
    let from = format!("a lab on {}", run.backend);
    let mut sources = Vec::new();
    // Nothing is sent where a run reads alone.
    let reads_alone = run.expectations.foreign.as_ref().is_some_and(|foreign| !foreign.probed);
    for case in cases::on(run.backend).filter(|case| !(reads_alone && case.is_probed())) {
        let evidence = Evidence::read(&folder.join(case_folder(case.name))).map_err(|error| error.to_string())?;
        let seen = evidence.judged().ok_or_else(|| format!("{}: nothing was seen", case.name))?;
        sources.push(Source::new(case.name, run.backend, &from, seen.data.clone(), &run.expectations)?);
    }
    Ok(sources)
}
