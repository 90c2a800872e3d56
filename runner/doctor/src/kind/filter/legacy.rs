//! Rules of the legacy iptables, from what `iptables-save` prints.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::Chains;
use super::{Applies, Frame, Step, Then, target, within};

/// A table of the legacy iptables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyTable {
    /// Its name: `filter`.
    pub name: String,
    /// Its base chains, each with whether its policy is to drop.
    pub bases: BTreeMap<String, bool>,
    /// The words of each rule, by chain.
    rules: BTreeMap<String, Vec<Vec<String>>>,
}

impl LegacyTable {
    /// Reads what `iptables-save -t NAME` prints.
    pub(in crate::kind) fn parse(name: &str, printed: &str) -> Self {
        let mut table = Self { name: name.to_owned(), ..Self::default() };
        for line in printed.lines() {
            let words = words(line);
            match words.first().map(String::as_str) {
                Some(chain) if chain.starts_with(':') => {
                    let chain = chain.trim_start_matches(':').to_owned();
                    match words.get(1).map(String::as_str) {
                        Some("-") | None => {}
                        Some(policy) => {
                            table.bases.insert(chain.clone(), policy == "DROP");
                        }
                    }
                    table.rules.entry(chain).or_default();
                }
                Some("-A") if words.len() > 1 => {
                    table.rules.entry(words[1].clone()).or_default().push(words[2..].to_vec());
                }
                _ => {}
            }
        }
        table
    }

    /// Its chains, for a frame in this base chain.
    pub(in crate::kind) fn chains(&self, base: &str, frame: &Frame) -> Chains {
        let names: BTreeSet<&str> = self.rules.keys().map(String::as_str).collect();
        let steps = |rules: &[Vec<String>]| rules.iter().map(|rule| step(rule, base, frame, &names)).collect();
        self.rules.iter().map(|(name, rules)| (name.clone(), steps(rules))).collect()
    }
}

/// The words of a line; one in quotes may contain spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn step(rule: &[String], base: &str, frame: &Frame, chains: &BTreeSet<&str>) -> Step {
    let mut applies = Applies::Yes;
    let mut inverted = false;
    let mut words = rule.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_default();
        let test = match word {
            "!" => {
                inverted = true;
                continue;
            }
            "-j" => {
                let name = next();
                let chain = || if chains.contains(name) { Then::Jump(name.to_owned()) } else { Then::Unknown };
                return Step { applies, then: target(name).unwrap_or_else(chain) };
            }
            "-g" => return Step { applies, then: Then::Goto(next().to_owned()) },
            "-m" | "--comment" => {
                next();
                continue;
            }
            "-i" => link(next(), if base == "POSTROUTING" { "" } else { &frame.bridge }),
            "-o" => link(next(), if base == "PREROUTING" { "" } else { &frame.bridge }),
            "-s" | "-d" => next().parse().map_or(Applies::Maybe, |network| within(frame.addresses, network)),
            "-p" => match next() {
                "tcp" | "6" | "all" => Applies::Yes,
                _ => Applies::No,
            },
            "--ctstate" | "--state" => next().split(',').any(|state| state == "NEW").into(),
            "--physdev-is-bridged" => Applies::Yes,
            _ => Applies::Maybe,
        };
        applies = applies.and(if inverted { test.not() } else { test });
        inverted = false;
    }
    Step { applies, then: Then::Next }
}

/// Whether a link's name is this one; one that ends in `+` is the beginning of a name.
fn link(given: &str, name: &str) -> Applies {
    match given.strip_suffix('+') {
        Some(beginning) => name.starts_with(beginning).into(),
        None => (name == given).into(),
    }
}
