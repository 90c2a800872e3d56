//! What a fault is: the change, the place and the stage, the effects, and how it is undone.

use super::acts::PlacedAct;
use super::bench::Size;
use super::cluster::Breakage;
use lab_harness::cases;
use lab_harness::expect::Expect;
use lab_harness::turned::Effect;
use lab_model::stage::Stage;
use lab_model::{BackendKind, Ground};
use lab_netns::announce::Announcing;
use lab_netns::plan::{Plan, Spec};

/// How a lab is broken.
#[derive(Debug, Clone, Copy)]
pub enum Apply {
    /// These changes in the namespaces of a lab that is up.
    Acts(fn(&Plan) -> Vec<PlacedAct>),
    /// This node of a lab that is up is stopped.
    Stop(&'static str),
    /// These changes in a lab that is built up to the stage before this one.
    Before(Stage, fn(&Plan) -> Vec<PlacedAct>),
    /// The lab is built with a changed spec, which shows from this stage on.
    Built(Stage, fn(&mut Spec)),
    /// These changes in a lab of another size, which is expected to have that size, as with `--nodes` and `--replicas`.
    Sized {
        /// Number of nodes, one control plane included.
        nodes: usize,
        /// Number of pods of the workload.
        replicas: usize,
        /// The changes, which are made once the lab is up.
        acts: fn(&Plan) -> Vec<PlacedAct>,
    },
    /// A lab in racks is broken.
    Racks(InRacks),
    /// A cluster that is up is broken: a lab on kind.
    Cluster {
        /// How.
        how: Breakage,
        /// The cases that must say what is expected before all cases are judged, because a cluster needs time to notice.
        settles: &'static [&'static str],
    },
}

/// How a lab in racks is broken.
#[derive(Debug, Clone, Copy)]
pub enum InRacks {
    /// These changes in the namespaces of a lab that is up.
    Acts(fn(&Plan) -> Vec<PlacedAct>),
    /// This node announces its pod CIDR otherwise.
    Announce(&'static str, Announcing),
    /// The configuration of BIRD at this router has another text in place of one.
    Configure {
        /// The router.
        at: &'static str,
        /// The text that it has.
        text: &'static str,
        /// What stands there instead.
        instead: &'static str,
    },
    /// BIRD of this router says nothing any more, and does not end: it is believed until the hold time is over, which is short
    /// for its sessions.
    Silence(&'static str),
    /// The lab is built with a changed spec, which shows from `routing_installed` on.
    Built(fn(&mut Spec)),
}

/// How a fault is undone.
#[derive(Debug, Clone, Copy)]
pub enum Undo {
    /// The state from before is restored, and a stopped node is built again.
    PutBack,
    /// The same, and then these changes, because the lab remembers the fault otherwise.
    PutBackAnd(fn(&Plan) -> Vec<PlacedAct>),
    /// Nothing is restored; these changes are made instead.
    Acts(fn(&Plan) -> Vec<PlacedAct>),
    /// The lab is taken down and built again without it.
    BuiltAgain,
}

/// A named way to break a lab.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name, in `kebab-case`.
    pub name: &'static str,
    /// What is done, and where, in one sentence.
    pub what: &'static str,
    /// How it is done.
    pub apply: Apply,
    /// The cases that are named for it: they must be refuted, as `turns` or `breaks` say. If one of them holds, the fault
    /// has survived.
    pub kills: &'static [&'static str],
    /// Its effects, the most direct one first. Each case lists what it must say under an effect. If two effects turn the
    /// same case, the first counts.
    pub breaks: &'static [Effect],
    /// What cases must say if that does not follow from `breaks`. A case that is turned by neither must hold.
    pub turns: &'static [(&'static str, Expect)],
    /// How it is undone.
    pub undo: Undo,
}

impl Fault {
    /// The size of the lab that it is made in.
    pub const fn size(&self) -> Size {
        match self.apply {
            Apply::Sized { nodes, replicas, .. } => {
                Size { nodes: Some(nodes), replicas: Some(replicas), ..Size::ARTICLE }
            }
            Apply::Racks(_) => Size::RACKS,
            _ => Size::ARTICLE,
        }
    }

