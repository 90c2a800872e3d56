//! `lab replay`: judges a run again, from its bundle.

use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::print_json;
use crate::cli::{Format, ReplayArgs};
use lab_base::failure::{Failure, code};
use lab_base::text::clean;
use lab_bundle::{Again, Difference, Replay, Replayed};
use lab_report::{Style, Terminal};

/// The version of this program.
const OWN: &str = env!("CARGO_PKG_VERSION");

pub(super) fn replay(args: &ReplayArgs) -> Result<u8, Failure> {
    let replay = Replay::open(&args.file)?;
    if args.format == Format::Json {
        return print_json(&Document::of(&replay)).map(|()| replay.exit_code());
    }
    match show(&replay) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure { code: code::INPUT, message: format!("writing to standard output: {error}") })
        }
        Ok(()) | Err(_) => Ok(replay.exit_code()),
    }
}

fn show(replay: &Replay) -> io::Result<()> {
    let report = replay.report();
    let names = report.cases.iter().map(|case| case.name.as_str());
    let mut terminal = Terminal::new(io::stdout(), Style::of_stdout(), "the bundle", names)
        .explaining(|case| lab_harness::cases::find(case).is_some())
        .of_a_bundle();
    terminal.head(&report)?;
    for case in &replay.cases {
        let Some(recorded) = &case.recorded else { continue };
        terminal.case_with(recorded, remark(&case.again))?;
    }
    let text = [not_judged(replay), differences(replay), summary(replay)].concat();
    let mut out = io::stdout().lock();
    out.write_all(clean(&text).as_bytes())?;
    out.flush()
}

const fn remark(again: &Again) -> &'static str {
    match again {
        Again::Reproduced { reworded: false } => " (reproduced)",
        Again::Reproduced { reworded: true } => " (reproduced in other words)",
        Again::Differs(_) | Again::Unknown => " (DIFFERS: below)",
        Again::NotJudged(_) => " (not judged again)",
    }
}

/// A text that lists the cases that cannot be judged again, grouped by the reason.
fn not_judged(replay: &Replay) -> String {
    let mut whys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in &replay.cases {
        if let Again::NotJudged(why) = &case.again {
            whys.entry(why).or_default().push(&case.name);
        }
    }
    if whys.is_empty() {
        return String::new();
    }
    let lines = whys.into_iter().map(|(why, names)| {
        let names: Vec<String> = names.iter().map(|name| format!("    {name}\n")).collect();
        format!("  {why}\n{}", names.concat())
    });
    format!("\n Not judged again, because there is no evidence\n{}", lines.collect::<String>())
}

/// A text that lists the verdicts that differ, with the versions that gave them.
fn differences(replay: &Replay) -> String {
    let differing: Vec<String> = replay.cases.iter().filter_map(difference).collect();
    if differing.is_empty() {
        return String::new();
    }
    let version = &replay.opened.run.version;
    let versions = if version == OWN {
        format!("although both are of lab {OWN}: the evidence, the expectations or this program were changed")
    } else {
        format!("recorded by lab {version}, judged again by lab {OWN}")
    };
    format!("\n What differs, {versions}\n{}", differing.concat())
}

fn difference(case: &Replayed) -> Option<String> {
    let recorded = Difference::of(&case.recorded.as_ref()?.outcome);
    let now = now(&case.again)?;
    let aside = |text: &Difference| text.to_string().replace('\n', "\n                     ");
    Some(format!(
        "  DIFFERS  {}\n           recorded  {}\n           now       {}\n",
        case.name,
        aside(&recorded),
        aside(&now)
    ))
}

/// The new verdict, if it differs.
fn now(again: &Again) -> Option<Difference> {
    match again {
        Again::Differs(outcome) => Some(Difference::of(outcome)),
        Again::Unknown => Some(Difference {
            outcome: "unknown".to_owned(),
            why: format!("lab {OWN} has no such case on this backend"),
        }),
        Again::Reproduced { .. } | Again::NotJudged(_) => None,
    }
}

fn summary(replay: &Replay) -> String {
    let (reproduced, differing, not_judged) = replay.tally();
    let judged = reproduced + differing;
    let first = match (judged, differing) {
        (0, _) => "no verdict could be judged again, so this replay proves nothing".to_owned(),
        (_, 0) => format!("{reproduced} of {judged} verdicts reproduced"),
        _ => format!("{differing} of {judged} verdicts DIFFER, {reproduced} reproduced"),
    };
    let rest = if not_judged == 0 { String::new() } else { format!("; {not_judged} not judged again") };
    let not_whole = if replay.opened.index.whole {
        ""
    } else {
        "The run was not over when it was bundled, so the bundle does not have all of it\n"
    };
    let head = &replay.opened.run;
    let not_hashed = if replay.opened.has_captures_without_hash() {
        "The captures (.pcap) were not hashed when the run wrote them, so they may have been altered since; the verdicts \
         rest on evidence.jsonl, which was\n"
    } else {
        ""
    };
    format!(
        "\n{first}{rest}\n{not_whole}{not_hashed}Recorded by lab {} on {}, judged again by lab {OWN}\n",
        head.version,
        head.started.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    )
}

/// The document that `--format json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    run: &'a str,
    whole: bool,
    /// Whether all its captures have the hash that was recorded when they were written; false for runs of older versions.
    captures_hashed: bool,
    recorded_by: &'a str,
    judged_by: &'a str,
    reproduced: usize,
    differ: usize,
    not_judged: usize,
    exit_code: u8,
    cases: Vec<CaseOf<'a>>,
}

#[derive(Serialize)]
struct CaseOf<'a> {
    name: &'a str,
    again: &'static str,
    /// Outcome and reasons as they were recorded; null for a case without a verdict.
    recorded: Option<Difference>,
    /// Outcome and reasons now, if they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Difference>,
    /// Why it was not judged again, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn of(replay: &'a Replay) -> Self {
        let (reproduced, differ, not_judged) = replay.tally();
        let case = |case: &'a Replayed| CaseOf {
            name: &case.name,
            again: match case.again {
                Again::Reproduced { reworded: false } => "reproduced",
                Again::Reproduced { reworded: true } => "reproduced_in_other_words",
                Again::Differs(_) | Again::Unknown => "differs",
                Again::NotJudged(_) => "not_judged",
            },
            recorded: case.recorded.as_ref().map(|recorded| Difference::of(&recorded.outcome)),
            now: now(&case.again),
            why: match &case.again {
                Again::NotJudged(why) => Some(why),
                _ => None,
            },
        };
        Self {
            schema: 1,
            run: &replay.opened.run.id,
            whole: replay.opened.index.whole,
            captures_hashed: !replay.opened.has_captures_without_hash(),
            recorded_by: &replay.opened.run.version,
            judged_by: OWN,
            reproduced,
            differ,
            not_judged,
            exit_code: replay.exit_code(),
            cases: replay.cases.iter().map(case).collect(),
        }
    }
}
