//! The link of each node to its peers, and which nodes are asked to send to which.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;

use super::Probe;
use super::make::Made;
use crate::plan::{Pair, pairs};
use crate::survey::Survey;
use lab_kube::api::Api;
use lab_model::foreign::{ForeignNode, Sample};
use lab_model::observe::{NetnsView, NodeName, Place};
use lab_model::request::{Answer, Request};

/// What was seen of the nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    /// Of each node the link to its peers, and its own addresses, the one by which it is known first.
    pub(super) nodes: BTreeMap<NodeName, NetnsView>,
    /// The name of that link.
    pub(super) uplinks: BTreeMap<NodeName, String>,
    /// The address there, with its network.
    pub(super) addresses: BTreeMap<NodeName, Ipv4Net>,
    /// The nodes that take no part, and why.
    pub(super) silent: BTreeMap<NodeName, String>,
}

impl Probe {
    /// A look at all nodes, once.
    pub(super) async fn looked(&self, api: &Api, survey: &Survey) -> Result<&Looked, String> {
        if let Some(looked) = self.looked.get() {
            return Ok(looked);
        }
        let made = self.made()?;
        let looked = look(api, survey, made).await;
        Ok(self.looked.get_or_init(|| looked))
    }
}

async fn look(api: &Api, survey: &Survey, made: &Made) -> Looked {
    let asks = made.on_nodes.keys().map(|node| (Place::Node(node.clone()), Request::View)).collect();
    let answers = made.ask(api, asks).await;
    let mut looked = Looked { silent: made.silent.clone(), ..Looked::default() };
    for (name, answered) in made.on_nodes.keys().zip(answers) {
        let known = survey.nodes.iter().find(|node| node.name == *name);
        let view = answered.answer.and_then(|answer| match answer {
            Answer::View(view) => Ok(view),
            other => Err(other.not("a view")),
        });
        match view.and_then(|view| uplink(view, known)) {
            Ok((view, link, address)) => {
                looked.nodes.insert(name.clone(), view);
                looked.uplinks.insert(name.clone(), link);
                looked.addresses.insert(name.clone(), address);
            }
            Err(why) => drop(looked.silent.insert(name.clone(), why)),
        }
    }
    looked
}

/// The link that has the address by which a node is known. All else that the node has is its own matter, and not kept.
fn uplink(view: NetnsView, node: Option<&ForeignNode>) -> Result<(NetnsView, String, Ipv4Net), String> {
    let known = node.map(|node| node.addresses.as_slice()).unwrap_or_default();
    let is_its = |address: &Ipv4Net| known.contains(&address.addr());
    let (mut own, others): (Vec<_>, Vec<_>) = view.addresses.into_iter().partition(|address| is_its(&address.address));
    let Some(first) = own.first().cloned() else {
        return Err(format!("none of its links has {known:?}, by which it is known"));
    };
    let links: Vec<_> = view.links.into_iter().filter(|link| link.name == first.device).collect();
    if !links.iter().any(|link| link.mac.is_some() && link.kind.as_deref() != Some("dummy")) {
        return Err(format!(
            "{} is on {}, by which no frame leaves: which link leads to its peers is not known",
            first.address.addr(),
            first.device
        ));
    }
    own.extend(others);
    let kept = NetnsView {
        netns: view.netns,
        links,
        addresses: own,
        routes: Vec::new(),
        rules: Vec::new(),
        neighbours: Vec::new(),
        listeners: Vec::new(),
    };
    Ok((kept, first.device, first.address))
}

impl Looked {
    /// The nodes that take part.
    fn able<'a>(&self, survey: &'a Survey) -> Vec<&'a ForeignNode> {
        survey.nodes.iter().filter(|node| self.nodes.contains_key(&node.name)).collect()
    }

    /// Pairs of nodes within each subnet: in it each node sends and receives.
    pub(super) fn within_subnets(&self, survey: &Survey) -> Vec<Pair> {
        let mut subnets: BTreeMap<Ipv4Net, Vec<ForeignNode>> = BTreeMap::new();
        for node in self.able(survey) {
            if let Some(address) = self.addresses.get(&node.name) {
                subnets.entry(address.trunc()).or_default().push(node.clone());
            }
        }
        subnets.into_values().flat_map(|nodes| pairs(&nodes, &self.addresses).pairs).collect()
    }

    /// The same, and those between zones and subnets.
    pub(super) fn everywhere(&self, survey: &Survey) -> Vec<Pair> {
        let able: Vec<ForeignNode> = self.able(survey).into_iter().cloned().collect();
        let mut all = pairs(&able, &self.addresses).pairs;
        for pair in self.within_subnets(survey) {
            if !all.contains(&pair) {
                all.push(pair);
            }
        }
        all
    }

    /// What is looked at, of all that there is.
    pub(super) fn sample(&self, survey: &Survey, pairs: Vec<Pair>) -> Sample {
        let nodes = survey.nodes.len();
        Sample { pairs, of: nodes * nodes.saturating_sub(1), silent: self.silent.clone(), policed: BTreeMap::new() }
    }
}
