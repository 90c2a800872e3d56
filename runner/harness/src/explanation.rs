//! The parts of an explanation of a case, which `lab explain` prints.

use serde::Serialize;

use lab_model::Reason;

/// The backends that a part of an explanation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// On every backend.
    Both,
    /// In a lab of network namespaces.
    Netns,
    /// In a lab of Docker, kind, Kubernetes and Cilium.
    Kind,
}

impl Where {
    /// The label in front of such a part; empty if it is about every backend.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Both => "",
            Self::Netns => "netns",
            Self::Kind => "kind",
        }
    }
}

/// What a case reads: a kernel object, an object of an API, a BPF map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Read {
    /// On which backend.
    pub on: Where,
    /// What it is, and how it is read.
    pub what: &'static str,
}

/// A command with which a user sees what the case sees. Words in capitals are placeholders for names in the user's lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// On which backend.
    pub on: Where,
    /// The complete command, to be typed on the machine that the lab is on.
    pub command: &'static str,
    /// What its output shows.
    pub shows: &'static str,
}

/// A reason that refutes the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Breaks {
    /// The reason, as reports name it.
    pub reason: Reason,
    /// What usually causes it, and how to recognise it.
    pub how: &'static str,
}

/// The explanation of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the article does at this step, and what it shows.
    pub step: &'static str,
    /// How the claim is related to native routing.
    pub native: &'static str,
    /// What the case reads, and where.
    pub read: &'static [Read],
    /// How to see it by hand.
    pub by_hand: &'static [ByHand],
    /// Every reason for which its judge can refute it.
    pub breaks: &'static [Breaks],
    /// When the case is unobserved.
    pub unobserved: &'static str,
}

/// Read on every backend.
pub(crate) const fn read(what: &'static str) -> Read {
    Read { on: Where::Both, what }
}

/// Read on netns.
pub(crate) const fn read_on_netns(what: &'static str) -> Read {
    Read { on: Where::Netns, what }
}

/// Read on kind.
pub(crate) const fn read_on_kind(what: &'static str) -> Read {
    Read { on: Where::Kind, what }
}

/// A command for a lab on netns.
pub(crate) const fn on_netns(command: &'static str, shows: &'static str) -> ByHand {
    ByHand { on: Where::Netns, command, shows }
}

/// A command for a lab on kind.
pub(crate) const fn on_kind(command: &'static str, shows: &'static str) -> ByHand {
    ByHand { on: Where::Kind, command, shows }
}

/// A reason, and what usually causes it.
pub(crate) const fn breaks(reason: Reason, how: &'static str) -> Breaks {
    Breaks { reason, how }
}
