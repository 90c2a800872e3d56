//! What is in evidence, by where it stands: names, addresses, and texts of other programs.

use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::addresses::{Addresses, Network, Written, is_fixed};
use super::names::{Kind, Names, is_common, is_common_word};

/// What stands in the place of a word of which nobody knows what it tells.
const UNKNOWN: &str = "…";

/// What a text is, by the keys that lead to it; those of lists have no part in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Name(Kind),
    /// `namespace/name`, perhaps after an address.
    Service,
    /// Routes, one on a line.
    Routes,
    /// Words of this program's, and versions.
    Kept,
    Other,
}

fn what(path: &[&str]) -> Is {
    match path {
        ["nodes", "name"] | [.., "node" | "pairs"] => Is::Name(Kind::Node),
        ["nodes", "zone"] => Is::Name(Kind::Zone),
        ["services", "name"] | ["claimed"] => Is::Service,
        ["daemon_sets" | "agents" | "operators", "name"] => Is::Name(Kind::Workload),
        ["node_configs"] => Is::Name(Kind::NodeConfig),
        ["filters", _, "Ok", "tables", "Ok", _] => Is::Name(Kind::Chain),
        [.., "links", "name"] | [.., "device" | "direct_routing_device" | "iif" | "oif"] => Is::Name(Kind::Link),
        [.., "namespace"] => Is::Name(Kind::Namespace),
        [.., "context" | "lab"] => Is::Name(Kind::Context),
        [.., "Ok", "routes"] => Is::Routes,
        ["tables", _, "Ok", "source"] | [.., "versions" | "program"] | [.., "roles", _] => Is::Kept,
        _ => Is::Other,
    }
}

/// Whether a text that stands alone is a name by its form: one of several letters and signs without blanks, and nothing else
/// that has such a form.
fn is_name(text: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    text.chars().all(of_name)
        && text.bytes().any(|byte| matches!(byte, b'-' | b'.'))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !is_plain(text)
        && Written::read(text).is_none()
}

/// Whether the keys of the map at this place are names of nodes.
fn is_by_node(path: &[&str], map: &Map<String, Value>) -> bool {
    let by_node = matches!(path, ["tables" | "statuses" | "agents" | "filters" | "pods" | "inside"]);
    by_node && map.values().all(|value| value.is_object() || value.is_array())
}

/// What must not be seen any more.
#[derive(Debug, Default)]
pub(super) struct Originals {
    pub(super) names: Names,
    pub(super) networks: BTreeSet<Network>,
}

impl Originals {
    /// Takes in what there is in a value.
    pub(super) fn see<'a>(&mut self, path: &mut Vec<&'a str>, value: &'a Value) {
        match value {
            Value::String(text) => self.see_text(what(path), text),
            Value::Array(all) => all.iter().for_each(|value| self.see(path, value)),
            Value::Object(map) => {
                let by_node = is_by_node(path, map);
                for (key, value) in map {
                    if by_node {
                        self.names.see(Kind::Node, key);
                    }
                    self.see_addresses(key);
                    // Settings are called so everywhere.
                    if path.last() != Some(&"declared") {
                        self.see_other(key);
                    }
                    path.push(key);
                    self.see(path, value);
                    path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn see_text(&mut self, is: Is, text: &str) {
        self.see_addresses(text);
        match is {
            Is::Name(kind) => self.names.see(kind, text),
            Is::Service => {
                if let Some((namespace, name)) = text.split_once('/') {
                    self.names.see(Kind::Namespace, namespace);
                    self.names.see(Kind::Service, name);
                }
            }
            Is::Routes => {
                for link in text.split(" dev ").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
                    self.names.see(Kind::Link, link);
                }
            }
            Is::Other => self.see_other(text),
            Is::Kept => {}
        }
    }

    /// Takes in what is a name by its form, or two of them.
    fn see_other(&mut self, text: &str) {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [one] if is_name(one) => self.names.see(Kind::Other, one),
            [one, other] if [one, other].iter().all(|part| is_name(part) || is_plain(part) && !part.is_empty()) => {
                self.names.see(Kind::Other, one);
                self.names.see(Kind::Other, other);
            }
            _ => {}
        }
    }

    /// Takes in the addresses in a text.
    pub(super) fn see_addresses(&mut self, text: &str) {
        let found = words(text).filter_map(|word| Written::read(host_of(word.bare))?.network());
        self.networks.extend(found.filter(|network| !is_fixed(*network)));
    }
}

/// What is put in the place of what.
#[derive(Debug)]
pub(super) struct Images {
    names: Names,
    addresses: Addresses,
    /// Addresses that were met, as they are written.
    known: RefCell<BTreeMap<String, Option<String>>>,
}

impl Images {
    pub(super) const fn new(names: Names, addresses: Addresses) -> Self {
        Self { names, addresses, known: RefCell::new(BTreeMap::new()) }
    }

