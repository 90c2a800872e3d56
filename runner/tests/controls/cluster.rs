//! Controls of `cluster::…`.

use std::collections::BTreeMap;

use lab_backend::captures::Captures;
use lab_harness::case::{Look, store};
use lab_harness::lab::Lab;
use lab_model::Reason::{
    NoAddress, NoArpAnswer, NodeDoesNotAnswer, NotOnBridge, SharedAddress, SharedNamespace, WrongNodeCount,
};
use lab_model::observe::{NodeName, Role};
use lab_model::request::{Answer, Ask, Request};
use lab_model::seen::{NodeAnswer, NodesSeen};
use lab_netns::tamper::Act;
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::members::{BRIDGE, CONTROL_PLANE, WORKER, WORKER2, node, node_plan};
use std::time::Duration;

use crate::control::{Control, Fault, accepts, turns};

const RUN: &str = "cluster::three_nodes_run";

pub(crate) const CONTROLS: &[Control] = &[
    accepts(RUN, "accepts_three_nodes_run"),
    turns(
        RUN,
        "refutes_three_nodes_run_when_a_node_is_stopped",
        Fault::Stopped(WORKER2),
        &[
            (RUN, Refuted(&[(NodeDoesNotAnswer, WORKER2)])),
            ("l2::nodes_share_one_bridge", Refuted(&[(NotOnBridge, WORKER2)])),
            ("l2::peers_are_adjacent", Unobserved("kind-worker2 could not be looked into")),
        ],
    ),
    turns(
        RUN,
        "refutes_three_nodes_run_when_two_nodes_are_in_one_namespace",
        Fault::SeenOtherwise(two_in_one_namespace),
        &[(RUN, Refuted(&[(SharedNamespace, WORKER2)]))],
    ),
    turns(
        RUN,
        "refutes_three_nodes_run_when_a_link_is_down",
        Fault::Made(|_plan| vec![(node(WORKER2), Act::SetDown { device: "eth0".to_owned() })]),
        &[
            (RUN, Refuted(&[(NoAddress, WORKER2)])),
            ("l2::peers_are_adjacent", Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER)])),
        ],
    ),
    turns(
        RUN,
        "refutes_three_nodes_run_when_two_nodes_have_one_address",
        Fault::Made(|plan| {
            let (from, to) = (node_plan(plan, WORKER2).address, node_plan(plan, WORKER).address);
            vec![(node(WORKER2), Act::MoveAddress { device: "eth0".to_owned(), from, to })]
        }),
        &[(RUN, Refuted(&[(SharedAddress, WORKER2)]))],
    )
    .alone(),
    turns(
        RUN,
        "refutes_three_nodes_run_when_there_is_one_too_many",
        Fault::None,
        &[(RUN, Refuted(&[(WrongNodeCount, BRIDGE)]))],
    )
    .built(|spec| spec.nodes.push((NodeName::from("kind-worker3"), Role::Worker))),
];

/// Asks for every node, and shows the probe the first worker's namespace in the place of the second's.
fn two_in_one_namespace(lab: &Lab) -> Look<'_> {
    Box::pin(async move {
        let netns = lab.netns().ok_or("not an embedded lab")?;
        let mut files = BTreeMap::new();
        for (name, _role) in lab.nodes() {
            files.insert(name, netns.netns_file(&node(&name.0)).map_err(|error| error.to_string())?);
        }
        files.insert(&lab.nodes()[2].0, files[&lab.nodes()[1].0].clone());
        let asks: Vec<Ask> = lab
            .nodes()
            .iter()
            .map(|(name, _role)| Ask { place: node(&name.0), netns: Some(files[name].clone()), request: Request::View })
            .collect();
        let input = serde_json::to_vec(&asks).map_err(|error| error.to_string())?;
        let probe = netns.program("probe").stdin(input).run(Duration::from_secs(30)).await;
        let answers =
            Captures::answers(&probe.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        let answer = |answer| match answer {
            Answer::View(view) => Ok(view),
            other => Err(other.not("a view")),
        };
        let nodes = lab.nodes().iter().zip(answers);
        let nodes = nodes.map(|((name, role), answered)| NodeAnswer {
            name: name.clone(),
            role: *role,
            view: answered.answer.and_then(answer),
        });
        store(&NodesSeen { nodes: nodes.collect() })
    })
}
