//! A run in a foreign cluster, without what tells whose cluster that is: its evidence with other names and addresses, and
//! what the judges say of that. It is a run's folder of its own, and is bundled as any other.

mod addresses;
mod left;
mod names;
mod values;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use super::{BundleError, Verdict};
use addresses::Addresses;
use lab_evidence::{Evidence, PARTIAL, RUN_FILE, RunFile, RunFolder, Seen, case_folder};
use lab_harness::{by_hand, cases};
use lab_model::BackendKind;
use lab_model::observe::{NodeName, Place};
use lab_model::report::{CaseOutcome, CaseReport, Claim, Found, Report};
use lab_report::{JSON_FILE, from_json, write_files};
use names::Kind;
use values::{Images, Originals};

/// What is said of it, in its report.
const NOTE: &str = "names and addresses are not the cluster's own: `lab bundle --anonymise` has replaced them";

/// A run's folder with other names and addresses. It is removed with this.
#[derive(Debug)]
pub struct Anonymised {
    folder: PathBuf,
    _scratch: TempDir,
}

impl Anonymised {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes one of a run's folder. Names of nodes, namespaces, Services, workloads, zones and the context, and all
    /// addresses, are replaced by others, everywhere by the same; texts of other programs keep plain words alone.
    ///
    /// # Errors
    /// [`BundleError::NotAnonymised`] for a run that is not of a foreign cluster or was not over, for one whose verdicts do
    /// not follow from its evidence in this version, and where something of the cluster's would be left.
    pub fn of(path: &Path) -> Result<Self, BundleError> {
        let refused = |why: String| BundleError::NotAnonymised { path: path.to_owned(), why };
        let run = read_run(path)?;
        if run.backend != BackendKind::Cluster {
            return Err(BundleError::NotForeign { path: path.to_owned() });
        }
        let real = path.canonicalize().unwrap_or_else(|_gone| path.to_owned());
        if real.to_string_lossy().ends_with(PARTIAL) {
            return Err(refused("the run was not over".to_owned()));
        }
        let report = read_report(path)?;
        let evidence = report.cases.iter().map(|case| read_evidence(path, case)).collect::<Result<Vec<_>, _>>()?;
        let expectations = as_json(&run.expectations);
        let originals = originals(&run, &expectations, &report, &evidence);
        let addresses = Addresses::without(&originals.networks)
            .ok_or_else(|| refused("no other addresses are left for those of the cluster".to_owned()))?;
        let images = Images::new(originals.names, addresses);
        let making = Making { path, images: &images };

        let scratch = TempDir::new().map_err(BundleError::io(&std::env::temp_dir(), "be written"))?;
        let run = making.run(run, &expectations)?;
        let as_evidence = |source| BundleError::Evidence { path: path.to_owned(), source };
        let folder = RunFolder::create(scratch.path(), &run).map_err(as_evidence)?;
        let mut report = making.report(&report);
        for (case, evidence) in report.cases.iter_mut().zip(evidence) {
            making.case(case, evidence, &run, &folder)?;
        }
        let unwritten = |error: &dyn std::error::Error| refused(lab_base::failure::chain(error));
        // What the article printed beside the lab's outputs is not there: a cluster has none of these.
        write_files(&folder, &report).map_err(|error| unwritten(&error))?;
        let folder = folder.finish().map_err(as_evidence)?;
        match left::first(&folder, &images, &originals.networks).map_err(BundleError::io(&folder, "be read"))? {
            Some(left) => Err(refused(format!("{left} would be left"))),
            None => Ok(Self { folder, _scratch: scratch }),
        }
    }
}

fn read_run(path: &Path) -> Result<RunFile, BundleError> {
    let file = path.join(RUN_FILE);
    let text = fs::read_to_string(&file).map_err(BundleError::io(&file, "be read"))?;
    RunFile::parse(&text, &file).map_err(|source| BundleError::Evidence { path: path.to_owned(), source })
}

fn read_report(path: &Path) -> Result<Report, BundleError> {
    let file = path.join(JSON_FILE);
    let text = fs::read_to_string(&file).map_err(BundleError::io(&file, "be read"))?;
    from_json(&text).map_err(|source| BundleError::Report { path: path.to_owned(), source })
}

/// The evidence of a case; none of one that does not exist in the cluster, and so has no folder.
fn read_evidence(path: &Path, case: &CaseReport) -> Result<Option<Evidence>, BundleError> {
    if matches!(case.outcome, CaseOutcome::NotOnBackend | CaseOutcome::NotInTopology) {
        return Ok(None);
    }
    let read = Evidence::read(&path.join(case_folder(&case.name)));
    read.map(Some).map_err(|source| BundleError::Evidence { path: path.to_owned(), source })
}

/// What is plain data as JSON.
fn as_json<T: serde::Serialize>(plain: &T) -> Value {
    serde_json::to_value(plain).unwrap_or_default()
}

fn originals(run: &RunFile, expectations: &Value, report: &Report, evidence: &[Option<Evidence>]) -> Originals {
    let mut originals = Originals::default();
    originals.names.see(Kind::Context, &run.lab);
    for value in [&run.inputs, expectations] {
        originals.see(&mut Vec::new(), value);
    }
    for record in evidence.iter().flatten().filter_map(Evidence::judged) {
        originals.see(&mut Vec::new(), &record.data);
    }
    let texts = report.stages.iter().map(|stage| &stage.summary).chain(&report.head.notes).chain(&report.ending);
    texts.for_each(|text| originals.see_addresses(text));
    originals.names.number();
    originals
}

