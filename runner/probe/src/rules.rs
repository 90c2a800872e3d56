//! IPv4 routing rules.

use ipnet::Ipv4Net;
use lab_netlink::{Error, Message, Socket, Table};
use nix::libc::RTM_GETRULE;

use super::links::INET;
use lab_model::observe::{Rule, RuleAction};

// include/uapi/linux/fib_rules.h.
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_FLOW: u16 = 11;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_PAD: u16 = 18;
const FRA_PROTOCOL: u16 = 21;
const FIB_RULE_INVERT: u32 = 2;

/// What the kernel writes for a suppressor that is not set: -1.
const NOT_SET: u32 = u32::MAX;

/// `struct fib_rule_hdr`.
const RULES: Table =
    Table { request: RTM_GETRULE, doing: "list routing rules", header: &[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };

/// All IPv4 rules of this namespace, in the kernel's order.
pub(super) async fn rules(socket: &Socket) -> Result<Vec<Rule>, Error> {
    socket.table(&RULES).await?.iter().map(|body| parse_rule(body)).collect()
}

/// Reads one rule of a dump.
///
/// # Errors
/// [`Error`], naming the part of the message that is not what rtnetlink(7) says.
pub fn parse_rule(body: &[u8]) -> Result<Rule, Error> {
    let message = &Message::of(&RULES, body)?;
    let prefix = |kind, length, part| -> Result<Option<Ipv4Net>, Error> {
        let network = message.ipv4(kind, part)?;
        let net = network.map(|network| Ipv4Net::new(network, length)).transpose();
        net.map_err(|_too_long| message.malformed(part))
    };
    // The kernel leaves out a mark of 0, and a mask where neither is set.
    let mark = message.u32(FRA_FWMARK, "mark")?;
    let mask = message.u32(FRA_FWMASK, "mark's mask")?;
    let fwmark = match (mark, mask) {
        (None, None) | (_, Some(0)) => None,
        (mark, mask) => {
            let mask = mask.unwrap_or(u32::MAX);
            Some((mark.unwrap_or(0) & mask, mask))
        }
    };
    Ok(Rule {
        priority: message.u32(FRA_PRIORITY, "priority")?.unwrap_or(0),
        source: prefix(FRA_SRC, message.header_u8(2), "source")?,
        destination: prefix(FRA_DST, message.header_u8(1), "destination")?,
        fwmark,
        iif: message.text(FRA_IIFNAME),
        oif: message.text(FRA_OIFNAME),
        inverted: message.header_u32(8) & FIB_RULE_INVERT != 0,
        other_selectors: other_selectors(message)?,
        action: action(message)?,
    })
}

/// Every attribute that narrows what the rule does and has no field of its own, by the name `ip rule` gives it.
fn other_selectors(message: &Message<'_>) -> Result<Vec<String>, Error> {
    let mut selectors = Vec::new();
    if message.header_u8(3) != 0 {
        selectors.push("tos".to_owned());
    }
    for &(kind, _value) in message.attributes() {
        let name = match kind {
            // The last two say who made the rule, and in which realm a packet is counted: neither selects.
            FRA_DST | FRA_SRC | FRA_IIFNAME | FRA_OIFNAME | FRA_GOTO | FRA_PRIORITY | FRA_FWMARK | FRA_FWMASK
            | FRA_TABLE | FRA_PAD | FRA_PROTOCOL | FRA_FLOW => continue,
            FRA_SUPPRESS_IFGROUP | FRA_SUPPRESS_PREFIXLEN if message.u32(kind, "suppressor")? == Some(NOT_SET) => {
                continue;
            }
            FRA_SUPPRESS_IFGROUP => "suppress_ifgroup",
            FRA_SUPPRESS_PREFIXLEN => "suppress_prefixlength",
            12 => "tun_id",
            19 => "l3mdev",
            20 => "uidrange",
            22 => "ipproto",
            23 => "sport",
            24 => "dport",
            25 => "dscp",
            26 => "flowlabel",
            27 => "flowlabel mask",
            28 => "sport mask",
            29 => "dport mask",
            30 => "dscp mask",
            other => {
                selectors.push(format!("attribute {other}"));
                continue;
            }
        };
        selectors.push(name.to_owned());
    }
    // Kernels write them in different orders.
    selectors.sort_unstable();
    Ok(selectors)
}

/// `FR_ACT_*`.
fn action(message: &Message<'_>) -> Result<RuleAction, Error> {
    Ok(match message.header_u8(7) {
        1 => {
            let table = message.u32(FRA_TABLE, "table")?;
            RuleAction::Lookup(table.unwrap_or_else(|| message.header_u8(4).into()))
        }
        2 => RuleAction::Goto(message.u32(FRA_GOTO, "goto")?.ok_or_else(|| message.malformed("goto"))?),
        3 => RuleAction::Nop,
        6 => RuleAction::Blackhole,
        7 => RuleAction::Unreachable,
        8 => RuleAction::Prohibit,
        other => RuleAction::Other(other),
    })
}
