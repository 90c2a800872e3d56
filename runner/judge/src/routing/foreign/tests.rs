//! Controls: generated clusters as their configuration asks for them, and each way in which one can be otherwise.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use super::*;
use crate::foreign::fixture::{expecting, expecting_two};
use crate::foreign::generated::{self, name, reroute, route};
use lab_model::foreign::{AgentLog, RefusedRoute};
use lab_model::observe::{Address, Link, Route, RouteKind, Rule, RuleAction, TABLE_LOCAL, TABLE_MAIN};
use lab_model::road::Way;
use lab_model::{Judgement, NotHeld, Reason};

type Settings<'a> = &'a [(&'a str, &'a str)];

const AGENTS: Settings<'_> = &[];
const NETWORK: Settings<'_> = &[("auto-direct-node-routes", "false")];
const BOTH: Settings<'_> = &[("enable-bgp-control-plane", "true")];
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 255, 254);

fn ways(settings: Settings<'_>, change: impl FnOnce(&mut ForeignRoutingSeen)) -> Judgement {
    let mut seen = generated::cluster(4);
    change(&mut seen);
    ways_to_every_peer(&seen, &expecting(settings))
}

/// The routes of node 1 to the pods of node 2, changed.
fn to_second(change: impl Fn(&mut Route)) -> impl FnOnce(&mut ForeignRoutingSeen) {
    move |seen| {
        let pods = generated::node(2).pod_networks[0];
        reroute(seen, 1, |routes| routes.iter_mut().filter(|route| route.destination == pods).for_each(change));
    }
}

fn without_route(seen: &mut ForeignRoutingSeen, node: usize, to: usize) {
    let pods = generated::node(to).pod_networks[0];
    reroute(seen, node, |routes| routes.retain(|route| route.destination != pods));
}

fn gateway(route: &mut Route, address: Ipv4Addr) {
    route.hops[0].gateway = Some(address.into());
}

fn refuted(judgement: Judgement) -> (Vec<Reason>, Vec<String>) {
    match judgement {
        Err(NotHeld::Refuted(findings)) => findings.into_iter().map(|one| (one.reason, one.observed)).unzip(),
        other => panic!("{other:?}"),
    }
}

/// The commands to look by hand, of what was refuted.
fn by_hand(judgement: Judgement) -> Vec<String> {
    match judgement {
        Err(NotHeld::Refuted(findings)) => findings.into_iter().filter_map(|one| one.by_hand).collect(),
        other => panic!("{other:?}"),
    }
}

fn missing(judgement: Judgement) -> String {
    match judgement {
        Err(NotHeld::Unobserved(missing)) => missing,
        other => panic!("{other:?}"),
    }
}

mod detours;
mod devices;
mod own;
mod ways;
