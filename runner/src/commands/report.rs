//! `lab report`: prints the report of a past run.

use std::io;
use std::path::{Path, PathBuf};

use super::{print, print_json, print_json_text, print_made};
use crate::cli::{ReportArgs, ReportFormat};
use lab_base::failure::{Failure, chain, code};
use lab_evidence::PARTIAL;
use lab_model::report::Report;
use lab_report::beside;
use lab_report::{Closing, HTML_FILE, JSON_FILE, LabAfter, Style, Terminal, from_json, to_html, to_markdown};
use lab_sabotage as sabotage;

pub(super) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    let folder = folder(args);
    let of_faults = folder.join(sabotage::JSON_FILE);
    if of_faults.is_file() {
        return report_of_faults(args, &of_faults);
    }
    if args.beside {
        return beside(args, &folder);
    }
    let file = folder.join(JSON_FILE);
    let unusable = |why: String| Failure { code: code::INPUT, message: format!("{}: {why}", file.display()) };
    let text = std::fs::read_to_string(&file).map_err(|error| {
        if folder.is_dir() {
            return unusable(format!(
                "{error}: the run was not over, or it is no run's folder; `lab bundle {run}` packs what there is of a run, and \
                 `lab replay` judges it",
                run = folder.display()
            ));
        }
        unusable(format!(
            "{error}; runs are looked for in {}; if they are kept in another folder, name it with --runs-dir",
            args.runs_dir.display()
        ))
    })?;
    let read = || from_json(&text).map_err(|error| unusable(chain(&error)));
    let page = match args.format {
        ReportFormat::Json => return print_json_text(&text).map(|()| 0),
        ReportFormat::Html => {
            let mut report = read()?;
            lab_harness::found::find_again(&folder, &mut report);
            to_html(&folder, &report).map_err(|error| Failure::input(&error))?
        }
        ReportFormat::Markdown => to_markdown(&read()?),
        ReportFormat::Text => {
            return match show(&read()?, &folder, &to_open(&folder)) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure { code: code::INPUT, message: format!("writing to standard output: {error}") })
                }
                Ok(()) | Err(_) => Ok(0),
            };
        }
    };
    print_made(&page).map(|()| 0)
}

/// The file that the user is told to open: the page, or the JSON file for a run of an older version, which has no page.
fn to_open(folder: &Path) -> PathBuf {
    let page = folder.join(HTML_FILE);
    if page.is_file() { page } else { folder.join(JSON_FILE) }
}

/// Prints the article's outputs beside those of the run.
fn beside(args: &ReportArgs, folder: &Path) -> Result<u8, Failure> {
    let found = beside::of_run(folder).map_err(|error| Failure::input(&error))?;
    let text = match args.format {
        ReportFormat::Json => return print_json(&found).map(|()| 0),
        ReportFormat::Text => beside::text(&found, Style::of_stdout()),
        ReportFormat::Html | ReportFormat::Markdown => {
            let message = "--beside can be printed with --format text or json only; the page (--format html) has the \
                           comparison too, without --beside"
                .to_owned();
            return Err(Failure { code: code::USAGE, message });
        }
    };
    print_made(&text).map(|()| 0)
}

/// Prints the report of a run of `lab sabotage`.
fn report_of_faults(args: &ReportArgs, file: &Path) -> Result<u8, Failure> {
    let unusable = |why: String| Failure { code: code::INPUT, message: format!("{}: {why}", file.display()) };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    match args.format {
        ReportFormat::Text if !args.beside => {}
        ReportFormat::Json if !args.beside => return print_json_text(&text).map(|()| 0),
        _ => {
            let message = "this is a run of `lab sabotage`; its report can be printed with --format text or json only";
            return Err(Failure::usage(message));
        }
    }
    let report = sabotage::from_json(&text).map_err(unusable)?;
    print(&format!("{}Report: {}\n", sabotage::printed(&report), file.display())).map(|()| 0)
}

/// The folder of the run that is named by its folder or its id.
fn folder(args: &ReportArgs) -> PathBuf {
    let named = Path::new(&args.run);
    let is_run = [JSON_FILE, sabotage::JSON_FILE].iter().any(|file| named.join(file).is_file());
    let by_id = args.runs_dir.join(&args.run);
    let cut_off = args.runs_dir.join(format!("{}{PARTIAL}", args.run));
    match (is_run, by_id.is_dir(), cut_off.is_dir()) {
        (true, ..) => named.to_owned(),
        (_, true, _) => by_id,
        (_, _, true) => cut_off,
        _ if named.is_dir() => named.to_owned(),
        _ => by_id,
    }
}

fn show(report: &Report, folder: &Path, file: &Path) -> io::Result<()> {
    let names = report.cases.iter().map(|case| case.name.as_str());
    let mut terminal = Terminal::new(io::stdout(), Style::of_stdout(), folder, names)
        .explaining(|case| lab_harness::cases::find(case).is_some());
    terminal.head(report)?;
    for stage in &report.stages {
        terminal.stage(stage)?;
    }
    for case in &report.cases {
        terminal.case(case)?;
    }
    terminal.close(report, &Closing { report: Some(file), lab: LabAfter::TakenDown })
}
