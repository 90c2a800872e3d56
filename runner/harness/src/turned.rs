//! The effects that a fault can have, and what a case must say under each. A case that does not hold because of a fault
//! is said to be turned by it.
//!
//! A fault of `lab sabotage` lists its effects; each case lists what it must say under each effect.

use lab_model::Reason::{AgentsNotReady, OperatorsNotReady};

use crate::expect::Expect;

/// The place of findings about the bridge or about the lab as a whole.
pub const BRIDGE: &str = "bridge";
/// The control plane.
pub const CONTROL_PLANE: &str = "kind-control-plane";
/// The first worker.
pub const WORKER: &str = "kind-worker";
/// The second.
pub const WORKER2: &str = "kind-worker2";
/// The pod on the first worker.
pub const POD1: &str = "hello-app-1";
/// The pod on the second.
pub const POD2: &str = "hello-app-2";

/// An effect that several faults can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The second worker does not answer: it is stopped or paused.
    NodeSilent,
    /// The second worker is on another bridge than the others.
    SecondBridge,
    /// An agent does not run, or agents cannot be asked.
    AgentsAway,
    /// A node is not Ready.
    NodeNotReady,
    /// The agents look for the API server at an address that is not the control plane's.
    ServiceHostStale,
    /// One of the two replicas is ready.
    OneReplicaReady,
    /// Neither of them is.
    NoReplicaReady,
    /// The third of three replicas has no address.
    ThirdUnaddressed,
    /// No process of a pod runs, so the probe cannot look into its namespace.
    NoPodRuns,
    /// There are no two pods on two nodes.
    NoPodsAcross,
    /// The pods on the two workers get no answer from each other.
    PodsApart,
    /// No packet of the first worker's pod comes to the second worker.
    NothingFromFirst,
    /// No packet of the second worker's pod leaves its node.
    NothingFromSecond,
    /// The control plane gets no answer from the pod on the second worker.
    SecondPodHidden,
    /// The first worker sends packets for the second's pods to the control plane, which forwards them.
    Detour,
    /// The first worker sends packets for the second's pods to the gateway.
    Leak,
    /// A packet of the link's full MTU does not fit through the path between the pods.
    NarrowPath,
}

/// What a case that looks into every node says under [`Effect::NodeSilent`].
pub const BLIND: Expect = Expect::Unobserved("kind-worker2 could not be looked into");
/// What a case that looks into pods says under [`Effect::NoPodRuns`].
pub const NO_POD: Expect = Expect::Unobserved("no container of the pod hello-app-");
/// What a case that needs both replicas says under [`Effect::OneReplicaReady`].
pub const ONE_READY: Expect = Expect::Unobserved("1 of 2 replicas are ready");
/// What a case that needs both replicas says under [`Effect::NoReplicaReady`].
pub const NONE_READY: Expect = Expect::Unobserved("0 of 2 replicas are ready");
/// What a case about what pods send says under [`Effect::ThirdUnaddressed`].
pub const TWO_ADDRESSED: Expect = Expect::Unobserved("2 of 3 replicas have an address");
/// What a case about the outside says if there is only one pod.
pub const ONE_ADDRESSED: Expect = Expect::Unobserved("1 of 2 replicas have an address");
/// What a case about traffic between pods says under [`Effect::NoPodsAcross`].
pub const NOTHING_SENT: Expect = Expect::Unobserved("no pod sent anything to a pod on another node");
/// Agents are not ready. Operators may be ready or not, which depends on the moment and on where they run.
pub const AGENTS_NOT_READY: Expect =
    Expect::RefutedAndPerhaps(&[(AgentsNotReady, BRIDGE)], &[(OperatorsNotReady, BRIDGE)]);

impl Effect {
    /// What a case with this list must say under the effect; none if the list does not have it.
    pub fn on(self, turned: &[(Self, Expect)]) -> Option<Expect> {
        turned.iter().find(|(effect, _)| *effect == self).map(|(_, expect)| *expect)
    }
}
