//! The way of each request from node to node, as the captures on its links saw it.

use super::hop::{Ends, Hop, Owners, changes, ends, hop, owners};
use super::leaving;
use super::racks;
use super::seen::Shown;
use super::standing::Standing;
use lab_model::leaving::Leaving;
use lab_model::observe::{HttpOutcome, HttpReply, MacAddr, Place, PodName, UPLINK};
use lab_model::racks::{ROUTER, tor};
use lab_model::report::Report;

/// Requests that are drawn; the captures of all are in the evidence.
const DRAWN: usize = 8;

/// A request, and where it was seen.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) title: String,
    /// What was asked, and what came of it.
    pub(super) outcome: String,
    pub(super) verdict: Verdict,
    /// Who and what it passes, first to last.
    pub(super) lanes: Vec<String>,
    /// The request's hops, then the answer's.
    pub(super) hops: Vec<Hop>,
}

/// What there is to say for and against a request.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) standing: Standing,
    /// A few words.
    pub(super) words: String,
    /// A sentence more, where it needs one.
    pub(super) note: Option<String>,
}

/// All requests whose way was captured, and how many are not drawn. Of those to the outside, the judge's findings are in
/// the report.
pub(super) fn ways(shown: &Shown, report: &Report) -> (Vec<Way>, usize) {
    let Some(wire) = &shown.wire else { return (Vec::new(), 0) };
    let names = owners(shown);
    let between = wire.traffic.between_pods.iter().map(|exchange| {
        let title = format!("{} asks {}", exchange.from, exchange.to);
        let to = Some(&exchange.to);
        one(shown, &names, Asked { title, from: &exchange.from, to, http: &exchange.http, leaving: None })
    });
    let outside = wire.traffic.outside.iter().map(|exchange| {
        let title = format!("{} asks the outside", exchange.from);
        let leaving = leaving::of(report, &exchange.from, &exchange.http);
        one(shown, &names, Asked { title, from: &exchange.from, to: None, http: &exchange.http, leaving })
    });
    let all: Vec<Way> = between.chain(outside).flatten().collect();
    let more = all.len().saturating_sub(DRAWN);
    (all.into_iter().take(DRAWN).collect(), more)
}

/// A request, to a pod or to the outside.
struct Asked<'a> {
    title: String,
    from: &'a PodName,
    /// The pod that is asked; none of the outside.
    to: Option<&'a PodName>,
    http: &'a HttpReply,
    /// What was found about how it left for the outside.
    leaving: Option<&'a Leaving>,
}

fn one(shown: &Shown, names: &Owners, asked: Asked<'_>) -> Option<Way> {
    let Asked { from, http, leaving, .. } = asked;
    let ends = ends(shown, from, http)?;
    // The addresses that the request has on its node's link, after any translation.
    let leaves = leaving.and_then(leaving::source).map(|source| Ends {
        client: *source.ip(),
        port: Some(source.port()),
        server: ends.server,
    });
    let answered = matches!(http.outcome, HttpOutcome::Response { .. });
    let verdict = match asked.to {
        None => leaving::verdict(leaving),
        Some(_) if answered => Verdict { standing: Standing::Good, words: "answered".to_owned(), note: None },
        Some(_) => Verdict { standing: Standing::Bad, words: "no answer".to_owned(), note: None },
    };
    let node_of = |pod: &PodName| shown.pods.iter().find(|seen| seen.name == *pod)?.node.clone();
    let node = node_of(from)?;
    let on = |place: Place| (place, UPLINK.to_owned());
    let mut lanes = vec![from.to_string(), node.to_string()];
    let target = asked.to.map(|to| Some((to, node_of(to)?)));
    let mut places = vec![on(Place::Pod(from.clone())), on(Place::Node(node.clone()))];
    if let Some(seen) = &shown.routers {
        let home = racks::rack_of(seen, &node)?;
        let away = match &target {
            Some(target) => Some(racks::rack_of(seen, &target.as_ref()?.1)?),
            None => None,
        };
        lanes.push(tor(home).to_string());
        let between = racks::between(home, away);
        // Behind the ToR's link is the router, and behind the router's the other ToR.
        lanes.extend((!between.is_empty()).then(|| ROUTER.to_owned()));
        lanes.extend(away.filter(|away| *away != home).map(|away| tor(away).to_string()));
        places.extend(between);
    } else {
        let bridge = shown.segments.as_ref().and_then(|seen| seen.segments.first());
        lanes.push(bridge.map_or_else(|| "the bridge".to_owned(), |segment| format!("bridge {}", segment.name)));
    }
    if let Some(target) = target {
        let (to, node) = target?;
        lanes.extend([node.to_string(), to.to_string()]);
        places.extend([on(Place::Node(node)), on(Place::Pod(to.clone()))]);
    }
    let mut hops = Vec::new();
    for answer in [false, true] {
        let mut order: Vec<usize> = (0..places.len()).collect();
        if answer {
            order.reverse();
        }
        let mut before: Option<usize> = None;
        for index in order {
            let (left, right) = (index, index + 1);
            let (from, to) = if answer { (right, left) } else { (left, right) };
            let (place, device) = &places[index];
            let at_node = matches!(place, Place::Node(_));
            // On routers too it is what its node has made of it.
            let translated = !matches!(place, Place::Pod(_));
            let ends = leaves.as_ref().filter(|_| translated).unwrap_or(&ends);
            let mut hop = hop(shown, names, (place, device), ends, answer);
            (hop.from, hop.to) = (from, to);
            hop.standing = match (&hop.seen, asked.to) {
                (Some(_), None) if at_node && !answer => verdict.standing,
                (Some(_), _) => Standing::Good,
                // Of a request to the outside it was judged how it left, and nothing else.
                (None, None) => Standing::Open,
                (None, Some(_)) => Standing::Bad,
            };
            if let (Some(seen), Place::Node(node), true) =
                (&mut hop.seen, place, asked.to.is_some() && shown.routers.is_none())
                && gateway(shown, node) == Some(seen.destination)
            {
                seen.changes.push("to the bridge's own address: by the default route, not to the peer".to_owned());
            }
            if let (Some(seen), Some(last)) = (&mut hop.seen, before.and_then(|at| hops.get(at)))
                && let Hop { seen: Some(last), .. } = last
            {
                seen.changes.extend(changes(last, seen));
            }
            if hop.seen.is_some() {
                before = Some(hops.len());
            }
            hops.push(hop);
        }
    }
    // An answer that never came and that no capture saw is not drawn.
    if !answered && hops.iter().all(|hop| !hop.answer || hop.seen.is_none()) {
        hops.retain(|hop| !hop.answer);
    }
    let outcome = format!("GET {}: {}", http.url, outcome(&http.outcome));
    Some(Way { title: asked.title, outcome, verdict, lanes, hops })
}

/// The link-layer address that a node's default route leads to.
fn gateway(shown: &Shown, node: &lab_model::observe::NodeName) -> Option<MacAddr> {
    shown.wire.as_ref()?.traffic.gateway_macs.get(node).copied()
}

/// What came of a request, in words.
pub(super) fn outcome(outcome: &HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Response { status, body } => {
            let last = body.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("an empty body");
            format!("{status}, “{last}”")
        }
        HttpOutcome::Empty => "closed without an answer".to_owned(),
        HttpOutcome::NotConnected(why) => format!("no connection: {why}"),
        HttpOutcome::Broken(why) => format!("broken: {why}"),
        HttpOutcome::TimedOut(what) => format!("no answer in time, {what}"),
    }
}