    /// The name in the place of this one; itself where it stays.
    pub(super) fn name(&self, name: &str) -> String {
        self.names.image(name).unwrap_or(name).to_owned()
    }

    /// Whether another name is put in the place of this one.
    pub(super) fn stands_for(&self, name: &str) -> bool {
        self.names.image(name).is_some()
    }

    fn address(&self, text: &str) -> Option<String> {
        let mut known = self.known.borrow_mut();
        known.entry(text.to_owned()).or_insert_with(|| self.addresses.in_text(text)).clone()
    }

    /// The same value without what must not be seen.
    pub(super) fn of<'a>(&self, path: &mut Vec<&'a str>, value: &'a Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text_at(what(path), text)),
            Value::Array(all) => Value::Array(all.iter().map(|value| self.of(path, value)).collect()),
            Value::Object(map) => {
                let one = |(key, value): (&'a String, &'a Value)| {
                    path.push(key);
                    let value = self.of(path, value);
                    path.pop();
                    (self.address(key).unwrap_or_else(|| self.name(key)), value)
                };
                Value::Object(map.iter().map(one).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text_at(&self, is: Is, text: &str) -> String {
        match is {
            Is::Name(kind) if self.names.image(text).is_some() || is_common(kind, text) => self.name(text),
            Is::Routes => self.routes(text),
            Is::Kept => text.to_owned(),
            // A word that stands alone is one of this program's, which only looks like a name perhaps.
            Is::Other if text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => text.to_owned(),
            Is::Name(_) | Is::Service | Is::Other => self.text(text),
        }
    }

    fn routes(&self, lines: &str) -> String {
        let line = |line: &str| {
            let mut after_dev = false;
            let word = |word: &str| {
                let is_link = std::mem::replace(&mut after_dev, word == "dev");
                if is_link { self.name(word) } else { self.address(word).unwrap_or_else(|| word.to_owned()) }
            };
            line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n"
        };
        lines.lines().map(line).collect()
    }

    /// A text of another program, or one that has such a text in it: names and addresses are replaced, and of all else only
    /// plain words and numbers stay.
    pub(super) fn text(&self, text: &str) -> String {
        let mut found = String::with_capacity(text.len());
        for word in words(text) {
            found.push_str(word.before);
            match self.word(word.bare) {
                Some(stays) if !word.quoted || stays != word.bare => found.push_str(&stays),
                _ => found.push_str(if word.bare.is_empty() { "" } else { UNKNOWN }),
            }
            found.push_str(word.after);
        }
        found
    }

    /// A text of this program's, whose other words all stay: what the article has may be called as in the cluster.
    pub(super) fn own_text(&self, text: &str) -> String {
        let image = |word: &str| self.address(word).unwrap_or_else(|| self.name(word));
        words(text).map(|word| [word.before, &image(word.bare), word.after].concat()).collect()
    }

    /// What stands for a word; none where it must go.
    fn word(&self, word: &str) -> Option<String> {
        if let Some(image) = self.names.image(word) {
            return Some(image.to_owned());
        }
        if let Some(image) = self.address(word) {
            return Some(image);
        }
        if let Some(owner) = word.strip_suffix("'s") {
            return Some(format!("{}'s", self.word(owner)?));
        }
        let host = host_of(word);
        if host != word {
            let rest = &word[URL.len() + host.len()..];
            return Some(format!("{URL}{}{}", self.word(host)?, if rest.len() < 2 { rest } else { UNKNOWN }));
        }
        if let Some((one, other)) = word.split_once('/').filter(|_| !word.starts_with('/')) {
            return Some(format!("{}/{}", self.word(one)?, self.word(other)?));
        }
        (is_plain(word) || is_common_word(word) || is_common(Kind::Link, word)).then(|| word.to_owned())
    }
}

/// How the addresses of requests begin.
const URL: &str = "http://";

/// The host of a request's address, with its port; of any other word itself.
fn host_of(word: &str) -> &str {
    word.strip_prefix(URL).map_or(word, |rest| rest.split('/').next().unwrap_or(rest))
}

/// Whether a word tells nothing: letters alone, a number with its unit, a version, a time.
fn is_plain(word: &str) -> bool {
    let letters = |text: &str| text.chars().all(|c| c.is_alphabetic() || c == '_');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.trim_end_matches(|c: char| c.is_ascii_lowercase() || c == '%');
    let version = word.strip_prefix('v').unwrap_or(word);
    let parts: Vec<&str> = version.split('.').collect();
    letters(word)
        || digits(number) && word.len() - number.len() <= 2
        || (1..=3).contains(&parts.len()) && parts.into_iter().all(digits)
        || chrono::DateTime::parse_from_rfc3339(word).is_ok()
}

/// A word, and what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word<'a> {
    before: &'a str,
    bare: &'a str,
    after: &'a str,
    /// It stands alone in quotes, as programs write what was given to them.
    quoted: bool,
}

/// The words of a text. Put together, their parts are the text.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let separates = |c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '{' | '}' | '"' | '`' | '=' | '<' | '>' | '|')
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let begins = rest.find(|c| !separates(c)).unwrap_or(rest.len());
        let (before, from) = rest.split_at(begins);
        let ends = from.find(separates).unwrap_or(from.len());
        let (whole, after) = from.split_at(ends);
        // What ends a sentence or opens a list is none of the word; the brackets of an address with a port are.
        let trimmed = whole.trim_end_matches(['.', ':', '!', '?', '\'']);
        let inner = trimmed.trim_start_matches('\'');
        let bare = match inner.strip_prefix('[') {
            Some(_) if inner.contains("]:") => inner,
            _ => inner.trim_matches(['[', ']']),
        };
        let start = bare.as_ptr() as usize - rest.as_ptr() as usize;
        let end = start + bare.len();
        let quoted = before.ends_with('"') && after.starts_with('"');
        let word = Word { before: &rest[..start], bare, after: &rest[end..before.len() + whole.len()], quoted };
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn images(value: &Value) -> Images {
        let mut originals = Originals::default();
        originals.see(&mut Vec::new(), value);
        originals.names.number();
        Images::new(originals.names, Addresses::without(&originals.networks).unwrap())
    }

