//! What is drawn anew for each cluster, and so means nothing in a comparison: addresses, names of pods, ids. Each is
//! replaced by a word for its kind and a number by which the same one is known again, so that what relates to what
//! is still compared: a route to another node's address is another route.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The pods of the article's workload are named after it.
const WORKLOAD: &str = "hello-app-";
/// Addresses of Services where nothing else was asked for (`serviceSubnet` of kind v0.17.0, kubeadm's default).
pub(super) const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Compared as it stands.
    Text(String),
    /// Made anew for each cluster, as an address, a name or an id: its kind, and the word itself.
    Drawn(&'static str, String),
}

/// A line in parts.
pub(super) type Pieces = Vec<Piece>;

/// What a reader reads the words of an output with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Addresses of pods. Those of Services may be among them.
    pub pods: Ipv4Net,
    /// Addresses of Services.
    pub services: Ipv4Net,
}

impl Reading {
    /// The parts of a text. Blanks count as one.
    pub(super) fn pieces(self, text: &str) -> Pieces {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
            if end == 0 {
                let next = rest.chars().next().map_or(1, char::len_utf8);
                let blank = rest[..next].trim().is_empty();
                if !(blank && plain.ends_with(' ')) {
                    plain.push_str(if blank { " " } else { &rest[..next] });
                }
                rest = &rest[next..];
                continue;
            }
            let (word, after) = rest.split_at(end);
            let (piece, taken) = self.drawn(word, after, &plain);
            match piece {
                Some(kind) => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Drawn(kind, rest[..taken].to_owned()));
                }
                None => plain.push_str(word),
            }
            rest = &rest[taken..];
        }
        pieces.push(Piece::Text(plain.trim_end().to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        pieces
    }

    /// The kind of a word that was drawn, and how many bytes it takes.
    fn drawn(self, word: &str, after: &str, before: &str) -> (Option<&'static str>, usize) {
        if let Ok(address) = word.parse::<Ipv4Addr>() {
            let digits = after
                .strip_prefix('/')
                .map_or("", |rest| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]);
            let network = format!("{word}/{digits}").parse::<Ipv4Net>().ok().filter(|net| net.trunc() == *net);
            return match network.filter(|net| net.prefix_len() < 32) {
                Some(net) => (self.of_network(net), word.len() + 1 + digits.len()),
                None => (self.of_address(address), word.len()),
            };
        }
        // The port that Docker drew, before the arrow to the one that it leads to.
        let port = word.strip_suffix('-').filter(|_| before.ends_with(':') && after.starts_with('>'));
        if let Some(port) = port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())) {
            return (Some("PORT"), port.len());
        }
        let kind = if is_id(word) && !before.ends_with("sha256:") {
            Some("ID")
        } else if is_pod(word) {
            Some("POD")
        } else {
            None
        };
        (kind, word.len())
    }

    fn of_address(self, address: Ipv4Addr) -> Option<&'static str> {
        if address.is_loopback() || address.is_unspecified() {
            None
        } else if self.services.contains(&address) {
            Some("CLUSTER-IP")
        } else if self.pods.contains(&address) {
            Some("POD-ADDRESS")
        } else {
            Some("ADDRESS")
        }
    }

    fn of_network(self, net: Ipv4Net) -> Option<&'static str> {
        if net.prefix_len() == 0 {
            None
        } else if self.pods.contains(&net) {
            Some("POD-CIDR")
        } else {
            Some("NETWORK")
        }
    }
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// A container's id, whole or as the first twelve characters that Docker shows.
fn is_id(word: &str) -> bool {
    matches!(word.len(), 12 | 64)
        && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// `hello-app-646c68546-tcjhs`, and `hello-app-1` on netns; not `hello-app` itself.
fn is_pod(word: &str) -> bool {
    let Some(rest) = word.strip_prefix(WORKLOAD) else { return false };
    let drawn = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match rest.split_once('-') {
        Some((set, pod)) => (6..=10).contains(&set.len()) && pod.len() == 5 && drawn(set) && drawn(pod),
        None => rest.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty(),
    }
}

/// A line with the kinds of what was drawn, and no numbers: what lines are put in order by.
pub(super) fn kinds(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Drawn(kind, _) => kind,
        })
        .collect()
}

/// Numbers what was drawn, by the order in which it first comes in an output.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The networks that the output names: they say which of its addresses is a gateway, and which is elsewhere.
    networks: Vec<Ipv4Net>,
    known: BTreeMap<(&'static str, String), usize>,
    next: BTreeMap<&'static str, usize>,
}

impl Numbers {
    /// For an output of these lines.
    pub(super) fn of<'a>(lines: impl IntoIterator<Item = &'a Pieces>) -> Self {
        let networks = lines.into_iter().flatten().filter_map(|piece| match piece {
            Piece::Drawn("NETWORK", raw) => raw.parse().ok(),
            _ => None,
        });
        Self { networks: networks.collect(), ..Self::default() }
    }

    /// The line with kinds and numbers. Ids, ports and ages are one of a kind: they have none.
    pub(super) fn line(&mut self, pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Drawn("ADDRESS", raw) => self.numbered(self.address(raw), raw),
                Piece::Drawn(kind @ ("ID" | "PORT" | "AGE"), _) => (*kind).to_owned(),
                Piece::Drawn(kind, raw) => self.numbered(kind, raw),
            })
            .collect()
    }

    /// What a node's address is among the networks that are named: Docker gives a network's first address to its bridge.
    fn address(&self, raw: &str) -> &'static str {
        let Ok(address) = raw.parse::<Ipv4Addr>() else { return "ADDRESS" };
        if self.networks.iter().any(|net| net.hosts().next() == Some(address)) {
            "GATEWAY"
        } else if self.networks.is_empty() || self.networks.iter().any(|net| net.contains(&address)) {
            "ADDRESS"
        } else {
            "ADDRESS-ELSEWHERE"
        }
    }

    fn numbered(&mut self, kind: &'static str, raw: &str) -> String {
        let next = self.next.entry(kind).or_default();
        let number = *self.known.entry((kind, raw.to_owned())).or_insert_with(|| {
            *next += 1;
            *next
        });
        format!("{kind}-{number}")
    }
}
