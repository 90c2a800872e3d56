//! Two outputs, line beside line.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::lines::{Line, read};
use super::model::{Mark, Outcome, Pair};
use super::steps::{Declared, Mask, Step};
use super::words::Reading;

/// What this lab printed, with what its words are read with.
pub(super) struct Printed<'a> {
    /// The output.
    pub text: &'a str,
    /// Addresses of pods.
    pub reading: Reading,
    /// The run declared a deviation from the pins.
    pub deviates: bool,
}

/// What a comparison comes to.
pub(super) struct Compared {
    pub outcome: Outcome,
    pub pairs: Vec<Pair>,
    /// Rows of this lab's that the article does not show.
    pub left_out: usize,
}

/// Puts the article's output and this lab's beside each other.
pub(super) fn compare(step: &Step, article: Reading, printed: &Printed<'_>) -> Compared {
    let declared: Vec<&Declared> =
        step.declared.iter().filter(|declared| !declared.deviating || printed.deviates).collect();
    let masks: Vec<Mask> = declared.iter().map(|declared| declared.what).collect();
    let theirs = read(step.article, step.shape, article, &masks, step.article);
    let ours = read(printed.text, step.shape, printed.reading, &masks, step.article);
    let keys = |lines: &[Line]| lines.iter().map(|line| line.key.clone()).collect::<Vec<_>>();
    let mut pairs = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &keys(&theirs.lines), &keys(&ours.lines)) {
        let is_equal = matches!(op, DiffOp::Equal { .. });
        let (left, right) = (&theirs.lines[op.old_range()], &ours.lines[op.new_range()]);
        for index in 0..left.len().max(right.len()) {
            pairs.push(pair(left.get(index), right.get(index), is_equal, &declared, step.article));
        }
    }
    // An output without a line is no output: nothing was compared.
    let worst = pairs.iter().map(|pair| pair.mark).max().unwrap_or(Mark::Differs);
    let outcome = match worst {
        Mark::Same => Outcome::Same,
        Mark::Declared => Outcome::Declared,
        Mark::Differs => Outcome::Differs,
    };
    Compared { outcome, pairs, left_out: ours.left_out }
}

fn pair(article: Option<&Line>, lab: Option<&Line>, is_equal: bool, declared: &[&Declared], whole: &str) -> Pair {
    let (mark, why) = match (article, lab) {
        (Some(theirs), Some(ours)) if is_equal && theirs.text == ours.text => (Mark::Same, Vec::new()),
        (Some(theirs), Some(ours)) if is_equal => {
            let which = declared.iter().filter(|declared| theirs.differs_in(declared.what, ours, whole));
            let mut why: Vec<String> = which.map(|declared| declared.why.to_owned()).collect();
            why.dedup();
            (Mark::Declared, why)
        }
        _ => (Mark::Differs, Vec::new()),
    };
    let text = |line: Option<&Line>| line.map(|line| line.text.clone());
    Pair { mark, article: text(article), lab: text(lab), why }
}
