//! What an explanation of a case is made of: `lab explain` prints it.

use serde::Serialize;

use lab_model::Reason;

/// Where a part of an explanation is true.
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
    /// What stands beside such a part; nothing where there is nothing to tell apart.
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

/// A command that shows a reader what the case sees. Words in capitals stand for what is in the reader's lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// On which backend.
    pub on: Where,
    /// The whole command, as it is typed on the machine that the lab is on.
    pub command: &'static str,
    /// What there is to see in what it prints.
    pub shows: &'static str,
}

/// Something that refutes the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Breaks {
    /// The word that a report has for it.
    pub reason: Reason,
    /// What usually brings it about, and how it looks.
    pub how: &'static str,
}

/// All that there is to know about a case, beside its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the article does at this step, and what it shows of it.
    pub step: &'static str,
    /// What native routing has to do with it.
    pub native: &'static str,
    /// What is read where.
    pub read: &'static [Read],
    /// How to see it by hand.
    pub by_hand: &'static [ByHand],
    /// What refutes it: every reason that its judge can give.
    pub breaks: &'static [Breaks],
    /// When nothing is decided.
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

/// A reason, and how it comes about.
pub(crate) const fn breaks(reason: Reason, how: &'static str) -> Breaks {
    Breaks { reason, how }
}
