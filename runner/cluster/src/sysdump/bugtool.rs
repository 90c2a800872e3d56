//! What one agent's `cilium-bugtool` collected (cilium 1.12: `bugtool/cmd`): a file for each command, with what it printed.
//! Most of it is text for readers.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::archive::{Archive, is_of};
use crate::iproute::{Documents, tables};
use crate::iptext;
use crate::parse::parse_lenient_table;
use crate::reading::{Needs, NodeReading};
use lab_kube::cilium::{parse_config, parse_status};
use lab_kube::dumped;
use lab_kube::filter::{FILTERS, parse_filter};
use lab_model::foreign::NodeTables;
use lab_model::observe::{
    AgentConfig, AgentStatus, FilterListing, RuleAction, ServiceTable, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
};

/// The commands that print links, addresses, rules and routes.
const LINKS: &str = "ip -d -s l";
const ADDRESSES: &str = "ip a";
const RULES: &str = "ip rule";
const ROUTES: &str = "ip -4 r";
/// Those that print the routes of a table without a name, before its number.
const TABLE: &str = "ip -4 route show table ";
/// The settings among those that are compared that are on or off.
const SWITCHES: [&str; 3] = ["EnableAutoDirectRouting", "EnableBPFMasquerade", "EnableHostLegacyRouting"];
/// What stands before a command's failure, after what it printed.
const FAILED: &str = "> Error while running '";

/// The files of one agent.
pub(super) struct Bugtool<'a> {
    archive: &'a Archive,
    /// Their folder, with a slash after it.
    folder: String,
    /// The program that asks the agent.
    program: &'static str,
}

impl<'a> Bugtool<'a> {
    /// The files of the agent in this pod.
    ///
    /// # Errors
    /// A text that says why there are none.
    pub(super) fn of(archive: &'a Archive, pod: &str, program: &'static str) -> Result<Self, String> {
        let stem = format!("cilium-bugtool-{pod}");
        let mut folder = None;
        for path in archive.beginning(&stem) {
            match path.split_once('/') {
                Some((first, _rest)) if is_of(first, &stem, "") => {
                    folder = Some(format!("{first}/"));
                    break;
                }
                None if is_of(path, &stem, ".tar.gz") => {
                    return Err(format!("{path} was not unpacked when the sysdump was made"));
                }
                _ => {}
            }
        }
        let folder = folder.ok_or_else(|| format!("the sysdump has nothing of {stem}, so of its agent's commands"))?;
        Ok(Self { archive, folder, program })
    }

    /// Where what a command printed is: slashes and spaces of it are hyphens (`writeCmdToFile`).
    fn path(&self, command: &str) -> String {
        format!("{}cmd/{}.md", self.folder, command.replace(['/', ' '], "-"))
    }

    /// What a command printed.
    ///
    /// # Errors
    /// A text that says why it is not known: there is no file, or the command failed.
    fn printed(&self, command: &str) -> Result<String, String> {
        let path = self.path(command);
        let text = self.archive.text(&path)?;
        if let Some(line) = text.lines().find(|line| line.starts_with(FAILED)) {
            return Err(format!("`{command}` in the agent failed: {line} ({path})"));
        }
        // With `--enable-markdown` there is a heading and a fence around it.
        let plain = text.strip_prefix(&format!("# {command}\n\n```\n")).and_then(|text| text.strip_suffix("\n```\n"));
        Ok(plain.map_or_else(|| text.clone(), str::to_owned))
    }

    /// Reads what is asked for.
    pub(super) fn read(&self, needs: Needs) -> NodeReading {
        let status = self.status();
        NodeReading {
            tables: needs.tables.then(|| self.tables()),
            config: needs.configs.then(|| self.config()),
            filters: needs.filters.then(|| Ok(FILTERS.map(|program| self.filter(program)).into())),
            services: needs.services.then(|| self.services()),
            // What an agent tells of itself, it was asked for: it answered.
            silent: status.as_ref().err().cloned(),
            status: needs.statuses.then_some(status),
        }
    }

    /// What the agent was started with, by its own file of that.
    ///
    /// # Errors
    /// A text that says why it is not known.
    pub(super) fn started_with(&self) -> Result<BTreeMap<String, String>, String> {
        let path = format!("{}cmd/state/viper-agent-config.yaml", self.folder);
        dumped::settings(&self.archive.text(&path)?).map_err(|why| format!("{path}: {why}"))
    }