/// The making of the other run.
struct Making<'a> {
    path: &'a Path,
    images: &'a Images,
}

impl Making<'_> {
    fn run(&self, run: RunFile, expectations: &Value) -> Result<RunFile, BundleError> {
        let unread = |error| self.refused(format!("its expectations cannot be replaced: {error}"));
        let expectations = serde_json::from_value(self.images.of(&mut Vec::new(), expectations)).map_err(unread)?;
        let mut host = run.host;
        host.kernel = self.images.text(host.kernel.split('-').next().unwrap_or_default());
        let inputs = self.images.of(&mut Vec::new(), &run.inputs);
        Ok(RunFile { lab: self.images.name(&run.lab), inputs, expectations, host, ..run })
    }

    fn report(&self, report: &Report) -> Report {
        let text = |text: &String| self.images.text(text);
        let mut made = report.clone();
        made.head.lab = self.images.name(&report.head.lab);
        made.head.host.kernel = self.images.text(report.head.host.kernel.split('-').next().unwrap_or_default());
        made.head.notes = report.head.notes.iter().map(text).chain([NOTE.to_owned()]).collect();
        made.ending = report.ending.iter().map(text).collect();
        made.stages.iter_mut().for_each(|stage| stage.summary = self.images.text(&stage.summary));
        made
    }

    /// Writes a case: its evidence with other names and addresses, and what its judge says of that.
    fn case(
        &self,
        report: &mut CaseReport,
        evidence: Option<Evidence>,
        run: &RunFile,
        folder: &RunFolder,
    ) -> Result<(), BundleError> {
        let ground = run.expectations.ground(run.backend);
        let case =
            cases::find(&report.name).ok_or_else(|| self.refused(format!("this lab has no case {:?}", report.name)))?;
        let claims = case.claims_on(ground);
        let (article, claim) = (self.images.own_text(claims.article), self.images.own_text(claims.claim));
        let claims = Claim { name: case.name, article: &article, claim: &claim };
        let Some(evidence) = evidence else {
            let (observed, evidence) = (self.images.text(&report.observed), Vec::new());
            *report = CaseReport::new(claims, report.outcome.clone(), report.seconds, evidence, &|_, _| String::new());
            report.observed = observed;
            return Ok(());
        };
        let not_written = |source| BundleError::Evidence { path: self.path.to_owned(), source };
        let mut written = folder.case(case.name, evidence.case.started).map_err(not_written)?;
        let mut judged = None;
        // What was judged alone: what programs printed besides is theirs to name things in.
        if let Some(record) = evidence.judged() {
            let place = record.place.as_ref().map(|place| self.place(place));
            let seen = Seen { at: record.at, source: &record.source, place: place.as_ref() };
            let data = self.images.of(&mut Vec::new(), &record.data);
            let data = written.record(&seen, &data).map_err(not_written)?;
            judged = Some(data);
        }
        let (outcome, found) = match (case.body(ground), judged) {
            (Some(body), Some(seen)) => (
                (body.judge)(&seen, &run.expectations).into(),
                body.found.map(|find| find(&seen, &run.expectations)).unwrap_or_default(),
            ),
            _ => (self.untouched(&report.outcome), Found::default()),
        };
        if Verdict::of(&outcome) != Verdict::of(&self.placed(&report.outcome)) {
            let why = format!(
                "the verdict on {} does not follow from its evidence; `lab replay` of a bundle as it is says more",
                case.name
            );
            return Err(self.refused(why));
        }
        let observed = self.images.text(&report.observed);
        let settled = evidence.records.is_empty();
        let mut made = CaseReport::new(claims, outcome, report.seconds, written.files(), &|place, command| {
            by_hand(BackendKind::Cluster, &run.lab, None, place, command)
        });
        made.found = found;
        if settled {
            made.observed = observed;
        }
        *report = written.finish(&made).map_err(not_written)?;
        Ok(())
    }

    /// An outcome that no judge gave.
    fn untouched(&self, outcome: &CaseOutcome) -> CaseOutcome {
        match outcome.clone() {
            CaseOutcome::Unobserved { missing } => CaseOutcome::Unobserved { missing: self.images.text(&missing) },
            CaseOutcome::Blocked { stage, cause } => CaseOutcome::Blocked { stage, cause: self.images.text(&cause) },
            CaseOutcome::Deadline { after, last } => CaseOutcome::Deadline { after, last: self.images.text(&last) },
            // Without evidence nothing held or was refuted: what is said of these is not believed.
            CaseOutcome::Held { .. }
            | CaseOutcome::Refuted { .. }
            | CaseOutcome::NotOnBackend
            | CaseOutcome::NotInTopology => CaseOutcome::Unobserved { missing: String::new() },
        }
    }

    /// The same outcome at the places that stand for its own.
    fn placed(&self, outcome: &CaseOutcome) -> CaseOutcome {
        let mut outcome = outcome.clone();
        if let CaseOutcome::Refuted { findings } = &mut outcome {
            for finding in findings {
                finding.place = self.place(&finding.place);
            }
        }
        outcome
    }

    fn place(&self, place: &Place) -> Place {
        match place {
            Place::Node(node) => Place::Node(NodeName(self.images.name(&node.0))),
            Place::Pod(pod) => Place::Pod(self.images.name(&pod.0).as_str().into()),
            Place::Bridge | Place::Router(_) => place.clone(),
        }
    }

    fn refused(&self, why: String) -> BundleError {
        BundleError::NotAnonymised { path: self.path.to_owned(), why }
    }
}
