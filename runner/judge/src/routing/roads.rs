//! What speaks against the ways between pairs of nodes, gathered while the routing judges look.

use std::collections::{BTreeMap, HashSet};

use super::node::Node;
use super::verdict::{Pair, Verdict};
use crate::fib::Flow;
use crate::weighing::Weighing;
use lab_model::road::Way;
use lab_model::{Finding, Reason};

/// Ordered pairs of nodes, with the nodes' positions.
pub(super) type Pairs<'s, 'a> = [((usize, usize), Pair<'s, 'a>)];

/// Every ordered pair of nodes for which `pair` finds all that it needs.
pub(super) fn pairs<'s, 'a>(
    nodes: &'s [Node<'a>],
    pair: impl Fn(&'s Node<'a>, &'s Node<'a>) -> Option<Pair<'s, 'a>>,
) -> Vec<((usize, usize), Pair<'s, 'a>)> {
    let numbered = || nodes.iter().enumerate();
    numbered()
        .flat_map(|(from, node)| numbered().map(move |(to, peer)| ((from, to), (node, peer))))
        .filter(|((from, to), _nodes)| from != to)
        .filter_map(|(at, (node, peer))| Some((at, pair(node, peer)?)))
        .collect()
}

/// Findings about pairs of nodes, one for each pair and reason.
#[derive(Default)]
pub(super) struct Roads {
    pub(super) weighing: Weighing,
    known: HashSet<(usize, Option<usize>, Reason)>,
    undecided: HashSet<(usize, String)>,
    /// What was found about each pair whose way is not [`Way::Direct`].
    ways: BTreeMap<(usize, usize), Way>,
}

impl Roads {
    /// A finding about the node at `from` and the peer at `to`, unless there is one for this reason already.
    pub(super) fn refute(
        &mut self,
        (from, to): (usize, Option<usize>),
        reason: Reason,
        finding: impl FnOnce() -> Finding,
    ) {
        if !self.known.insert((from, to, reason)) {
            return;
        }
        let finding = finding();
        if let Some(to) = to {
            let place = format!("{}: ", finding.place);
            let observed = finding.observed.strip_prefix(&place).unwrap_or(&finding.observed).to_owned();
            let way = self.ways.entry((from, to)).or_insert_with(|| Way::Undecided { missing: String::new() });
            // The first finding stands for all, and what was found counts before what was not seen.
            if matches!(way, Way::Undecided { .. }) {
                *way = Way::Astray { reason, observed };
            }
        }
        self.weighing.push(finding);
    }

    /// Notes what is missing about one pair; the verdict has what is missing for the lab as a whole.
    pub(super) fn open(&mut self, at: (usize, usize), missing: &str) {
        self.ways.entry(at).or_insert_with(|| Way::Undecided { missing: missing.to_owned() });
    }

    /// Takes a verdict in.
    pub(super) fn take(&mut self, (from, to): (usize, usize), pair: &Pair<'_, '_>, flow: &Flow<'_>, verdict: Verdict) {
        match verdict {
            Verdict::Direct => {}
            Verdict::Astray(reason, observed) => {
                self.refute((from, Some(to)), reason, || pair.finding(reason, flow, &observed));
            }
            Verdict::Open(why) => {
                self.open((from, to), &why);
                if self.undecided.insert((from, why.clone())) {
                    self.weighing.miss(format!("{}: {why}", pair.from.name));
                }
            }
        }
    }

    /// Weighs what rules and routes decide for every pair: all packets that stand for those between them.
    pub(super) fn weigh_tables(&mut self, pairs: &Pairs<'_, '_>) {
        for (at, pair) in pairs {
            for destination in pair.destinations() {
                for origin in &pair.from.origins {
                    let flow = origin.flow(destination);
                    let verdict = pair.weigh(&flow, &pair.from.fib.decide(&flow));
                    self.take(*at, pair, &flow, verdict);
                }
            }
        }
    }

    /// What was found about a pair.
    pub(super) fn way(&self, at: (usize, usize), pair: &Pair<'_, '_>) -> Way {
        self.ways.get(&at).cloned().unwrap_or_else(|| Way::Direct { route: pair.route() })
    }
}
