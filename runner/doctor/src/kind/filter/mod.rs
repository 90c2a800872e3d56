//! What the host's packet filter does with frames that cross a bridge of Docker's: every chain on the way is walked with
//! a frame, because an accept ends the chain that it stands in, and no other.

pub(super) mod legacy;
pub(super) mod nft;
pub(super) mod read;
pub(super) mod walk;

use ipnet::Ipv4Net;

/// A frame that enters a bridge by one port and leaves it by another, the first of a TCP connection.
#[derive(Debug, Clone)]
pub(in crate::kind) struct Frame {
    /// What it is, in words: `frames between nodes`.
    pub(in crate::kind) what: &'static str,
    /// The bridge's name.
    pub(in crate::kind) bridge: String,
    /// A network that contains both addresses.
    pub(in crate::kind) addresses: Ipv4Net,
}

/// `NF_CT_STATE_BIT(IP_CT_NEW)` (`include/uapi/linux/netfilter/nf_conntrack_common.h`): the first packet of a connection.
const NEW: u32 = 8;
/// TCP's number.
const TCP: u8 = 6;

/// Whether a rule applies to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kind) enum Applies {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on something that is not known here.
    Maybe,
}

impl Applies {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }
}

impl From<bool> for Applies {
    fn from(applies: bool) -> Self {
        if applies { Self::Yes } else { Self::No }
    }
}

/// Whether an address of the frame's is in this network.
fn within(addresses: Ipv4Net, network: Ipv4Net) -> Applies {
    if network.contains(&addresses) {
        Applies::Yes
    } else if addresses.contains(&network) {
        Applies::Maybe
    } else {
        Applies::No
    }
}

/// What a rule does with a frame that it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) enum Then {
    /// Ends the chain; the frame goes on to the next.
    Accept,
    /// Ends the frame.
    Drop,
    /// Goes on in this chain, and comes back.
    Jump(String),
    /// Goes on in this chain, and does not come back.
    Goto(String),
    /// Goes back to where this chain was jumped to from.
    Return,
    /// Nothing that decides: it counts, logs or marks.
    Next,
    /// Something that is not known here, and may end the frame.
    Unknown,
}

/// A rule, as far as it concerns one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kind) struct Step {
    pub(in crate::kind) applies: Applies,
    pub(in crate::kind) then: Then,
}

/// The names by which targets of iptables that end a frame, and those that decide nothing, are known
/// (iptables-extensions(8)); any other name is that of a chain, or is not known.
fn target(name: &str) -> Option<Then> {
    Some(match name {
        "ACCEPT" => Then::Accept,
        "DROP" | "REJECT" => Then::Drop,
        "RETURN" => Then::Return,
        "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CT" | "NOTRACK" | "AUDIT" | "CLASSIFY"
        | "TRACE" | "CHECKSUM" | "DSCP" | "TOS" | "TTL" | "SECMARK" | "CONNSECMARK" | "SET" | "TEE" => Then::Next,
        _ => return None,
    })
}