    fn tables(&self) -> Result<NodeTables, String> {
        let read = |command: &str, parse: &dyn Fn(&str) -> Result<Vec<Value>, String>| {
            parse(&self.printed(command)?).map_err(|why| format!("`{command}`: {why}"))
        };
        let addresses = read(ADDRESSES, &iptext::addresses)?;
        let mut routes = read(ROUTES, &|text| iptext::routes(text, TABLE_MAIN))?;
        if routes.is_empty() {
            return Err(format!("`{ROUTES}` printed nothing"));
        }
        let mut known = vec![TABLE_MAIN, TABLE_LOCAL, TABLE_DEFAULT];
        for (number, command) in self.numbered() {
            known.push(number);
            routes.extend(read(&command, &|text| iptext::routes(text, number))?);
        }
        routes.extend(local(&addresses));
        let from =
            Documents { links: read(LINKS, &iptext::links)?, addresses, rules: read(RULES, &iptext::rules)?, routes };
        let found = tables(from, [LINKS, ADDRESSES, RULES, ROUTES])?;
        // A table without any route has no file; nor has one whose file is lost.
        for rule in &found.rules {
            if let RuleAction::Lookup(table) = rule.action
                && !known.contains(&table)
            {
                let (rule, file) = (lab_model::words::rule(rule), self.path(&format!("{TABLE}{table}")));
                return Err(format!("there is a rule {rule:?}, and the sysdump has no {file}"));
            }
        }
        Ok(found)
    }

    /// The tables without a name that had routes, and the commands that printed them.
    fn numbered(&self) -> Vec<(u32, String)> {
        let before = self.path(TABLE);
        let before = before.strip_suffix(".md").unwrap_or(&before).to_owned();
        let number = |path: &str| path.strip_prefix(&before)?.strip_suffix(".md")?.parse::<u32>().ok();
        self.archive.beginning(&before).filter_map(number).map(|number| (number, format!("{TABLE}{number}"))).collect()
    }

    fn config(&self) -> Result<AgentConfig, String> {
        let command = format!("{} config -a", self.program);
        let text = self.printed(&command)?;
        parse_config(&settings(&text).to_string()).map_err(|why| why.replace("config --all -o json", "config -a"))
    }

    fn status(&self) -> Result<AgentStatus, String> {
        let before = format!("{}cmd/cilium-debuginfo-", self.folder);
        let mut files = self.archive.beginning(&before).filter(|path| path.strip_suffix(".json").is_some());
        let path =
            files.next().ok_or_else(|| format!("the sysdump has no {before}….json, in which the agent's status is"))?;
        let text = self.archive.text(path)?;
        let all: Map<String, Value> = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        let status = all.get("cilium-status").ok_or_else(|| format!("{path} has no cilium-status"))?;
        parse_status(&status.to_string()).map_err(|why| format!("{path}: {why}"))
    }

    fn filter(&self, program: &str) -> FilterListing {
        let tables = self.printed(&format!("{program} -c")).and_then(|text| parse_filter(&text));
        FilterListing { program: program.to_owned(), tables }
    }

    fn services(&self) -> Result<ServiceTable, String> {
        let states = self.printed(&format!("{} service list -o json", self.program))?;
        let command = format!("{} bpf lb list", self.program);
        let table = frontends(&self.printed(&command)?).map_err(|why| format!("`{command}`: {why}"))?;
        parse_lenient_table(&table.to_string(), &states)
    }
}

/// The routes that the kernel makes in the table `local` for addresses (`net/ipv4/fib_frontend.c`, `fib_add_ifaddr`). The
/// bugtool lists tables without a name and the main one alone.
fn local(addresses: &[Value]) -> Vec<Value> {
    let mut made = Vec::new();
    for link in addresses {
        for one in link["addr_info"].as_array().into_iter().flatten() {
            let mut route = |kind: &str, destination: Value| {
                made.push(json!({
                    "type": kind, "dst": destination, "dev": link["ifname"], "table": "local", "protocol": "kernel",
                    "scope": if kind == "local" { "host" } else { "link" }, "prefsrc": one["local"]
                }));
            };
            route("local", one["local"].clone());
            if let Some(broadcast) = one["broadcast"].as_str() {
                route("broadcast", json!(broadcast));
            }
            // Of the loopback link the whole network is local.
            if one["local"].as_str().is_some_and(|address| address.starts_with("127.")) && one["prefixlen"] == 8 {
                route("local", json!("127.0.0.0/8"));
            }
        }
    }
    made
}

