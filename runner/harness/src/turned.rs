//! How a case is turned: the effects that a broken lab can have, and what a case must say under each.
//!
//! A fault of `lab sabotage` says which of these effects it has; each case says beside itself what it makes of them.

use lab_model::Reason::{AgentsNotReady, OperatorsNotReady};

use crate::expect::Expect;

/// The bridge's namespace, and what is about the lab as a whole.
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

/// Something that a fault brings about, whatever the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The second worker answers nobody: it is stopped or paused.
    NodeSilent,
    /// The second worker is on another bridge than the others.
    SecondBridge,
    /// An agent does not run, or none can be asked.
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
    /// There is no process of a pod that the probe could look into.
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
    /// The way between the pods has no room for a packet of the link's whole MTU.
    NarrowPath,
}

/// What a case that looks into every node says of [`Effect::NodeSilent`].
pub const BLIND: Expect = Expect::Unobserved("kind-worker2 could not be looked into");
/// What a case that looks into pods says of [`Effect::NoPodRuns`].
pub const NO_POD: Expect = Expect::Unobserved("the probe cannot look: no container of the pod hello-app-");
/// What a case that counts on both replicas says of [`Effect::OneReplicaReady`].
pub const ONE_READY: Expect = Expect::Unobserved("1 of 2 replicas are ready");
/// What such a case says of [`Effect::NoReplicaReady`].
pub const NONE_READY: Expect = Expect::Unobserved("0 of 2 replicas are ready");
/// What a case about what pods send says of [`Effect::ThirdUnaddressed`].
pub const TWO_ADDRESSED: Expect = Expect::Unobserved("2 of 3 replicas have an address");
/// What such a case about the outside says where there is one pod in all.
pub const ONE_ADDRESSED: Expect = Expect::Unobserved("1 of 2 replicas have an address");
/// What a case about what pods send each other says of [`Effect::NoPodsAcross`].
pub const NOTHING_SENT: Expect = Expect::Unobserved("no pod sent anything to a pod on another node");
/// Agents that are not ready. Whether an operator is ready is a matter of the moment, or of where it runs.
pub const AGENTS_NOT_READY: Expect =
    Expect::RefutedAndPerhaps(&[(AgentsNotReady, BRIDGE)], &[(OperatorsNotReady, BRIDGE)]);

impl Effect {
    /// What a case with these turns says of it, if it says anything.
    pub fn on(self, turned: &[(Self, Expect)]) -> Option<Expect> {
        turned.iter().find(|(effect, _)| *effect == self).map(|(_, expect)| *expect)
    }
}
