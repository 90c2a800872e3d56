//! Describes a kit for the terminal: what is in it, and what of that differs from the pins.

use std::fmt::Write;

use super::{Index, Member, Stored};
use crate::Wanted;
use lab_manifest::pins::Pins;

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

fn stored(member: &Member) -> String {
    let unpacked = match member.stored {
        Stored::Plain => String::new(),
        Stored::Zstd => format!(" ({} unpacked)", size(member.content_bytes)),
    };
    format!("{}, {}{unpacked}, sha256 {}", member.path, size(member.bytes), member.sha256)
}

/// The content of a kit as text; `what` is the first word, such as the file's name.
pub fn describe(what: &str, index: &Index) -> String {
    let Index { packed_by, packed, platform, kubernetes, images, chart, .. } = index;
    let kubernetes = kubernetes.as_ref().map_or("not the pinned one", |version| version.as_str());
    let mut text = format!("{what}: for {platform}, Kubernetes {kubernetes}; packed {packed} by {packed_by}\n");
    let mut line = |name: &str, about: &str| {
        let _always_fits = writeln!(text, "  {name:<17} {about}");
    };
    for image in images {
        line(&image.name, &image.reference.familiar());
        match &image.repo_digest {
            Some(digest) => line("", &format!("pulled as  {digest}")),
            None => line("", "pulled as  (not pulled: an image of the Engine that packed it)"),
        }
        line("", &format!("config     {}", image.config_digest));
        line("", &format!("archive    {}", stored(&image.file)));
    }
    line("chart", &format!("{} {}", chart.name, chart.version));
    line("", &format!("archive    {}", stored(&chart.file)));
    text
}

impl Index {
    /// A text for each difference from these pins. Images that the pins do not have are left out.
    pub fn differences(&self, pins: &Pins) -> Vec<String> {
        let mut unlike = Vec::new();
        let mut compare = |what: &str, pinned: &str, found: &str| {
            if pinned != found {
                unlike.push(format!("{what} is {found}, pinned is {pinned}"));
            }
        };
        let kubernetes = self.kubernetes.as_ref().map_or("another one", |version| version.as_str());
        compare("Kubernetes", pins.kubernetes.version.as_str(), kubernetes);
        compare("the chart's version", pins.chart.version.as_str(), self.chart.version.as_str());
        compare("the chart's SHA-256", pins.chart.sha256.as_str(), self.chart.file.sha256.as_str());
        for pinned in Wanted::all(&pins.images).into_iter().flatten() {
            let Some(image) = self.image(&pinned.name) else { continue };
            compare(&pinned.name, &pinned.reference.familiar(), &image.reference.familiar());
            if let Some(digest) = pinned.repo_digest() {
                let found = image.repo_digest.as_ref().map_or("an image that was not pulled", |digest| digest.as_str());
                compare(&pinned.name, digest.as_str(), found);
            }
        }
        unlike
    }
}
