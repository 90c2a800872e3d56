//! Observations with which cases hold: of a lab on netns, made for this, and of the recordings.

use lab_base::exec::{Exit, Invocation};
use lab_evidence::{RunFile, case_folder};
use lab_harness::cases;
use lab_model::expect::Expectations;
use lab_model::{BackendKind, Judgement};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::recorded::{self, BEFORE, NATIVE, NATIVE_WIRE, Read, kind_only};
use crate::{Must, rows};

/// For one run on netns.
const DEADLINE: Duration = Duration::from_mins(2);

/// What one case looked at.
pub(super) struct Source {
    pub(super) case: &'static str,
    /// Where it is from.
    pub(super) from: String,
    backend: BackendKind,
    pub(super) seen: Value,
    pub(super) expect: Expectations,
}

impl Source {
    /// What the case's judge says of these observations in place of its own.
    pub(super) fn judge(&self, seen: &Value) -> Judgement {
        self.judge_with(seen, &self.expect)
    }

    /// The same of a lab that should be another.
    pub(super) fn judge_with(&self, seen: &Value, expect: &Expectations) -> Judgement {
        let body = cases::find(self.case).and_then(|case| case.body(self.backend)).expect("a case of this backend");
        (body.judge)(seen, expect)
    }
}

/// All observations that there are and that hold.
pub(super) async fn that_hold() -> Read<Vec<Source>> {
    let mut sources = on_netns().await?;
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
                    let (from, expect, seen) = (recording.0.to_owned(), expect.clone(), seen(recording)?);
                    sources.push(Source { case, from, backend: BackendKind::Kind, seen, expect });
                }
            }
        }
    }
    Ok(sources)
}

/// What a run on kind looked at (`data/kind-run/README.md`).
fn on_kind() -> Read<Vec<Source>> {
    #[derive(Deserialize)]
    struct Run {
        expectations: Expectations,
        looks: Vec<Looked>,
    }
    #[derive(Deserialize)]
    struct Looked {
        cases: Vec<String>,
        seen: Value,
    }
    let run: Run = serde_json::from_str(include_str!("../data/kind-run/seen.json"))
        .map_err(|error| format!("kind-run/seen.json: {error}"))?;
    let mut sources = Vec::new();
    for look in run.looks {
        for name in &look.cases {
            let case = cases::find(name).ok_or_else(|| format!("kind-run/seen.json: there is no case {name}"))?;
            sources.push(Source {
                case: case.name,
                from: "a run on kind".to_owned(),
                backend: BackendKind::Kind,
                seen: look.seen.clone(),
                expect: run.expectations.clone(),
            });
        }
    }
    Ok(sources)
}

async fn on_netns() -> Read<Vec<Source>> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let run = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(["run", "--on", "netns", "--runs-dir", "."]);
    let finished = run.directory(folder.path()).run(DEADLINE).await.map_err(|error| error.to_string())?;
    if finished.exit != Exit::Code(0) {
        return Err(format!("{}{}", finished.stdout_text(), finished.stderr_text()));
    }
    let runs = fs::read_dir(folder.path()).map_err(|error| error.to_string())?;
    let run = runs.flatten().map(|entry| entry.path()).find(|path| path.join("run.json").is_file());
    of_run(&run.ok_or("the run has left no folder")?)
}

/// What the cases of a run looked at.
fn of_run(folder: &Path) -> Read<Vec<Source>> {
    let text = |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
    let run: RunFile = serde_json::from_str(&text(folder.join("run.json"))?).map_err(|error| error.to_string())?;
    let mut sources = Vec::new();
    for case in cases::on(run.backend) {
        let evidence = text(folder.join(case_folder(case.name)).join("evidence.jsonl"))?;
        // The first record is what was judged.
        let record: Value = serde_json::from_str(evidence.lines().next().unwrap_or_default())
            .map_err(|error| format!("{}: {error}", case.name))?;
        sources.push(Source {
            case: case.name,
            from: format!("a lab on {}", run.backend),
            backend: run.backend,
            seen: record["data"].clone(),
            expect: run.expectations.clone(),
        });
    }
    Ok(sources)
}
