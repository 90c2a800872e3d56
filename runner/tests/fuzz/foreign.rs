//! What is read of foreign clusters: what `ip` prints in their agents, as JSON and for readers, and sysdumps.

use lab_cluster::{ForeignCluster, Needs, parse_printed_tables, parse_tables};
use lab_model::foreign::NodeTables;
use lab_model::stage::Stage;
use proptest::prelude::*;
use std::io::Read;
use zip::ZipArchive;

use super::change::{apply, bytes};
use super::driver::{Checked, Fate, fuzz};
use super::seeds::{files, texts};
use super::texts::{fuzz_texts, kept};

/// Between four texts that are one input.
const BETWEEN: char = '\u{c}';

/// The routes that were read are those that evidence has, line by line.
fn tables(read: &Result<NodeTables, String>) -> Checked {
    if let Ok(tables) = read {
        let routes = tables.routes.read();
        prop_assert_eq!(routes.as_ref().map(Vec::len), Ok(tables.routes.count()));
    }
    kept(read)
}

#[test]
fn what_ip_says_in_agents_is_read() {
    let all = |what: &str| texts("recordings/3-hello-native", &format!("kind-worker.ip-{what}.json"));
    let v4 = |text: &String| {
        let mut routes: Vec<serde_json::Value> = serde_json::from_str(text).expect("a list");
        routes.retain(|route| route["pref"].is_null() && !route["dst"].as_str().unwrap_or_default().contains(':'));
        serde_json::to_string(&routes).expect("JSON")
    };
    let parts = [all("link").remove(0), all("addr").remove(0), all("rule").remove(0), v4(&all("route")[0])];
    fuzz_texts("tables as JSON", vec![parts.join("\n")], |text| tables(&parse_tables(text)));
}

#[test]
fn what_ip_prints_for_readers_is_read() {
    let mut seeds = Vec::new();
    for dump in files("sysdumps", ".zip") {
        let mut zip = ZipArchive::new(std::io::Cursor::new(dump)).expect("a zip");
        let names: Vec<String> = zip.file_names().map(|name| name.expect("a name").into_owned()).collect();
        for links in names.iter().filter(|name| name.ends_with("/ip--d--s-l.md")) {
            let mut text = |file: &str| {
                let mut text = String::new();
                let name = links.replace("ip--d--s-l.md", file);
                zip.by_name(&name).expect("a member").read_to_string(&mut text).expect("a text");
                text
            };
            let parts = ["ip--d--s-l.md", "ip-a.md", "ip-rule.md", "ip--4-r.md"].map(&mut text);
            seeds.push(parts.join(&BETWEEN.to_string()));
        }
    }
    fuzz_texts("tables for readers", seeds, |text| {
        let mut parts = text.split(BETWEEN);
        let mut next = || parts.next().unwrap_or_default();
        tables(&parse_printed_tables(next(), next(), next(), next()))
    });
}

#[test]
fn a_changed_sysdump_is_read_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.zip");
    let needs =
        Needs { tables: true, configs: true, statuses: true, filters: true, services: true, ..Needs::default() };
    let runtime = lab_base::runtime().expect("a runtime");
    fuzz("sysdumps", &files("sysdumps", ".zip"), &bytes(), |whole, changes| {
        std::fs::write(&path, apply(whole, changes)).expect("a file");
        let Ok(mut cluster) = ForeignCluster::dumped(&path, None) else { return Ok(Fate::Refused) };
        cluster.to_read(needs, lab_backend::Doing::default());
        let read = runtime.block_on(cluster.raise(Stage::RoutingInstalled));
        prop_assert!(read.is_ok() && cluster.routing_seen().is_ok_and(|seen| seen.tables.len() == seen.nodes.len()));
        Ok(Fate::Accepted)
    });
}
