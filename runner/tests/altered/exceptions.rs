//! What may stay held, read from `exceptions.txt` for labs, from `foreign.txt` for what is read of foreign clusters, and from
//! `probed.txt` for what is sent there.

use super::alteration::Change;

/// A list: paragraphs of a reason and what it is the reason for.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    file: &'static str,
    text: &'static str,
    /// How many pairs of a case and an element may stay held: the list must not come to mean more than it did unseen.
    pub(super) pairs: usize,
}

/// Of what labs show.
pub(super) const LABS: List = List { file: "exceptions.txt", text: include_str!("exceptions.txt"), pairs: 784 };
/// Of what foreign clusters show.
pub(super) const FOREIGN: List = List { file: "foreign.txt", text: include_str!("foreign.txt"), pairs: 111 };

/// Of what is sent in foreign clusters, and seen within their pods.
pub(super) const PROBED: List = List { file: "probed.txt", text: include_str!("probed.txt"), pairs: 185 };

/// Alterations with which a case may stay held.
#[derive(Debug)]
pub(super) struct Exception {
    /// For messages: the number of its line in the file, and its element.
    pub(super) at: (usize, &'static str),
    cases: Cases,
    /// None: every change.
    changes: Option<Vec<Change>>,
    element: Element,
}

/// The cases that a line is for: `**`, `wire::**`, `wire::full_mtu_fits`, several of an area,
/// `wire::full_mtu_fits,no_router_between_nodes`, or all others of it, `wire::!full_mtu_fits`.
#[derive(Debug)]
enum Cases {
    All,
    Named(&'static str, Vec<&'static str>),
    Others(&'static str, Vec<&'static str>),
}

impl Cases {
    fn new(text: &'static str) -> Option<Self> {
        if text == "**" {
            return Some(Self::All);
        }
        let (area, claims) = text.split_once("::")?;
        Some(match claims.strip_prefix('!') {
            _ if claims == "**" => Self::Others(area, Vec::new()),
            Some(others) => Self::Others(area, others.split(',').collect()),
            None => Self::Named(area, claims.split(',').collect()),
        })
    }

    fn fits(&self, case: &str) -> bool {
        let Some((area, claim)) = case.split_once("::") else { return false };
        match self {
            Self::All => true,
            Self::Named(own, claims) => *own == area && claims.contains(&claim),
            Self::Others(own, claims) => *own == area && !claims.contains(&claim),
        }
    }
}

/// An element's name, or its end.
#[derive(Debug)]
enum Element {
    Whole(&'static str),
    End(&'static str),
}

impl Element {
    fn new(text: &'static str) -> Self {
        text.strip_prefix("**").map_or(Self::Whole(text), Self::End)
    }

    fn fits(&self, element: &str) -> bool {
        match self {
            Self::Whole(whole) => element == *whole,
            Self::End(end) => element.ends_with(end),
        }
    }
}

impl Exception {
    /// Whether this alteration of an element is one of those.
    pub(super) fn fits(&self, case: &str, change: Change, element: &str) -> bool {
        self.cases.fits(case)
            && self.changes.as_ref().is_none_or(|changes| changes.contains(&change))
            && self.element.fits(element)
    }
}

/// All of the list.
///
/// # Errors
/// The line that is not one, or that has no reason above it.
pub(super) fn read(list: List) -> Result<Vec<Exception>, String> {
    let mut exceptions = Vec::new();
    let mut has_reason = false;
    let List { file, text, .. } = list;
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() {
            has_reason = false;
        } else if line.starts_with("# ") {
            has_reason = true;
        } else {
            let wrong = |what: &str| format!("{file}:{}: {what}: {line}", number + 1);
            let mut words = line.split_whitespace();
            let (Some(cases), Some(changes)) = (words.next(), words.next()) else {
                return Err(wrong("expected cases, changes and elements"));
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
            for element in words {
                exceptions.push(Exception {
                    at: (number + 1, element),
                    cases: Cases::new(cases).ok_or_else(|| wrong("a case is AREA::CLAIM"))?,
                    changes: changes.clone(),
                    element: Element::new(element),
                });
            }
        }
    }
    Ok(exceptions)
}
