//! `lab report`: a run's report again.

use std::io;
use std::path::{Path, PathBuf};

use super::print;
use crate::cli::{Format, ReportArgs};
use crate::failure::{Failure, chain, code};
use crate::report::{Closing, JSON_FILE, LabAfter, Report, Style, Terminal, from_json};
use crate::sabotage;

pub(super) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    let folder = folder(args);
    let of_faults = folder.join(sabotage::JSON_FILE);
    if of_faults.is_file() {
        return report_of_faults(args, &of_faults);
    }
    let file = folder.join(JSON_FILE);
    let unusable = |why: String| Failure { code: code::INPUT, message: format!("{}: {why}", file.display()) };
    let text = std::fs::read_to_string(&file).map_err(|error| {
        unusable(format!(
            "{error}; runs are kept in {}, or name another folder with --runs-dir",
            args.runs_dir.display()
        ))
    })?;
    if args.format == Format::Json {
        return print(&text).map(|()| 0);
    }
    let report = from_json(&text).map_err(|error| unusable(chain(&error)))?;
    match show(&report, &folder, &file) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure { code: code::INPUT, message: format!("writing to standard output: {error}") })
        }
        Ok(()) | Err(_) => Ok(0),
    }
}

/// Of a run that made faults.
fn report_of_faults(args: &ReportArgs, file: &Path) -> Result<u8, Failure> {
    let unusable = |why: String| Failure { code: code::INPUT, message: format!("{}: {why}", file.display()) };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    if args.format == Format::Json {
        return print(&text).map(|()| 0);
    }
    let report = sabotage::from_json(&text).map_err(unusable)?;
    print(&format!("{}Report: {}\n", sabotage::printed(&report), file.display())).map(|()| 0)
}

/// A folder, or the id of a run in the folder of runs.
fn folder(args: &ReportArgs) -> PathBuf {
    let named = Path::new(&args.run);
    let is_run = [JSON_FILE, sabotage::JSON_FILE].iter().any(|file| named.join(file).is_file());
    if is_run { named.to_owned() } else { args.runs_dir.join(&args.run) }
}

fn show(report: &Report, folder: &Path, file: &Path) -> io::Result<()> {
    let names = report.cases.iter().map(|case| case.name.as_str());
    let mut terminal = Terminal::new(io::stdout(), Style::of_stdout(), folder, names);
    terminal.head(report)?;
    for stage in &report.stages {
        terminal.stage(stage)?;
    }
    for case in &report.cases {
        terminal.case(case)?;
    }
    terminal.close(report, &Closing { report: Some(file), lab: LabAfter::TakenDown })
}
