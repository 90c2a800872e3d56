//! The article beside the lab: for each step that prints something, what it printed and what this lab printed.

use std::path::Path;

use super::table::{Cell, Table};
use crate::beside::{Beside, Mark, Outcome, Pair, StepBeside, of_run};
use lab_base::failure::chain;

/// The section.
#[derive(Debug)]
pub(super) struct Section {
    /// `2 the same, 9 not seen`; or why there is no comparison.
    pub(super) summary: String,
    pub(super) steps: Vec<StepView>,
    /// Steps of which nothing was seen, with the reason.
    pub(super) unseen: Vec<(String, String)>,
}

/// A step that both printed something for.
#[derive(Debug)]
pub(super) struct StepView {
    pub(super) id: String,
    pub(super) step: String,
    /// The article's command.
    pub(super) command: String,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    /// Begins unfolded: something differs that is not declared to.
    pub(super) open: bool,
    /// Where this lab's output is from.
    pub(super) from: String,
    pub(super) lines: Table,
    pub(super) left_out: usize,
}

impl Section {
    /// Of the run in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        match of_run(folder) {
            Ok(beside) => Self::with(&beside),
            Err(error) => Self {
                summary: format!("Nothing was compared: {}.", chain(&error)),
                steps: Vec::new(),
                unseen: Vec::new(),
            },
        }
    }

    fn with(beside: &Beside) -> Self {
        let count = |outcome| beside.steps.iter().filter(|step| step.outcome == outcome).count();
        let outcomes = [Outcome::Differs, Outcome::Declared, Outcome::Same, Outcome::NotSeen];
        let counts = outcomes.into_iter().filter(|outcome| count(*outcome) > 0);
        let counts: Vec<String> = counts.map(|outcome| format!("{} {}", count(outcome), shown(outcome).2)).collect();
        let all = beside.steps.len();
        let seen = beside.steps.iter().enumerate().filter_map(|(index, step)| view(index, step)).collect();
        let unseen = beside.steps.iter().filter(|step| step.lab.is_none());
        Self {
            summary: format!("Of {all} steps of the article that print something: {}.", counts.join(", ")),
            steps: seen,
            unseen: unseen.map(|step| (step.command.clone(), step.missing.clone())).collect(),
        }
    }
}

/// Class, sign and words of an outcome.
const fn shown(outcome: Outcome) -> (&'static str, &'static str, &'static str) {
    match outcome {
        Outcome::Same => ("good", "=", "the same"),
        Outcome::Declared => ("good", "~", "the same but for what is declared"),
        Outcome::Differs => ("bad", "≠", "DIFFERENT"),
        Outcome::NotSeen => ("open", "?", "not seen"),
    }
}

fn view(index: usize, step: &StepBeside) -> Option<StepView> {
    let lab = step.lab.as_ref()?;
    let how = match (lab.rendered, lab.code) {
        (true, _) => ", written from what the probe saw".to_owned(),
        (false, Some(0) | None) => String::new(),
        (false, Some(code)) => format!(", exit code {code}"),
    };
    let (class, _, word) = shown(step.outcome);
    Some(StepView {
        id: format!("article-{}", index + 1),
        step: step.step.clone(),
        command: step.command.clone(),
        class,
        word,
        open: step.outcome == Outcome::Differs,
        from: format!("{}: {}{how}", lab.place, lab.command),
        lines: Table {
            caption: "Line by line, without what is drawn anew for each cluster".to_owned(),
            head: vec!["", "The article", "This lab", "Why"],
            rows: step.lines.iter().map(row).collect(),
        },
        left_out: step.left_out,
    })
}

fn row(pair: &Pair) -> Vec<Cell> {
    let (class, sign) = match pair.mark {
        Mark::Same => ("good", "="),
        Mark::Declared => ("open", "~"),
        Mark::Differs => ("bad", "≠"),
    };
    let side = |text: &Option<String>| text.as_ref().map_or_else(|| Cell::of("aside", "no such line"), Cell::code);
    let why =
        if pair.why.is_empty() && pair.mark == Mark::Differs { "differs".to_owned() } else { pair.why.join("; ") };
    vec![Cell::of(class, sign), side(&pair.article), side(&pair.lab), Cell::plain(why)]
}
