//! Controls of `cluster::…`.

use std::collections::BTreeMap;

use lab_backend::captures::Captures;
use lab_harness::case::{Look, store};
use lab_harness::lab::Lab;
use lab_model::Reason::{NoAddress, NoArpAnswer, RouteMissing, SharedAddress, SharedNamespace, WrongNodeCount};
use lab_model::observe::{NodeName, Role};
use lab_model::request::{Answer, Ask, Request};
use lab_model::seen::{NodeAnswer, NodesSeen};
use lab_model::stage::Stage;
use lab_netns::tamper::Act;
use lab_sabotage::Apply;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::members::{BRIDGE, CONTROL_PLANE, WORKER, WORKER2, node, node_plan};
use std::time::Duration;

use crate::control::{Control, made};

const RUN: &str = "cluster::three_nodes_run";

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "two-nodes-in-one-namespace",
        "The probe is shown the first worker's namespace in the place of the second's.",
        |_plan| Vec::new(),
        &[RUN],
        &[(RUN, Refuted(&[(SharedNamespace, WORKER2)]))],
    )
    .shown(two_in_one_namespace)
    .upto(Stage::ClusterCreated),
    made(
        "link-down",
        "On kind-worker2 eth0 is down.",
        |_plan| vec![(node(WORKER2), Act::SetDown { device: "eth0".to_owned() })],
        &[RUN],
        &[
            (RUN, Refuted(&[(NoAddress, WORKER2)])),
            (
                "l2::peers_are_adjacent",
                // The link's routes went with it.
                Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER), (RouteMissing, WORKER2)]),
            ),
        ],
    )
    .upto(Stage::ClusterCreated),
    made(
        "one-address-of-two-nodes",
        "The node kind-worker2 has the address of kind-worker.",
        |plan| {
            let (from, to) = (node_plan(plan, WORKER2).address, node_plan(plan, WORKER).address);
            vec![(node(WORKER2), Act::MoveAddress { device: "eth0".to_owned(), from, to })]
        },
        &[RUN],
        &[(RUN, Refuted(&[(SharedAddress, WORKER2)]))],
    )
    .alone()
    .upto(Stage::ClusterCreated),
    made(
        "one-node-too-many",
        "The lab is built with a third worker.",
        |_plan| Vec::new(),
        &[RUN],
        &[(RUN, Refuted(&[(WrongNodeCount, BRIDGE)]))],
    )
    .by(Apply::Built(Stage::ClusterCreated, |spec| spec.nodes.push((NodeName::from("kind-worker3"), Role::Worker))))
    .upto(Stage::ClusterCreated),
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
