//! A row about what another Cilium left on this host.

use crate::kind::facts::HostSeen;
use crate::{Outcome, Row};
use lab_model::observe::{NetnsView, RuleAction};

/// Tables that Cilium's proxy rules look into (Cilium 1.12.4, `pkg/datapath/linux/route`: `MainTable` aside, 2004 and
/// 2005).
const TABLES: [u32; 2] = [2004, 2005];

/// Whether it is a name that Cilium gives to links on a host.
fn is_ciliums(name: &str) -> bool {
    let endpoint = name.strip_prefix("lxc").is_some_and(|rest| {
        rest == "_health" || (rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    endpoint || name.starts_with("cilium_")
}

fn in_kernel(view: &NetnsView) -> (Vec<String>, Vec<String>) {
    let mut found = Vec::new();
    let mut remedy = Vec::new();
    for link in view.links.iter().filter(|link| is_ciliums(&link.name)) {
        found.push(format!("the link {}", link.name));
        remedy.push(format!("sudo ip link delete {}", link.name));
    }
    for rule in &view.rules {
        if let RuleAction::Lookup(table) = rule.action
            && TABLES.contains(&table)
        {
            found.push(format!("the rule {} into table {table}", rule.priority));
            remedy.push(format!("sudo ip rule delete priority {}", rule.priority));
        }
    }
    (found, remedy)
}

/// `cilium.leftovers`.
pub(in crate::kind) fn leftovers(host: &HostSeen) -> Row {
    const ID: &str = "cilium.leftovers";
    const WHY: &str = "BPF programs and rules of another Cilium on this host act on the lab's packets too";
    let (mut found, mut remedy) = match &host.view {
        Some(Ok(view)) => in_kernel(view),
        Some(Err(why)) => {
            return Row::bad(
                Outcome::Warning,
                ID,
                format!("links and rules cannot be read: {why}"),
                WHY,
                "ip link; ip rule",
            );
        }
        None => return Row::bad(Outcome::Warning, ID, "links and rules were not read", WHY, "ip link; ip rule"),
    };
    for file in host.cilium_files.iter().flatten() {
        found.push(file.display().to_string());
        remedy.push(format!("sudo rm -r {}", file.display()));
    }
    if found.is_empty() {
        let pinned = match host.cilium_files {
            Some(_) => "and nothing pinned in /sys/fs/bpf",
            None => "but /sys/fs/bpf was not read, which only root may",
        };
        return Row::ok(ID, format!("no link or rule of another Cilium, {pinned}"), WHY);
    }
    remedy.insert(0, "if no Cilium runs on this host any more:".to_owned());
    Row::bad(Outcome::Warning, ID, found.join(", "), WHY, remedy.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{host, link};
    use lab_model::observe::Rule;

    #[test]
    fn a_host_that_never_had_one() {
        let mut host = host();
        assert_eq!(leftovers(&host).found, "no link or rule of another Cilium, and nothing pinned in /sys/fs/bpf");
        host.cilium_files = None;
        assert!(leftovers(&host).found.ends_with("/sys/fs/bpf was not read, which only root may"));
        let view = host.view.as_mut().unwrap().as_mut().unwrap();
        view.links.extend([link("lxcbr0"), link("lxc-1"), link("veth1a2b3c4")]);
        assert_eq!(leftovers(&host).outcome, Outcome::Ok, "LXC's own bridge is not Cilium's");
    }

    #[test]
    fn links_rules_and_files_are_named_with_their_removal() {
        let mut host = host();
        let view = host.view.as_mut().unwrap().as_mut().unwrap();
        view.links.extend([link("cilium_host"), link("lxc0123456789ab")]);
        view.rules.push(Rule { fwmark: Some((0x200, 0xf00)), ..Rule::for_all(9, RuleAction::Lookup(2004)) });
        host.cilium_files = Some(vec!["/sys/fs/bpf/cilium".into()]);
        let row = leftovers(&host);
        assert_eq!(row.outcome, Outcome::Warning);
        assert_eq!(
            row.found,
            "the link cilium_host, the link lxc0123456789ab, the rule 9 into table 2004, /sys/fs/bpf/cilium"
        );
        assert!(row.remedy.contains("\nsudo ip rule delete priority 9\nsudo rm -r /sys/fs/bpf/cilium"), "{row:?}");
    }

    #[test]
    fn not_looking_is_no_proof() {
        let mut host = host();
        host.view = Some(Err("cannot list links".to_owned()));
        assert_eq!(leftovers(&host).outcome, Outcome::Warning);
        host.view = None;
        assert_eq!(leftovers(&host).outcome, Outcome::Warning);
    }
}
