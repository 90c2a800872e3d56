//! The comparison for a reader.

use std::fmt::Write;

use super::model::{Beside, Mark, Outcome, Pair, StepBeside};
use crate::Style;
use lab_base::text::clean;

/// The whole of it. Lines are normalised, so that only what differs differs; `beside.json` has them as they were printed too.
pub fn text(beside: &Beside, style: Style) -> String {
    let mut text = String::new();
    for step in &beside.steps {
        one(&mut text, step, style);
        text.push('\n');
    }
    let count = |outcome| beside.steps.iter().filter(|step| step.outcome == outcome).count();
    let counts: Vec<String> = [
        (Outcome::Same, "the same"),
        (Outcome::Declared, "the same but for what is declared"),
        (Outcome::Differs, "different"),
        (Outcome::NotSeen, "not seen"),
    ]
    .into_iter()
    .filter(|(outcome, _)| count(*outcome) > 0)
    .map(|(outcome, words)| format!("{} {words}", count(outcome)))
    .collect();
    let _never_fails =
        writeln!(text, "{} steps of the article print something: {}", beside.steps.len(), counts.join(", "));
    text
}

fn one(text: &mut String, step: &StepBeside, style: Style) {
    let outcome = match step.outcome {
        Outcome::Same => style.good("the same"),
        Outcome::Declared => style.good("the same but for what is declared"),
        Outcome::Differs => style.bad("DIFFERENT"),
        Outcome::NotSeen => style.open("NOT SEEN"),
    };
    let mut line = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&format!(" {}  {outcome}", style.heading(&format!("{}: {}", step.step, step.command))));
    let Some(lab) = &step.lab else {
        line(&format!("   {}", clean(&step.missing)));
        return;
    };
    let how = match (lab.rendered, lab.code) {
        (true, _) => " (rendered from what the probe saw)".to_owned(),
        (false, Some(0) | None) => String::new(),
        (false, Some(code)) => format!(" (exit code {code})"),
    };
    line(&format!("   {}{}", style.aside(&format!("{}: {}", lab.place, lab.command)), style.aside(&how)));
    for Pair { mark, article, lab, why } in &step.lines {
        let sided = |side: &str, text: &Option<String>| {
            text.as_ref().map(|text| format!("{side} {}", clean(text))).unwrap_or_default()
        };
        match mark {
            Mark::Same => line(&sided("    ", lab)),
            Mark::Declared | Mark::Differs => {
                let sign = if *mark == Mark::Declared { "~" } else { "≠" };
                for (side, text) in [("article", article), ("lab    ", lab)] {
                    let shown = text.as_deref().map_or_else(|| "(no such line)".to_owned(), clean);
                    line(&format!("   {sign} {side}  {shown}"));
                }
                if !why.is_empty() {
                    line(&format!("     {}", style.aside(&why.join("; "))));
                }
            }
        }
    }
    match step.left_out {
        0 => {}
        1 => line("     1 further row that the article does not show"),
        many => line(&format!("     {many} further rows that the article does not show")),
    }
}
