//! A run as an operator reads it: what is wrong with each node, and on its way to each peer, the worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lab_base::text::counted;
use lab_model::observe::Place;
use lab_model::report::Report;
use lab_model::road::Way;
use lab_model::{BackendKind, Reason};

/// Peers of one node that are told one by one where there is little room.
pub(super) const PEERS_TOLD: usize = 3;

/// What is wrong with a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFindings {
    /// Its name.
    pub node: String,
    /// The peers whose pods its packets do not get to.
    pub peers: Vec<PeerAstray>,
    /// What else was found.
    pub others: Vec<NodeFinding>,
    /// Why not all is known of it, where its agent does not answer.
    pub silent: Option<String>,
    /// The commands that show it.
    pub by_hand: Vec<String>,
}

/// A peer whose pods a node's packets do not get to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAstray {
    /// The peer.
    pub to: String,
    /// Its pod CIDR.
    pub pods: String,
    /// What is wrong.
    pub reason: Reason,
    /// What was observed, and why it is so, as far as that is known.
    pub observed: String,
}

/// A finding on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFinding {
    /// The case.
    pub case: String,
    /// What is wrong.
    pub reason: Reason,
    /// What was observed, without the node's name before it.
    pub observed: String,
}

impl PeerAstray {
    /// In a sentence that goes on after the node's name: `no route to worker-3's 10.0.3.0/24: …`.
    pub fn in_words(&self) -> String {
        let what = match self.reason {
            Reason::RouteMissing => "no route to".to_owned(),
            Reason::WrongNextHop => "a wrong next hop to".to_owned(),
            Reason::WrongDevice => "a wrong link to".to_owned(),
            Reason::ThroughTunnel => "a tunnel to".to_owned(),
            other => format!("{} to", other.to_string().replace('_', " ")),
        };
        let why = self.observed.strip_prefix("no route; ").unwrap_or(&self.observed);
        format!("{what} {}'s {}: {why}", self.to, self.pods)
    }
}

impl NodeFindings {
    /// How much is wrong.
    pub fn count(&self) -> usize {
        self.peers.len() + self.others.len()
    }

    /// What is wrong, each in a sentence; of more peers than `peers` how many there are.
    pub fn lines(&self, peers: usize) -> Vec<String> {
        let told = self.peers.iter().take(peers).map(PeerAstray::in_words);
        let more = self.peers.len().saturating_sub(peers);
        let names: Vec<&str> = self.peers.iter().skip(peers).take(PEERS_TOLD).map(|peer| peer.to.as_str()).collect();
        let rest = (more > 0).then(|| {
            format!(
                "likewise to {}: {}{}",
                counted(more, "more peer"),
                names.join(", "),
                if more > names.len() { ", …" } else { "" }
            )
        });
        let others = self.others.iter().map(|finding| finding.observed.clone());
        told.chain(rest).chain(others).chain(self.silent.clone()).collect()
    }

    /// What stands beside its name: how many findings, or that it was not seen.
    pub fn standing(&self) -> String {
        match (&self.silent, self.count()) {
            (Some(_), 0) => "unobserved".to_owned(),
            (_, count) => counted(count, "finding"),
        }
    }

    /// In one line.
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.node, self.lines(PEERS_TOLD).join("; "))
    }
}

/// The nodes of a foreign cluster with findings, those with the most first, and among as many by their names; then those
/// whose agents do not answer. A lab has none.
pub fn by_node(report: &Report) -> Vec<NodeFindings> {
    if report.head.backend != BackendKind::Cluster {
        return Vec::new();
    }
    let mut nodes: BTreeMap<&str, NodeFindings> = BTreeMap::new();
    for case in &report.cases {
        for silent in &case.found.silent {
            nodes.entry(&silent.node.0).or_default().silent = Some(silent.why.clone());
        }
        let roads = &case.found.roads;
        for road in roads {
            let Way::Astray { reason, observed } = &road.way else { continue };
            nodes.entry(&road.from.0).or_default().peers.push(PeerAstray {
                to: road.to.to_string(),
                pods: road.pods.to_string(),
                reason: *reason,
                observed: observed.clone(),
            });
        }
        for (finding, command) in case.findings() {
            let Place::Node(node) = &finding.place else { continue };
            let found = nodes.entry(&node.0).or_default();
            let by_peer = roads.iter().any(|road| road.from == *node);
            if let Some(command) = command.filter(|command| !found.by_hand.iter().any(|known| known == command)) {
                // Peers are told first, and so is what shows them.
                let place = if by_peer { 0 } else { found.by_hand.len() };
                found.by_hand.insert(place, command.to_owned());
            }
            // Where the peers are told one by one, the finding says nothing more.
            if by_peer {
                continue;
            }
            let own = format!("{node}: ");
            let observed = finding.observed.strip_prefix(&own).unwrap_or(&finding.observed).to_owned();
            found.others.push(NodeFinding { case: case.name.clone(), reason: finding.reason, observed });
        }
    }
    let named = |(node, found): (&str, NodeFindings)| NodeFindings { node: node.to_owned(), ..found };
    let mut all: Vec<NodeFindings> = nodes.into_iter().map(named).collect();
    all.sort_by_key(|node| Reverse(node.count()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_worst_node_comes_first_and_each_peer_is_told_once() {
        let nodes = by_node(&samples::foreign_cluster());
        let names: Vec<(&str, usize)> = nodes.iter().map(|node| (node.node.as_str(), node.count())).collect();
        assert_eq!(names, [("worker-7", 6), ("cp-1", 1), ("worker-1", 1), ("worker-0", 0)]);
        assert_eq!(nodes[3].in_words(), "worker-0: its agent did not answer within 15s");
        let standing: Vec<String> = nodes.iter().map(NodeFindings::standing).collect();
        assert_eq!(standing, ["6 findings", "1 finding", "1 finding", "unobserved"]);
        assert_eq!(
            nodes[0].lines(1),
            [
                "no route to worker-0's 10.0.0.0/24: 10.0.0.1 would leave through default via 192.168.0.1; the nodes are in two subnets",
                "likewise to 3 more peers: worker-1, worker-2, worker-3",
                "controller sync has failed 3 times in a row",
                "default/web (10.96.0.9:80) has no 10.0.1.7:8080",
            ]
        );
        assert!(nodes[0].lines(2)[2].ends_with("2 more peers: worker-2, worker-3"), "{:?}", nodes[0].lines(2));
        // Two findings that one command shows, and another one before the peers are told.
        assert_eq!(nodes[0].by_hand, ["lab shell worker-7 -- ip route", "lab shell worker-7 -- cilium status"]);
        assert!(nodes[1].in_words().starts_with("cp-1: a wrong next hop to worker-3's 10.0.3.0/24: 10.0.3.1 takes"));
        // Those of a lab are told by its cases.
        assert!(by_node(&samples::run_with_every_outcome()).is_empty());
    }
}
