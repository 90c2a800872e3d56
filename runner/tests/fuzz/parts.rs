//! Bundles taken apart, made small, and put together again.

use lab_bundle::{INDEX_FILE, Index, Member};
use lab_manifest::Sha256;
use serde_json::{Value, json};

use super::seeds::{entries, files};

/// Cases that a small bundle has.
const CASES: usize = 3;

/// What is in a bundle, the index first.
#[derive(Debug, Clone)]
pub(crate) struct Parts(pub(crate) Vec<(String, Vec<u8>)>);

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

impl Parts {
    /// Of real bundles: all of a run, but of its cases only the smallest, and one of these with a capture.
    pub(crate) fn small() -> Vec<Self> {
        let capture = files("recordings", ".pcap").into_iter().min_by_key(Vec::len).expect("a capture");
        files("bundles", ".tar.zst")
            .iter()
            .map(|bundle| Self(entries(bundle)).reduced(&capture[..capture.len().min(24)]))
            .collect()
    }

    fn reduced(&self, capture: &[u8]) -> Self {
        let size = |folder: &str| {
            self.0.iter().filter(|(name, _)| name.starts_with(folder)).map(|(_, text)| text.len()).sum::<usize>()
        };
        let evidence = self.0.iter().filter(|(_, text)| !text.is_empty());
        let mut folders: Vec<&str> = evidence.filter_map(|(name, _)| name.strip_suffix("evidence.jsonl")).collect();
        folders.sort_by_key(|folder| size(folder));
        folders.truncate(CASES);
        let kept = |name: &str| {
            ["run.json", "report.json"].contains(&name) || folders.iter().any(|folder| name.starts_with(folder))
        };
        let mut parts = Self(vec![self.0[0].clone()]);
        parts.0.extend(self.0.iter().filter(|(name, _)| kept(name)).cloned());
        let captured = format!("{}kind-worker-eth0.pcap", folders[0]);
        let mut cases = Vec::new();
        for (name, text) in parts.0.iter_mut().filter(|(name, _)| name.ends_with("case.json")) {
            let mut case = json_of(text);
            if name.starts_with(folders[0]) {
                case["report"]["evidence"].as_array_mut().expect("a list").push(json!(captured));
            }
            cases.push(case["report"].clone());
            *text = case.to_string().into_bytes();
        }
        let report = parts.text_mut("report.json");
        let mut document = json_of(report);
        document["cases"] = Value::Array(cases);
        *report = document.to_string().into_bytes();
        parts.0.push((captured, capture.to_vec()));
        parts.0[1..].sort_by_key(|(name, _)| lab_bundle::Part::parse(name));
        parts.indexed()
    }

    pub(crate) fn text_mut(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(own, _)| own == name).expect("a member").1
    }

    /// The names that end so.
    pub(crate) fn named(&self, end: &str) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).filter(|name| name.ends_with(end)).collect()
    }

    /// The texts whose names end so.
    pub(crate) fn texts(&self, end: &str) -> Vec<String> {
        let all = self.0.iter().filter(|(name, _)| name.ends_with(end));
        all.map(|(_, text)| String::from_utf8(text.clone()).expect("a text")).collect()
    }

    /// What a case saw first.
    pub(crate) fn seen(&self, name: &str) -> Value {
        let (_, text) = self.0.iter().find(|(own, _)| own == name).expect("evidence");
        json_of(text.split(|byte| *byte == b'\n').next().expect("a line"))["data"].take()
    }

    /// With something else in its place, and all hashes of evidence right.
    pub(crate) fn with_seen(mut self, name: &str, seen: &Value) -> Self {
        let text = self.text_mut(name);
        let mut lines = text.split(|byte| *byte == b'\n');
        let mut line = json_of(lines.next().expect("a line"));
        line["sha256"] = json!(Sha256::of(seen.to_string().as_bytes()));
        line["data"] = seen.clone();
        let rest: Vec<&[u8]> = lines.collect();
        *text = [line.to_string().as_bytes(), &rest.join(&b'\n')].join(&b'\n');
        let evidence = Sha256::of(text);
        let case = self.text_mut(&name.replace("evidence.jsonl", "case.json"));
        let mut document = json_of(case);
        document["evidence_sha256"] = json!(evidence);
        *case = document.to_string().into_bytes();
        self
    }

    /// With an index that fits.
    pub(crate) fn indexed(mut self) -> Self {
        let mut index: Index = serde_json::from_slice(&self.0[0].1).expect("an index");
        let member = |(name, content): &(String, Vec<u8>)| Member {
            path: name.clone(),
            bytes: content.len() as u64,
            sha256: Sha256::of(content),
        };
        index.members = self.0[1..].iter().map(member).collect();
        self.0[0] = (INDEX_FILE.to_owned(), serde_json::to_vec(&index).expect("an index"));
        self
    }

    /// As an archive, whose headers `change` may change.
    pub(crate) fn archive(&self, mut change: impl FnMut(usize, &mut tar::Header)) -> Vec<u8> {
        let mut archive = Vec::new();
        for (number, (name, content)) in self.0.iter().enumerate() {
            let mut header = tar::Header::new_gnu();
            header.set_path(name).expect("a name");
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_entry_type(tar::EntryType::Regular);
            change(number, &mut header);
            header.set_cksum();
            archive.extend_from_slice(header.as_bytes());
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.extend_from_slice(&[0; 1024]);
        archive
    }

    /// As a bundle.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        compressed(&self.archive(|_number, _header| {}))
    }
}

/// As bundles are, but sooner.
pub(crate) fn compressed(archive: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), -7).expect("an encoder");
    encoder.include_checksum(true).expect("a checksum");
    std::io::copy(&mut &archive[..], &mut encoder).expect("compressed");
    encoder.finish().expect("compressed")
}
