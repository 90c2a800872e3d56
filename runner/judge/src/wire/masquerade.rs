use super::who::{self, End, link_of};
use super::{Gathered, first_of, syn};
use lab_model::expect::Expectations;
use lab_model::leaving::{Leaving, Left};
use lab_model::observe::{Capture, HttpOutcome, HttpReply, OutsideExchange, UPLINK};
use lab_model::seen::WireSeen;
use lab_model::{Finding, Judgement, Reason};
use std::collections::BTreeSet;
use std::net::SocketAddrV4;

/// A pod's request to an address outside the native routing CIDR leaves its node's eth0 with the node's address.
///
/// # Errors
/// Refuted by a request that leaves with the pod's or any third address, or that the listener saw come from the
/// pod's; unobserved unless each replica made one, and when fewer were seen leaving than were made.
pub fn masqueraded_outside_the_native_cidr(seen: &WireSeen, expect: &Expectations) -> Judgement {
    let mut missing = who::replicas(seen, expect);
    missing.extend(who::did_not_ask_outside(seen));
    let mut gathered = Gathered { missing, ..Gathered::default() };
    for exchange in &seen.traffic.outside {
        if let Some(request) = gathered.or_missing(Request::of(seen, exchange, expect)) {
            request.judge(&mut gathered);
        }
    }
    gathered.decide("no pod asked an address outside the native routing CIDR", first_of)
}

/// What was found about each request to the outside, for pages to draw. It comes from the same look at the captures as
/// the verdict of [`masqueraded_outside_the_native_cidr`], and so cannot contradict it.
pub fn leaving(seen: &WireSeen, expect: &Expectations) -> Vec<Leaving> {
    let found = |exchange: &OutsideExchange| Leaving {
        from: exchange.from.clone(),
        node: seen.pods.iter().find(|pod| pod.name == exchange.from).and_then(|pod| pod.node.clone()),
        url: exchange.http.url.clone(),
        answered: matches!(exchange.http.outcome, HttpOutcome::Response { .. }),
        left: Request::of(seen, exchange, expect)
            .map_or_else(|missing| Left::Undecided { missing }, |request| request.left()),
    };
    seen.traffic.outside.iter().map(found).collect()
}

/// A request to the outside, and where it must leave.
struct Request<'a> {
    seen: &'a WireSeen,
    exchange: &'a OutsideExchange,
    from: End<'a>,
    target: SocketAddrV4,
    /// The capture on eth0 of the sender's node.
    capture: &'a Capture,
}

impl<'a> Request<'a> {
    /// Gathers what is known about it. The error says what is missing.
    fn of(seen: &'a WireSeen, exchange: &'a OutsideExchange, expect: &Expectations) -> Result<Self, String> {
        let from = who::end(seen, &exchange.from)?;
        let target = who::outside(exchange, expect)?;
        let capture = who::node_capture(seen, from.node)?;
        Ok(Self { seen, exchange, from, target, capture })
    }

    fn judge(&self, gathered: &mut Gathered) {
        let (from, target) = (&self.from, self.target);
        match self.left() {
            Left::AsTheNode { .. } => {
                let heard = heard_from(&self.exchange.http);
                let heard = heard.map(|heard| format!("; the listener saw {heard}")).unwrap_or_default();
                gathered.shown.push(format!(
                    "{} ({}) → {target} leaves {} from {}{heard}",
                    from.pod,
                    from.address,
                    link_of(self.capture),
                    from.node_address
                ));
            }
            Left::AsAnother { reason, observed, .. } => gathered.findings.push(Finding {
                reason,
                place: self.capture.place.clone(),
                expected: format!(
                    "requests of {} to {target} leave {} from {}",
                    from.pod, from.node, from.node_address
                ),
                observed,
                by_hand: Some(by_hand(target)),
            }),
            Left::Undecided { missing } => gathered.missing.push(missing),
        }
    }

    /// With which source it left its node.
    fn left(&self) -> Left {
        let from = &self.from;
        let link = link_of(self.capture);
        let sources = self.sources();
        let heard = heard_from(&self.exchange.http);
        if let Some(source) = heard.filter(|heard| *heard.ip() == from.address) {
            let observed = format!("the listener saw one come from {}, the pod's own address", source.ip());
            return Left::AsAnother { reason: Reason::NotMasqueraded, source, observed };
        }
        if let Some(&source) = sources.iter().find(|source| *source.ip() == from.address) {
            let observed = format!("one leaves {link} from {}, the pod's own address", source.ip());
            return Left::AsAnother { reason: Reason::NotMasqueraded, source, observed };
        }
        let (as_the_node, others): (Vec<SocketAddrV4>, Vec<SocketAddrV4>) =
            sources.into_iter().partition(|source| *source.ip() == from.node_address);
        // Another pod's own address is that pod's matter, and is found there.
        let is_pod = |source: &SocketAddrV4| self.seen.pods.iter().any(|pod| pod.address == Some(*source.ip()));
        if let Some(&source) = others.iter().find(|source| !is_pod(source)) {
            let observed = format!("one leaves from {} on {link}", source.ip());
            return Left::AsAnother { reason: Reason::MasqueradedAsAnother, source, observed };
        }
        // All of this node's requests to the target look alike by now: there must be as many as were made. Which one is
        // this pod's, the port tells where translating has kept it.
        let made = self.made_on_the_node();
        let port = self.exchange.http.connection.as_ref().map(|connection| connection.local.port());
        let source = as_the_node.iter().find(|source| Some(source.port()) == port).or(as_the_node.first());
        match source.filter(|_| as_the_node.len() >= made) {
            Some(&source) => Left::AsTheNode { source },
            None => Left::Undecided {
                missing: format!(
                    "{} of {made} requests to {} that were made on {} were seen leaving {link}: nothing is proved for {}",
                    as_the_node.len(),
                    self.target,
                    from.node,
                    self.exchange.from
                ),
            },
        }
    }

    /// The sources of all requests to the target that leave the node.
    fn sources(&self) -> BTreeSet<SocketAddrV4> {
        let leaving = self.capture.frames.iter().filter(|frame| frame.source == self.from.node_mac);
        let to_target = leaving.filter_map(|frame| frame.ip.as_ref()).filter_map(|ip| {
            let tcp = syn(ip).filter(|tcp| SocketAddrV4::new(ip.destination, tcp.destination) == self.target)?;
            Some(SocketAddrV4::new(ip.source, tcp.source))
        });
        to_target.collect()
    }

    /// How many requests pods of this node made to this address.
    fn made_on_the_node(&self) -> usize {
        let same_node = |exchange: &&OutsideExchange| {
            who::end(self.seen, &exchange.from).is_ok_and(|other| other.node == self.from.node)
                && exchange.http.asked() == Some(self.target)
        };
        self.seen.traffic.outside.iter().filter(same_node).count()
    }
}

/// The address that a listener of ours says it saw: the last word of its answer.
fn heard_from(reply: &HttpReply) -> Option<SocketAddrV4> {
    match &reply.outcome {
        HttpOutcome::Response { status: 200, body } => body.split_whitespace().next_back()?.parse().ok(),
        _ => None,
    }
}

fn by_hand(target: SocketAddrV4) -> String {
    format!("tcpdump -nn -e -i {} 'dst {} and tcp[13] == 2'", UPLINK, target.ip())
}