    /// The backend that it is made on.
    pub const fn on(&self) -> BackendKind {
        match self.apply {
            Apply::Cluster { .. } => BackendKind::Kind,
            Apply::Acts(_)
            | Apply::Stop(_)
            | Apply::Before(..)
            | Apply::Built(..)
            | Apply::Sized { .. }
            | Apply::Racks(_) => BackendKind::Netns,
        }
    }

    /// Which cases exist where it is made.
    pub const fn ground(&self) -> Ground {
        Ground { backend: self.on(), bgp: matches!(self.apply, Apply::Racks(_)) }
    }

    /// When it is made: after this stage was reached, or before or while this stage is built.
    pub const fn stage(&self) -> Stage {
        match self.apply {
            Apply::Racks(InRacks::Built(_)) => Stage::RoutingInstalled,
            Apply::Acts(_) | Apply::Stop(_) | Apply::Sized { .. } | Apply::Racks(_) | Apply::Cluster { .. } => {
                Stage::WorkloadReady
            }
            Apply::Before(stage, _) | Apply::Built(stage, _) => stage,
        }
    }

    /// When it is made, as text.
    pub fn when(&self) -> String {
        match self.apply {
            Apply::Racks(InRacks::Built(_)) => format!("built at {}", Stage::RoutingInstalled),
            Apply::Acts(_) | Apply::Stop(_) | Apply::Racks(_) | Apply::Cluster { .. } => "on a running lab".to_owned(),
            Apply::Before(stage, _) => format!("before {stage}"),
            Apply::Built(stage, _) => format!("built at {stage}"),
            Apply::Sized { nodes, replicas, .. } => format!("with --nodes {nodes} --replicas {replicas}"),
        }
    }

    /// Whether it needs a lab of its own, because it cannot be made in a lab that is up.
    pub const fn needs_its_own_lab(&self) -> bool {
        matches!(
            self.apply,
            Apply::Before(..) | Apply::Built(..) | Apply::Sized { .. } | Apply::Racks(InRacks::Built(_))
        )
    }

    /// What a case must say with it.
    pub fn expects(&self, case: &str) -> Expect {
        let own = self.turns.iter().find(|(turned, _)| *turned == case).map(|(_, expect)| *expect);
        own.or_else(|| self.follows(case)).unwrap_or(Expect::Held)
    }

    /// What a case must say because of the fault's effects; none if no effect turns it.
    pub(super) fn follows(&self, case: &str) -> Option<Expect> {
        let turned = cases::find(case)?.turned;
        self.breaks.iter().find_map(|effect| effect.on(turned))
    }

    /// How it is undone, as text.
    pub const fn undone(&self) -> &'static str {
        match (self.undo, self.apply) {
            (Undo::PutBack, Apply::Stop(_)) => "the node is started again, with its pods",
            (Undo::PutBack, Apply::Cluster { how: Breakage::Commands(_), .. }) => "commands undo what was done",
            (Undo::PutBack, Apply::Cluster { how: Breakage::Paused(_), .. }) => "the node is unpaused",
            (Undo::PutBack, Apply::Cluster { how: Breakage::Restarted, .. }) => {
                "all nodes are started in the order of the addresses that they had"
            }
            (Undo::PutBack, Apply::Cluster { how: Breakage::ServiceHost, .. }) => {
                "`helm upgrade` gives the address back that all agents had, and agents and operators are replaced"
            }
            (Undo::PutBack, Apply::Racks(InRacks::Announce(..) | InRacks::Configure { .. } | InRacks::Silence(_))) => {
                "it is as before again, and all routers have learnt all routes"
            }
            (Undo::PutBack, _) => "the state from before is restored",
            (Undo::PutBackAnd(_), _) => "the state from before is restored, and learned path MTUs are forgotten",
            (Undo::Acts(_), _) => "other changes are made",
            (Undo::BuiltAgain, _) => "the lab is built again without it",
        }
    }
}
