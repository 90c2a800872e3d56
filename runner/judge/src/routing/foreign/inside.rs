//! Where packets for other pods go within a pod's own network namespace.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::Here;
use crate::fib::{Decision, Fib, Flow};
use crate::routing::own::away;
use crate::weighing::Weighing;
use lab_model::foreign::{ForeignRoutingSeen, PodInside};
use lab_model::observe::{Mtu, NetnsView, NextHop, Place, RouteKind};
use lab_model::{Reason, words};

/// What was seen within pods, over all nodes.
#[derive(Debug, Default)]
pub(super) struct Within {
    /// The pods whose packets go to their own node.
    sound: usize,
    /// The pods that were not looked into.
    beyond: usize,
    /// Those whose link takes other lengths than their node's, and a word on each.
    other_lengths: Vec<String>,
}

impl Within {
    /// Weighs the pods of one node. Findings and gaps are noted.
    pub(super) fn weigh(
        &mut self,
        here: &Here<'_>,
        seen: &ForeignRoutingSeen,
        peer: Option<Ipv4Addr>,
        weighing: &mut Weighing,
    ) {
        let name = &here.node.name;
        let inside = match seen.inside.get(name) {
            None => return weighing.miss(format!("{name}: its pods were not looked into")),
            Some(Err(why)) => return weighing.miss(format!("{name}: its pods were not looked into: {why}")),
            Some(Ok(inside)) => inside,
        };
        let there: BTreeSet<&Ipv4Addr> = seen.pods.get(name).into_iter().flatten().collect();
        let told = inside.pods.len() + inside.beyond + inside.ended;
        if told != there.len() {
            weighing.miss(format!("{name}: of {} of its {} pods it is told what became of them", told, there.len()));
        }
        weighing.each_once("pod", inside.pods.iter().map(|pod| pod.address));
        self.beyond += inside.beyond;
        for pod in &inside.pods {
            let tables = pod.tables.as_ref().map_err(Clone::clone);
            match tables.and_then(lab_model::foreign::NodeTables::view) {
                Err(why) => weighing.miss(format!("{name}: within the pod {}: {why}", pod.address)),
                Ok(view) => self.weigh_pod(here, pod, &view, peer, weighing),
            }
        }
    }

    fn weigh_pod(
        &mut self,
        here: &Here<'_>,
        pod: &PodInside,
        view: &NetnsView,
        peer: Option<Ipv4Addr>,
        weighing: &mut Weighing,
    ) {
        let (name, address) = (&here.node.name, pod.address);
        let link = view.addresses.iter().find(|own| own.address.addr() == address);
        let Some(link) = link.and_then(|own| view.link(&own.device)) else {
            return weighing.miss(format!("{name}: the pod {address} was looked for, and another namespace was seen"));
        };
        let Some(destination) = peer else {
            return weighing.miss(format!("{name}: no pod of another node is known that {address} could send to"));
        };
        let fib = Fib::new(view);
        let flow = Flow { destination, source: None, iif: None };
        let decision = fib.decide(&flow);
        let observed = match &decision {
            Decision::Undecidable(why) => return weighing.miss(format!("{name}: within the pod {address}: {why}")),
            _ if !(link.up && link.carrier) => format!("its link {} is down", link.name),
            Decision::Route { route, .. }
                if route.kind == RouteKind::Unicast
                    && !route.hops.is_empty()
                    && route.hops.iter().all(|hop| leads_to_its_node(here, hop, &link.name)) =>
            {
                self.sound += 1;
                let uplink = here.uplink().and_then(|uplink| here.view.link(uplink)).map(|uplink| uplink.mtu);
                self.note_length(here, address, route.mtu.unwrap_or(link.mtu), uplink);
                return;
            }
            Decision::Route { route, .. } => format!("{destination} takes {}", words::route(route)),
            _ => away(&flow, &decision),
        };
        weighing.refute(
            Reason::PodLeadsElsewhere,
            Place::Node(name.clone()),
            format!("{name}: within the pod {address} packets for other pods go to this node, by the pod's own link"),
            format!("{name}: within the pod {address}: {observed}"),
            None,
        );
    }

    fn note_length(&mut self, here: &Here<'_>, address: Ipv4Addr, own: Mtu, uplink: Option<Mtu>) {
        if let Some(uplink) = uplink.filter(|uplink| *uplink != own) {
            let line = format!(
                "{}: packets of the pod {address} have {own} octets at most, its node's {uplink}",
                here.node.name
            );
            self.other_lengths.push(line);
        }
    }

    /// Whether there is no pod whose packets go to their node.
    pub(super) const fn is_empty(&self) -> bool {
        self.sound == 0
    }

    /// Words for the proof, and its details.
    pub(super) fn in_words(self) -> (String, Vec<String>) {
        let beyond = match self.beyond {
            0 => String::new(),
            more => format!(", {more} more were not looked into"),
        };
        (format!("; within {} pods packets for others go to their own node{beyond}", self.sound), self.other_lengths)
    }
}