/// The settings that `cilium config -a` prints (cilium 1.12: `cilium/cmd/config.go`, `dumpReadOnlyConfigs`): a line for each,
/// and for one that has parts its name, and below it a line for each part, after a tab. Settings that
/// can be changed at run time come last, and have other names.
fn settings(text: &str) -> Value {
    let mut all = Map::new();
    let mut within: Option<String> = None;
    for line in text.lines() {
        let part = line.strip_prefix('\t');
        match (part.unwrap_or(line).split_once(':'), part, &within) {
            (Some((key, value)), Some(_), Some(whole)) => {
                let parts = all.entry(whole.clone()).or_insert_with(|| json!({}));
                parts[key.trim()] = json!(value.trim());
            }
            (Some((key, value)), None, _) => {
                within = None;
                let (key, value) = (key.trim(), value.trim());
                let value = match value.parse::<bool>() {
                    Ok(on) if SWITCHES.contains(&key) => json!(on),
                    // Go prints what is not set so.
                    _ if value == "<nil>" => Value::Null,
                    _ => json!(value),
                };
                all.entry(key.to_owned()).or_insert(value);
            }
            (None, None, _) => within = Some(line.trim().to_owned()),
            _ => {}
        }
    }
    Value::Object(all)
}

/// The frontends that `cilium bpf lb list` prints (cilium 1.12: `cilium/cmd/helpers.go`, `TablePrinter`): the frontend and
/// an entry, and below it, after spaces, its other entries.
fn frontends(text: &str) -> Result<Value, String> {
    let mut lines = text.lines();
    if !lines.next().is_some_and(|line| line.starts_with("SERVICE ADDRESS")) {
        return Err("it does not begin with SERVICE ADDRESS".to_owned());
    }
    let mut all = Map::new();
    let mut of = String::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let entry = if line.starts_with(char::is_whitespace) {
            line.trim()
        } else {
            let (frontend, entry) = line.split_once(' ').ok_or_else(|| format!("{line:?} has no entry"))?;
            if all.contains_key(frontend) {
                return Err(format!("{frontend} is there twice"));
            }
            frontend.clone_into(&mut of);
            all.insert(of.clone(), json!([]));
            entry.trim()
        };
        match all.get_mut(&of) {
            Some(Value::Array(entries)) => entries.push(json!(entry)),
            _ => return Err(format!("{line:?} stands before any frontend")),
        }
    }
    Ok(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_text() {
        let text = "#### Read-only configurations ####
EnableAutoDirectRouting           : true
EnableBPFMasquerade               : true
IPv4NativeRoutingCIDR
\tIP                        : 10.0.0.0
\tMask                      : /wAAAA==
KubeProxyReplacement              : strict
Tunnel                            : disabled
k8s-endpoint                      : https://172.18.0.2:6443
##### Read-write configurations #####
ConntrackAccounting               : Enabled
";
        let config = parse_config(&settings(text).to_string()).unwrap();
        assert_eq!(config.tunnel.as_deref(), Some("disabled"));
        assert_eq!((config.auto_direct_node_routes, config.bpf_masquerade), (Some(true), Some(true)));
        assert_eq!(config.native_cidr, "10.0.0.0/8".parse().ok());
        assert_eq!(config.host_legacy_routing, None);
    }

    #[test]
    fn frontends_are_read_from_a_table() {
        let text = "SERVICE ADDRESS      BACKEND ADDRESS (REVNAT_ID) (SLOT)
10.96.0.1:443        0.0.0.0:0 (1) (0) [ClusterIP, non-routable]   
                     172.18.0.2:6443 (1) (1)                       
[fd00::1]:80         [::]:0 (2) (0) [ClusterIP, non-routable]      
";
        let read = parse_lenient_table(&frontends(text).unwrap().to_string(), "[]").unwrap();
        assert_eq!(read.frontends.len(), 1);
        assert_eq!(read.frontends[0].backends[0].address.to_string(), "172.18.0.2:6443");
        for (wrong, why) in [
            ("", "does not begin"),
            ("Error: cannot open map", "does not begin"),
            ("SERVICE ADDRESS  X\n   172.18.0.2:6443 (1) (1)", "stands before any frontend"),
            ("SERVICE ADDRESS  X\n10.96.0.1:443", "has no entry"),
            ("SERVICE ADDRESS  X\n10.96.0.1:443 a\n10.96.0.1:443 b", "is there twice"),
        ] {
            assert!(frontends(wrong).unwrap_err().contains(why), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_make_local_routes() {
        let addresses = iptext::addresses(
            "1: lo: <LOOPBACK,UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n2: eth0: <UP> mtu 1500\n    inet \
             172.18.0.3/16 brd 172.18.255.255 scope global eth0\n",
        );
        let made = local(&addresses.unwrap());
        let told: Vec<String> =
            made.iter().map(|one| format!("{} {} {}", one["type"], one["dst"], one["dev"])).collect();
        assert_eq!(
            told.join(", ").replace('"', ""),
            "local 127.0.0.1 lo, local 127.0.0.0/8 lo, local 172.18.0.3 eth0, broadcast 172.18.255.255 eth0"
        );
    }
}
