//! What judges found beside their verdicts, in the report of a run that kept none of it: they find it again in the
//! evidence.

use std::path::Path;

use crate::cases;
use lab_evidence::{Evidence, RUN_FILE, RunFile, case_folder};
use lab_model::report::Report;

/// Fills in what judges found beside their verdicts, in the report of a run whose version kept none of it. What cannot
/// be read is left as it is: the report says itself what is wrong with evidence.
pub fn find_again(folder: &Path, report: &mut Report) {
    let path = folder.join(RUN_FILE);
    let run = std::fs::read_to_string(&path).ok().and_then(|text| RunFile::parse(&text, &path).ok());
    let Some(run) = run else { return };
    for case in report.cases.iter_mut().filter(|case| case.found.is_empty() && !case.evidence.is_empty()) {
        let find = cases::find(&case.name)
            .and_then(|case| case.body(run.expectations.ground(run.backend)))
            .and_then(|body| body.found);
        let Some(find) = find else { continue };
        let Ok(evidence) = Evidence::read(&folder.join(case_folder(&case.name))) else { continue };
        let found = evidence.judged().map(|seen| find(&seen.data, &run.expectations));
        case.found = found.unwrap_or_default();
    }
}
