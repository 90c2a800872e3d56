//! Walks the chains of a table.

use std::collections::BTreeMap;

use super::{Applies, Step, Then};

/// The chains of one table, by their names.
pub(in crate::kind) type Chains = BTreeMap<String, Vec<Step>>;

/// How many chains may have jumped to one another (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// What may become of a frame in a chain. Several may be true where rules depend on what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kind) struct Fate {
    /// It may be accepted.
    pub(in crate::kind) accepted: bool,
    /// It may be dropped, by a rule of this chain or by its policy.
    pub(in crate::kind) dropped: Option<String>,
    /// It may come to the chain's end, or go back.
    falls: bool,
}

impl Fate {
    fn take(&mut self, other: Self) -> bool {
        self.accepted |= other.accepted;
        if self.dropped.is_none() {
            self.dropped = other.dropped;
        }
        other.falls
    }
}

/// What may become of a frame that enters this base chain.
pub(in crate::kind) fn base(chains: &Chains, name: &str, policy_drops: bool) -> Fate {
    let mut fate = Fate::default();
    if fate.take(walk(chains, name, DEPTH)) {
        if policy_drops {
            fate.dropped.get_or_insert_with(|| "its policy is to drop, and no rule accepts them".to_owned());
        } else {
            fate.accepted = true;
        }
    }
    fate
}

fn walk(chains: &Chains, name: &str, depth: usize) -> Fate {
    let mut fate = Fate::default();
    let mut back = false;
    for (number, step) in (1..).zip(chains.get(name).into_iter().flatten()) {
        let always = match step.applies {
            Applies::No => continue,
            Applies::Yes => true,
            Applies::Maybe => false,
        };
        let ends = match &step.then {
            Then::Next => false,
            Then::Accept => {
                fate.accepted = true;
                true
            }
            Then::Drop => {
                fate.dropped.get_or_insert_with(|| format!("rule {number} of the chain {name}"));
                true
            }
            Then::Return => {
                back = true;
                true
            }
            Then::Jump(_) | Then::Goto(_) if depth == 0 => {
                back = true;
                true
            }
            Then::Jump(chain) => !fate.take(walk(chains, chain, depth - 1)),
            Then::Goto(chain) => {
                back |= fate.take(walk(chains, chain, depth - 1));
                true
            }
            Then::Unknown => {
                fate.accepted = true;
                fate.dropped.get_or_insert_with(|| format!("rule {number} of the chain {name}"));
                true
            }
        };
        if ends && always {
            fate.falls = back;
            return fate;
        }
    }
    fate.falls = true;
    fate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(applies: Applies, then: Then) -> Step {
        Step { applies, then }
    }

    fn fate(chains: &[(&str, Vec<Step>)], policy_drops: bool) -> (bool, Option<String>) {
        let chains = chains.iter().map(|(name, steps)| ((*name).to_owned(), steps.clone())).collect();
        let fate = base(&chains, "forward", policy_drops);
        (fate.accepted, fate.dropped)
    }

    #[test]
    fn the_first_rule_that_applies_decides_and_else_the_policy() {
        let policy = Some("its policy is to drop, and no rule accepts them".to_owned());
        assert_eq!(fate(&[("forward", vec![])], true), (false, policy.clone()));
        assert_eq!(fate(&[("forward", vec![])], false), (true, None));
        let accept =
            vec![step(Applies::No, Then::Drop), step(Applies::Yes, Then::Accept), step(Applies::Yes, Then::Drop)];
        assert_eq!(fate(&[("forward", accept)], true), (true, None));
        let unknown = vec![step(Applies::Maybe, Then::Accept)];
        assert_eq!(fate(&[("forward", unknown)], true), (true, policy));
    }

    #[test]
    fn a_jump_comes_back_and_a_goto_does_not() {
        let rule = |number| Some(format!("rule {number} of the chain forward"));
        let zones = |then| vec![step(Applies::Yes, then), step(Applies::Yes, Then::Drop)];
        let jump = zones(Then::Jump("zones".to_owned()));
        let goto = zones(Then::Goto("zones".to_owned()));
        assert_eq!(fate(&[("forward", jump.clone()), ("zones", vec![])], false), (false, rule(2)));
        assert_eq!(fate(&[("forward", goto), ("zones", vec![])], false), (true, None));
        let back = vec![step(Applies::Yes, Then::Return), step(Applies::Yes, Then::Accept)];
        assert_eq!(fate(&[("forward", jump.clone()), ("zones", back)], false), (false, rule(2)));
        let accept = vec![step(Applies::Yes, Then::Accept)];
        assert_eq!(fate(&[("forward", jump.clone()), ("zones", accept)], false), (true, None));
        let circle = vec![step(Applies::Yes, Then::Jump("forward".to_owned()))];
        assert_eq!(fate(&[("forward", circle)], false), (true, None), "no walk is endless");
    }
}
