//! What may stay held, read from `exceptions.txt`.

use super::alteration::{Alteration, Change};

/// How many pairs of a case and an element may stay held: the list must not come to mean more than it did unseen.
pub(super) const PAIRS: usize = 784;

/// The list itself: paragraphs of a reason and what it is the reason for.
const TEXT: &str = include_str!("exceptions.txt");

/// Alterations with which a case may stay held.
#[derive(Debug)]
pub(super) struct Exception {
    /// For messages: the number of its line in the file, and its element.
    pub(super) at: (usize, &'static str),
    case: Pattern,
    /// None: every change.
    changes: Option<Vec<Change>>,
    element: Pattern,
}

/// A name, or its beginning, or its end.
#[derive(Debug)]
enum Pattern {
    Whole(&'static str),
    Beginning(&'static str),
    End(&'static str),
}

impl Pattern {
    fn new(text: &'static str) -> Self {
        match (text.strip_suffix("**"), text.strip_prefix("**")) {
            (Some(beginning), _) => Self::Beginning(beginning),
            (None, Some(end)) => Self::End(end),
            (None, None) => Self::Whole(text),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => text == *whole,
            Self::Beginning(beginning) => text.starts_with(beginning),
            Self::End(end) => text.ends_with(end),
        }
    }
}

impl Exception {
    /// Whether this alteration is one of those.
    pub(super) fn fits(&self, case: &str, one: &Alteration) -> bool {
        self.case.fits(case)
            && self.changes.as_ref().is_none_or(|changes| changes.contains(&one.change))
            && self.element.fits(&one.element)
    }
}

/// All of the list.
///
/// # Errors
/// The line that is not one, or that has no reason above it.
pub(super) fn read() -> Result<Vec<Exception>, String> {
    let mut exceptions = Vec::new();
    let mut has_reason = false;
    for (number, line) in TEXT.lines().enumerate() {
        if line.is_empty() {
            has_reason = false;
        } else if line.starts_with("# ") {
            has_reason = true;
        } else {
            let wrong = |what: &str| format!("exceptions.txt:{}: {what}: {line}", number + 1);
            let mut words = line.split_whitespace();
            let (Some(case), Some(changes)) = (words.next(), words.next()) else {
                return Err(wrong("expected a case, changes and elements"));
            };
            if !has_reason {
                return Err(wrong("no reason stands above it"));
            }
            let changes = match changes {
                "any" => None,
                list => Some(
                    list.split(',')
                        .map(|name| Change::named(name).ok_or_else(|| wrong(&format!("there is no change {name}"))))
                        .collect::<Result<Vec<_>, _>>()?,
                ),
            };
            exceptions.extend(words.map(|element| Exception {
                at: (number + 1, element),
                case: Pattern::new(case),
                changes: changes.clone(),
                element: Pattern::new(element),
            }));
        }
    }
    Ok(exceptions)
}