    fn nodes() -> Value {
        json!({"nodes": [{"name": "alpha.example"}, {"name": "beta"}], "services": [{"name": "acme/web"}]})
    }

    #[test]
    fn words_and_what_is_between_them_are_the_text() {
        for text in
            ["", " ", "a", "(a) [b]: \"c d\", 'e'.", "[fd00::1]:53 is [10.0.0.1]", "alpha: it's gone…", "`x -o y`|"]
        {
            let together: String = words(text).map(|word| [word.before, word.bare, word.after].concat()).collect();
            assert_eq!(together, text);
        }
    }

    #[test]
    fn of_texts_names_and_addresses_are_replaced_and_plain_words_stay() {
        let images = images(&nodes());
        let text = |text: &str| images.text(text);
        assert_eq!(
            text("alpha.example: beta's Ready is False (KubeletNotReady)"),
            "node-1: node-2's Ready is False (KubeletNotReady)"
        );
        assert_eq!(
            text("acme/web: 20s, 3 of 5, v1.25.3, v4, eth0, kube-proxy kept."),
            "namespace-1/service-1: 20s, 3 of 5, v1.25.3, v4, eth0, kube-proxy kept."
        );
        assert_eq!(text("dial tcp: lookup api.corp.example: no such host"), "dial tcp: lookup …: no such host");
        assert_eq!(text("namespaces \"secret\" not found in /var/lib/acme"), "namespaces \"…\" not found in …");
        let address = text("10.0.1.7:53");
        assert!(address.ends_with(":53") && address != "10.0.1.7:53");
        assert_eq!(text("asked http://10.0.1.7:53/"), format!("asked http://{address}/"));
        assert_eq!(text("http://10.0.1.7:53/acme?x"), format!("http://{address}{UNKNOWN}"));
        assert_eq!(text("http://api.corp.example/"), UNKNOWN);
        assert_eq!(text("[10.0.1.7]"), format!("[{}]", address.trim_end_matches(":53")));
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        let value = json!({
            "nodes": [{"name": "alpha.example", "addresses": ["10.1.0.1"], "pod_networks": ["10.2.0.0/24"], "zone": "eu"}],
            "tables": {
                "alpha.example": {"Ok": {
                    "links": [{"name": "lxc12345678", "kind": "veth", "mac": "02:42:ac:12:00:03"}],
                    "routes": "unicast 10.2.0.0/24 table 254 hop via 10.1.0.9 dev lxc12345678 proto 4 scope 0\n"
                }},
                "beta": {"Err": "the agent cilium-9f6rr could not be asked: 403"}
            }
        });
        let images = images(&value);
        let found = images.of(&mut Vec::new(), &value);
        assert_eq!((&found["nodes"][0]["name"], &found["nodes"][0]["zone"]), (&json!("node-1"), &json!("zone-1")));
        let table = &found["tables"]["node-1"]["Ok"];
        assert_eq!((&table["links"][0]["name"], &table["links"][0]["kind"]), (&json!("lxc0001"), &json!("veth")));
        let network = found["nodes"][0]["pod_networks"][0].as_str().unwrap();
        let routes = table["routes"].as_str().unwrap();
        assert!(routes.starts_with(&format!("unicast {network} table 254 hop via ")), "{routes}");
        assert!(routes.ends_with(" dev lxc0001 proto 4 scope 0\n"), "{routes}");
        assert_eq!(found["tables"]["node-2"]["Err"], json!("the agent … could not be asked: 403"));
    }

    #[test]
    fn names_of_things_that_nobody_has_told_are_known_by_their_form() {
        let value = json!({
            "pairs": [["alpha", "beta"]],
            "replies": {"web-7d9f": {"from": "acme/web-7d9f", "state": "ready", "code": "200"}},
            "declared": {"ipv4-native-routing-cidr": "10.0.0.0/8", "tunnel": "disabled"},
            "versions": ["1.13.0-rc5"]
        });
        let images = images(&value);
        let found = images.of(&mut Vec::new(), &value);
        assert_eq!(found["replies"]["name-2"], json!({"from": "name-1/name-2", "state": "ready", "code": "200"}));
        assert_eq!(found["pairs"], json!([["node-1", "node-2"]]));
        assert_eq!(found["declared"]["tunnel"], json!("disabled"));
        assert_ne!(found["declared"]["ipv4-native-routing-cidr"], json!("10.0.0.0/8"));
        assert_eq!(found["versions"], json!(["1.13.0-rc5"]));
    }
}
