//! Direct routes that an agent could not make: it warns of each, drops the error and goes on.

use std::collections::BTreeSet;

use lab_model::foreign::{AgentLog, RefusedRoute};

/// What an agent's warning begins with (1.12 to 1.15: `pkg/datapath/linux/node.go`).
pub const WARNING: &str = "Unable to install direct node route";
/// How many lines of a log are read for it: an agent that starts writes some hundreds.
pub const LOG_LINES: u32 = 5000;
/// What the error in it is about: before the next hop's address, before the router's, and after it.
const ABOUT: (&str, &str, &str) = ("route to destination ", " contains gateway ", ", must be directly reachable");

/// What an agent's log says of them. A warning is repeated whenever a node is updated, and counts once.
pub fn parse_refused(log: &str) -> AgentLog {
    let warnings = || log.lines().filter(|line| line.contains(WARNING));
    let refused: BTreeSet<RefusedRoute> = warnings().filter_map(read).collect();
    AgentLog { refused: refused.into_iter().collect(), line: warnings().next().map(str::to_owned) }
}

fn read(line: &str) -> Option<RefusedRoute> {
    let (_before, rest) = line.split_once(ABOUT.0)?;
    let (to, rest) = rest.split_once(ABOUT.1)?;
    let (gateway, _after) = rest.split_once(ABOUT.2)?;
    Some(RefusedRoute { to: to.parse().ok()?, gateway: gateway.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_next_hop_counts_once() {
        let line = |to: &str, more: &str| {
            format!(
                "level=warning msg=\"{WARNING} {{Ifindex: 0 Dst: 10.0.2.0/24}}\" error=\"route to destination {to} contains gateway 198.19.0.1, must be \
                 directly reachable{more}\" subsys=linux-datapath"
            )
        };
        // As 1.12 writes it, and as 1.14 does.
        let newer = line("198.19.1.5", ". Add `direct-routing-skip-unreachable` to skip unreachable routes");
        let log = [line("198.19.1.4", ""), line("198.19.1.4", ""), newer, "level=info".to_owned()].join("\n");
        let read = parse_refused(&log);
        let next_hops: Vec<String> =
            read.refused.iter().map(|route| format!("{} {}", route.to, route.gateway)).collect();
        assert_eq!(next_hops, ["198.19.1.4 198.19.0.1", "198.19.1.5 198.19.0.1"]);
        assert_eq!(read.line, Some(line("198.19.1.4", "")));
        assert_eq!(parse_refused("level=info msg=\"all is well\""), AgentLog::default());
        // A warning for another reason is kept, and says nothing of a next hop.
        let other = format!("level=warning msg=\"{WARNING}\" error=\"file exists\"");
        assert_eq!(parse_refused(&other), AgentLog { refused: Vec::new(), line: Some(other.clone()) });
    }
}
