//! `lab bundle`: a run in one file.

use std::path::{Path, PathBuf};

use super::print;
use crate::cli::BundleArgs;
use lab_base::failure::{Failure, code};
use lab_bundle::{Anonymised, Packing, plan};
use lab_evidence::{PARTIAL, RUN_FILE};
use lab_sabotage as sabotage;

/// What is said of a bundle with other names and addresses.
const ANONYMISED: &str = "  (names and addresses are not the cluster's own, and its verdicts are the same; look through it before you give it away)\n";

pub(super) fn bundle(args: &BundleArgs) -> Result<u8, Failure> {
    let folder = folder(args)?;
    if folder.join(sabotage::JSON_FILE).exists() {
        return Err(Failure::usage(format!(
            "{}: this is a run of `lab sabotage`, which has no verdicts that could be judged again; `lab report {0}` shows \
             it, and all its files are in its folder",
            args.run
        )));
    }
    let anonymised = args.anonymise.then(|| Anonymised::of(&folder)).transpose()?;
    let packing = plan(anonymised.as_ref().map_or(&folder, Anonymised::folder))?;
    let output = args.output.clone().unwrap_or_else(|| packing.default_name(args.anonymise));
    if args.dry_run {
        return print(&dry_run(args, &packing, &output)).map(|()| 0);
    }
    let bytes = packing.write(&output, args.force)?;
    let index = packing.index();
    let files = match packing.index().members.len() {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let lines = [
        format!(
            "{}, {} kB: run {} by lab {}, {files}\n",
            output.display(),
            bytes.div_ceil(1000),
            index.run,
            index.version
        ),
        if args.anonymise { ANONYMISED.to_owned() } else { String::new() },
        not_whole(&packing),
        not_hashed(&packing),
        left_out(&packing),
        format!("Judge it again: lab replay {}\n", output.display()),
    ];
    print(&lines.concat()).map(|()| 0)
}

/// The folder of the run that is named by its folder or its id. The run need not be over.
fn folder(args: &BundleArgs) -> Result<PathBuf, Failure> {
    let named = Path::new(&args.run);
    let run = args.runs_dir.join(&args.run);
    let partial = args.runs_dir.join(format!("{}{PARTIAL}", args.run));
    let found = [named.to_owned(), run, partial].into_iter().find(|folder| folder.join(RUN_FILE).exists());
    found.ok_or_else(|| Failure {
        code: code::INPUT,
        message: format!(
            "{}: there is no such run in {}; if runs are kept in another folder, name it with --runs-dir",
            args.run,
            args.runs_dir.display()
        ),
    })
}

fn not_whole(packing: &Packing) -> String {
    if packing.index().whole {
        return String::new();
    }
    "  (incomplete: the run was not over; cases without a verdict cannot be judged again)\n".to_owned()
}

fn not_hashed(packing: &Packing) -> String {
    if !packing.has_captures_without_hash() {
        return String::new();
    }
    "  (the captures were not hashed when an older lab wrote them: whether they were altered since cannot be told)\n"
        .to_owned()
}

fn left_out(packing: &Packing) -> String {
    let lines: Vec<String> = packing.left_out().iter().map(|what| format!("  (left out: {what})\n")).collect();
    lines.concat()
}

fn dry_run(args: &BundleArgs, packing: &Packing, output: &Path) -> String {
    let mut lines = vec![format!("would write {}\n", output.display())];
    if output.symlink_metadata().is_ok() {
        let so = if args.force { "and would be replaced" } else { "and is not replaced without --force" };
        lines.push(format!("  (it exists, {so})\n"));
    }
    lines.extend(args.anonymise.then(|| ANONYMISED.to_owned()));
    lines.extend([not_whole(packing), not_hashed(packing)]);
    lines.extend(packing.index().members.iter().map(|member| format!("  {:>9}  {}\n", member.bytes, member.path)));
    lines.push(left_out(packing));
    lines.concat()
}
