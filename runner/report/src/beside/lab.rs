//! What this lab printed: the article's own commands among the evidence, or what corresponds to them.

use ipnet::Ipv4Net;
use serde::Deserialize;
use std::path::Path;

use super::model::Shown;
use super::steps::{Netns, Step};
use lab_base::failure::chain;
use lab_evidence::{Evidence, Record, case_folder};
use lab_model::observe::{HttpOutcome, NodeName, Place, Route, RouteKind, TABLE_MAIN};
use lab_model::said::Said;
use lab_model::seen::{AnswersSeen, BaseSeen};
use lab_model::{BackendKind, words};

/// How the names of control planes end (kind's, and this program's on netns).
const CONTROL_PLANE: &str = "-control-plane";
/// What stands for the Docker host.
const HOST: &str = "host";
// include/uapi/linux/rtnetlink.h.
const RTPROT_KERNEL: u8 = 2;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_LINK: u8 = 253;
const RT_SCOPE_HOST: u8 = 254;

/// This lab's output of a step, or why there is none.
pub(super) fn shown(step: &Step, backend: BackendKind, folder: &Path) -> Result<Shown, String> {
    if let (BackendKind::Netns, Netns::Nothing(why)) = (backend, step.netns) {
        return Err(why.to_owned());
    }
    let path = folder.join(case_folder(step.case));
    if !path.join("case.json").is_file() {
        return Err(format!("{} was not run", step.case));
    }
    let evidence = Evidence::read(&path).map_err(|error| chain(&error))?;
    match backend {
        BackendKind::Kind => said(step, &evidence.records),
        BackendKind::Netns => rendered(step, &evidence.records),
        BackendKind::Cluster => Err("the article's steps are those of its own lab".to_owned()),
    }
}

fn said(step: &Step, records: &[Record]) -> Result<Shown, String> {
    let begins = |command: &str| {
        // What the article's agent calls `cilium` is `cilium-dbg` from 1.15 on.
        let newer = command.strip_prefix("cilium-dbg ").map(|args| format!("cilium {args}"));
        let command = newer.as_deref().unwrap_or(command);
        command == step.said || command.starts_with(&format!("{} ", step.said))
    };
    let all = records.iter().skip(1).filter(|record| begins(&record.source));
    let of_place = |place: Option<&Place>| match place {
        Some(Place::Node(node)) => !step.control_plane || node.0.ends_with(CONTROL_PLANE),
        _ => !step.control_plane,
    };
    let record = all.into_iter().find(|record| of_place(record.place.as_ref()));
    let record = record.ok_or_else(|| format!("`{}` was not run for {}", step.said, step.case))?;
    let said = Said::deserialize(&record.data).map_err(|error| format!("what `{}` said: {error}", step.said))?;
    let Some(code) = said.code else { return Err(format!("`{}` could not be run: {}", said.command, said.stderr)) };
    let text = if code == 0 { said.stdout } else { format!("{}{}", said.stdout, said.stderr) };
    let place = if said.place == Place::Bridge { HOST.to_owned() } else { said.place.to_string() };
    Ok(Shown { place, command: said.command, code: Some(code), rendered: false, text })
}

fn rendered(step: &Step, records: &[Record]) -> Result<Shown, String> {
    let seen = records.first().ok_or_else(|| format!("nothing was seen for {}", step.case))?;
    let unreadable = |error: serde_json::Error| format!("what was seen for {}: {error}", step.case);
    let (place, text) = match step.netns {
        Netns::Nothing(why) => return Err(why.to_owned()),
        Netns::BaseRoutes => base_routes(&BaseSeen::deserialize(&seen.data).map_err(unreadable)?)?,
        Netns::Reply => reply(&AnswersSeen::deserialize(&seen.data).map_err(unreadable)?)?,
    };
    Ok(Shown { place, command: step.said.to_owned(), code: None, rendered: true, text })
}

fn base_routes(seen: &BaseSeen) -> Result<(String, String), String> {
    let is_control_plane = |name: &NodeName| name.0.ends_with(CONTROL_PLANE);
    let (name, view) = seen.nodes.iter().find(|(name, _)| is_control_plane(name)).ok_or("no control plane was seen")?;
    let mut routes: Vec<&Route> = view.routes.iter().filter(|route| route.table == TABLE_MAIN).collect();
    routes.sort_by_key(|route| (route.destination.addr(), route.destination.prefix_len(), route.metric));
    let text: String = routes.iter().map(|route| ip_route(route) + "\n").collect();
    Ok((name.to_string(), text))
}

/// A route as `ip route` of iproute2 prints it.
fn ip_route(route: &Route) -> String {
    let mut words = Vec::new();
    let kind = match route.kind {
        RouteKind::Unicast => None,
        other => serde_json::to_value(other).ok().and_then(|kind| kind.as_str().map(str::to_owned)),
    };
    words.extend(kind);
    words.push(destination(route.destination));
    for hop in &route.hops {
        if route.hops.len() > 1 {
            words.push("nexthop".to_owned());
        }
        words.extend(hop.encapsulates.then(|| "encap".to_owned()));
        words.extend(hop.gateway.map(words::via));
        words.extend(hop.device.as_ref().map(|device| format!("dev {device}")));
    }
    match route.protocol {
        RTPROT_KERNEL => words.push("proto kernel".to_owned()),
        RTPROT_STATIC => words.push("proto static".to_owned()),
        _ => {}
    }
    match route.scope {
        RT_SCOPE_LINK => words.push("scope link".to_owned()),
        RT_SCOPE_HOST => words.push("scope host".to_owned()),
        _ => {}
    }
    words.extend(route.source.map(|source| format!("src {source}")));
    if route.metric != 0 {
        words.push(format!("metric {}", route.metric));
    }
    words.extend(route.mtu.map(|mtu| format!("mtu {mtu}")));
    words.join(" ")
}

fn destination(net: Ipv4Net) -> String {
    match net.prefix_len() {
        0 => "default".to_owned(),
        32 => net.addr().to_string(),
        _ => net.to_string(),
    }
}

fn reply(seen: &AnswersSeen) -> Result<(String, String), String> {
    let (place, replies) = seen.replies.first().ok_or("nothing was asked")?;
    let replies = replies.as_ref().map_err(|why| format!("{place} could not ask: {why}"))?;
    let first = replies.first().ok_or_else(|| format!("{place} asked nothing"))?;
    let text = match &first.outcome {
        HttpOutcome::Response { body, .. } => body.clone(),
        HttpOutcome::Empty => "empty reply\n".to_owned(),
        HttpOutcome::NotConnected(why) => format!("no connection: {why}\n"),
        HttpOutcome::Broken(why) => format!("broken reply: {why}\n"),
        HttpOutcome::TimedOut(why) => format!("timed out: {why}\n"),
    };
    Ok((place.to_string(), text))
}
