//! What the judges of what was sent have in common: what was looked at, and what was not.

use std::collections::BTreeSet;

use lab_model::expect::Expectations;
use lab_model::foreign::{PROBE, PROBE_PORT, Sample};
use lab_model::observe::NodeName;
use lab_model::{Judgement, NotHeld, Proof, words};

/// How many nodes or pods are named before the rest is only counted.
const NAMED: usize = 3;

/// What is expected of pods of the probe's own, of which there are so many.
pub(super) fn of_own(expect: &Expectations, replicas: usize) -> Expectations {
    Expectations { replicas, target_port: PROBE_PORT, service: PROBE.to_owned(), ..expect.clone() }
}

/// How many nodes were neither seen nor said to take no part; none where there is no such node.
pub(super) fn unknown(sample: &Sample, seen: usize, expect: &Expectations) -> Option<String> {
    let (known, nodes) = (seen + sample.silent.len(), expect.nodes());
    (known < nodes).then(|| format!("of {} of {nodes} nodes nothing is known", nodes - known))
}

/// Which of these nodes no pair of the sample begins or ends with, beside those that took no part: none of them was looked at
/// both ways.
pub(super) fn beyond_pairs<'a>(sample: &Sample, nodes: impl IntoIterator<Item = &'a NodeName>) -> Option<String> {
    let senders: BTreeSet<&NodeName> = sample.pairs.iter().map(|(from, _to)| from).collect();
    let receivers: BTreeSet<&NodeName> = sample.pairs.iter().map(|(_from, to)| to).collect();
    let is_there =
        |node: &&NodeName| sample.silent.contains_key(*node) || senders.contains(node) && receivers.contains(node);
    let left: Vec<String> = nodes.into_iter().filter(|node| !is_there(node)).map(ToString::to_string).collect();
    (!left.is_empty())
        .then(|| format!("of the pairs that stand for others none is of {} both ways", words::few(&left, NAMED, ", ")))
}

/// What a judgement about what was looked at says of the cluster: never that something holds for nodes that took no part,
/// and nothing against a network where a policy lets pass only some packets.
pub(super) fn of_sample(
    judged: Judgement,
    sample: &Sample,
    left_out: Option<String>,
    stands_for: Option<String>,
) -> Judgement {
    let silent: Vec<String> = sample.silent.iter().map(|(node, why)| format!("{node}: {why}")).collect();
    let missing = || words::few(&silent, NAMED, "; ");
    let policed: Vec<String> = sample.policed.iter().map(|(pod, ways)| format!("{pod} ({ways})")).collect();
    match judged {
        Ok(proof) if silent.is_empty() => match left_out {
            None => Ok(told(proof, stands_for)),
            Some(left_out) => Err(NotHeld::Unobserved(format!("{left_out}; of the others: {}", proof.summary))),
        },
        Ok(proof) => Err(NotHeld::Unobserved(format!("{}; of the other nodes: {}", missing(), proof.summary))),
        Err(NotHeld::Refuted(findings)) if !policed.is_empty() => {
            let first = findings.first().map(|finding| format!(": {}", finding.observed)).unwrap_or_default();
            Err(NotHeld::Unobserved(format!(
                "Cilium enforces policies on {}: what does not pass there says nothing about the network{first}",
                words::few(&policed, NAMED, ", ")
            )))
        }
        Err(NotHeld::Unobserved(why)) if !silent.is_empty() => {
            Err(NotHeld::Unobserved(format!("{}; {why}", missing())))
        }
        other => other,
    }
}

fn told(proof: Proof, stands_for: Option<String>) -> Proof {
    match stands_for {
        None => proof,
        Some(stands_for) => Proof { summary: format!("{}; {stands_for}", proof.summary), ..proof },
    }
}

/// `looked at: 6 of 6 ordered pairs of nodes`.
pub(super) fn pairs_of(sent: usize, of: usize) -> String {
    let beyond = if sent < of { ", which stand for the others" } else { "" };
    format!("looked at: {sent} of {of} ordered pairs of nodes{beyond}")
}
