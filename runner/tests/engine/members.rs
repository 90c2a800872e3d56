//! What the tests of the probe share: places, a pod, and one answer.

use std::collections::BTreeMap;
use std::time::Duration;

use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::{Engine, NodeProbe, PodPlace};
use lab_model::observe::{NetnsView, NodeName, Place, PodName};
use lab_model::request::{Answer, Request};
use lab_stand_in::{Cluster, ImagePlan, Plan};

pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A cluster of which pods can be made.
pub(crate) fn with_pods() -> Plan {
    let image = ImagePlan { programs: vec!["ip".into()], ..ImagePlan::default() };
    Plan { image, ..Plan::default() }
}

/// The pods that a test has made.
#[derive(Debug, Default)]
pub(crate) struct Pods(BTreeMap<PodName, PodPlace>);

impl Pods {
    pub(crate) fn find(&self, pod: &PodName) -> Result<PodPlace, String> {
        self.0.get(pod).cloned().ok_or_else(|| format!("there is no pod {pod}"))
    }

    /// A process in a network namespace of its own on this node, and so a pod.
    pub(crate) async fn add(&mut self, engine: &Engine, probe: &NodeProbe, node: &NodeName, name: &str) -> Place {
        let script = "unshare --net sh -c 'ip link set lo up && exec sleep infinity' >/dev/null 2>&1 & echo $!";
        let ran = engine.exec(&node.0, ["sh", "-c", script], Vec::new(), LONG).await.unwrap();
        let pid = ran.stdout_text().trim().parse().unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        let pod = PodName(name.to_owned());
        self.0.insert(pod.clone(), PodPlace { node: node.clone(), pid });
        let own = view(probe, Place::Node(node.clone()), self).await.netns;
        let apart = async || {
            let seen = view(probe, Place::Pod(pod.clone()), self).await;
            match seen.link("lo") {
                Some(lo) if seen.netns != own && lo.up => Poll::Ready(()),
                other => Poll::NotYet(format!("{:?}, {other:?}", seen.netns)),
            }
        };
        clock::until(LONG, Duration::from_millis(20), "a network namespace of the pod's own", apart).await.unwrap();
        Place::Pod(pod)
    }
}

pub(crate) async fn probe(engine: &Engine, cluster: &Cluster) -> NodeProbe {
    NodeProbe::new(engine, cluster.name()).unwrap()
}

/// One answer about one place.
pub(crate) async fn answer(probe: &NodeProbe, place: Place, request: Request, pods: &Pods) -> Result<Answer, String> {
    let mut answers = probe.ask(vec![(place.clone(), request)], &|pod| pods.find(pod)).await;
    let answered = answers.pop().unwrap();
    assert_eq!((answered.place, answers.len()), (place, 0));
    answered.answer
}

pub(crate) async fn view(probe: &NodeProbe, place: Place, pods: &Pods) -> NetnsView {
    match answer(probe, place, Request::View, pods).await.unwrap() {
        Answer::View(view) => view,
        other => panic!("{}", other.not("a view")),
    }
}