/// Whether a hop leads out of the pod by its own link, straight or by an address of its node.
fn leads_to_its_node(here: &Here<'_>, hop: &NextHop, link: &str) -> bool {
    let by_its_node = match hop.gateway {
        None => true,
        Some(IpAddr::V4(gateway)) => here.view.addresses.iter().any(|own| own.address.addr() == gateway),
        Some(IpAddr::V6(_)) => false,
    };
    !hop.encapsulates && hop.device.as_deref() == Some(link) && by_its_node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use crate::foreign::generated::{self, name, route};
    use crate::routing::foreign::own_pods_are_local;
    use lab_model::foreign::{NodeInside, NodeTables, RouteLines};
    use lab_model::observe::{Route, TABLE_MAIN};
    use lab_model::{Judgement, NotHeld};

    fn judged(change: impl FnOnce(&mut ForeignRoutingSeen)) -> Judgement {
        let mut seen = generated::cluster(4);
        seen.inside = generated::inside(&seen);
        change(&mut seen);
        let mut expect = expecting(&[]);
        expect.foreign.as_mut().expect("a foreign cluster").inside = true;
        own_pods_are_local(&seen, &expect)
    }

    /// What is within the second pod of node 1, changed.
    fn within(change: impl FnOnce(&mut NodeTables)) -> Judgement {
        judged(|seen| {
            let inside = seen.inside.get_mut(&name(1)).expect("a node").as_mut().expect("looked into");
            change(inside.pods[1].tables.as_mut().expect("seen"));
        })
    }

    fn rerouted(change: impl FnOnce(&mut Vec<Route>)) -> Judgement {
        within(|tables| {
            let mut routes = tables.routes.read().expect("routes");
            change(&mut routes);
            tables.routes = RouteLines::write(&routes);
        })
    }

    #[track_caller]
    fn assert_refuted(judgement: Judgement, observed: &str) {
        let Err(NotHeld::Refuted(findings)) = judgement else { panic!("{judgement:?}") };
        let [finding] = &findings[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.reason, &finding.place), (Reason::PodLeadsElsewhere, &Place::Node(name(1))));
        assert_eq!(finding.observed, format!("node-0001: within the pod 10.128.1.11: {observed}"));
    }

    #[test]
    fn accepts_pods_whose_packets_go_to_their_own_node() {
        let proof = judged(|_seen| {}).expect("held");
        let summary = "4 of 4 pod CIDRs stay on their own nodes, 4 of 4 nodes looked at; \
                       within 16 pods packets for others go to their own node";
        assert_eq!((proof.summary.as_str(), proof.details.len()), (summary, 0));
        // Those beyond the bound are counted, and what another length means is the reader's to say.
        let proof = judged(|seen| {
            let inside = seen.inside.get_mut(&name(1)).expect("a node").as_mut().expect("looked into");
            inside.beyond = 1;
            inside.pods.pop();
            inside.pods[0].tables.as_mut().expect("seen").links[1].mtu = Mtu(1450);
        });
        let proof = proof.expect("held");
        assert!(proof.summary.ends_with(", 1 more were not looked into"), "{proof:?}");
        assert_eq!(
            proof.details,
            ["node-0001: packets of the pod 10.128.1.10 have 1450 octets at most, its node's 1500"]
        );
    }

    #[test]
    fn pods_that_have_ended_are_told_of_and_are_no_proof() {
        let ended = |seen: &mut ForeignRoutingSeen, node: usize, pods: usize| {
            let inside = seen.inside.get_mut(&name(node)).expect("a node").as_mut().expect("looked into");
            inside.pods.truncate(inside.pods.len() - pods);
            inside.ended = pods;
        };
        let proof = judged(|seen| ended(seen, 1, 1)).expect("held");
        assert!(proof.summary.ends_with("within 15 pods packets for others go to their own node"), "{proof:?}");
        let judgement = judged(|seen| (0..4).for_each(|node| ended(seen, node, 4)));
        assert_eq!(judgement, Err(NotHeld::Unobserved("no pod was looked into".to_owned())));
    }

    #[test]
    fn refutes_a_pod_whose_packets_go_elsewhere() {
        assert_refuted(
            rerouted(|routes| routes[0].hops[0].gateway = Some(Ipv4Addr::new(10, 128, 2, 1).into())),
            "10.128.0.10 takes default via 10.128.2.1 dev eth0",
        );
        assert_refuted(rerouted(|routes| drop(routes.remove(0))), "no route; 10.128.0.10 leads nowhere");
        assert_refuted(
            rerouted(|routes| routes.push(route(TABLE_MAIN, "10.128.0.0/24", None, "net1"))),
            "10.128.0.10 takes 10.128.0.0/24 dev net1",
        );
        assert_refuted(
            rerouted(|routes| routes[0].kind = RouteKind::Blackhole),
            "10.128.0.10 is refused by blackhole default via 10.128.1.1 dev eth0",
        );
        assert_refuted(within(|tables| tables.links[1].up = false), "its link eth0 is down");
        assert_refuted(within(|tables| tables.links[1].carrier = false), "its link eth0 is down");
        let encapsulated = rerouted(|routes| routes[0].hops[0].encapsulates = true);
        assert_eq!(encapsulated.expect_err("refuted").reasons(), [Reason::PodLeadsElsewhere]);
    }

    #[test]
    fn pods_that_were_not_looked_into_prove_nothing() {
        let node = |seen: &mut ForeignRoutingSeen, found| drop(seen.inside.insert(name(1), found));
        for judgement in [
            judged(|seen| seen.inside.clear()),
            judged(|seen| drop(seen.inside.remove(&name(1)))),
            judged(|seen| node(seen, Err("its pod does not run".to_owned()))),
            judged(|seen| (0..4).for_each(|node| drop(seen.inside.insert(name(node), Ok(NodeInside::default()))))),
            judged(|seen| {
                let inside = seen.inside.get_mut(&name(1)).expect("a node").as_mut().expect("looked into");
                inside.pods[0].tables = Err("no namespace has its address".to_owned());
            }),
            within(|tables| tables.addresses.clear()),
            within(|tables| tables.links.truncate(1)),
            within(|tables| tables.rules.clear()),
        ] {
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{judgement:?}");
        }
        // Where that was not asked for it is not missed.
        assert!(own_pods_are_local(&generated::cluster(4), &expecting(&[])).is_ok());
    }
}
