//! What the documents link to exists.

use std::path::Path;

use crate::markdown::{Document, README, documents, prose, root};

/// Targets of links within the repository.
pub(crate) fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let after = prose.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .filter(|target| !target.starts_with("https://"))
        .collect()
}

/// A heading as GitHub makes an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn broken(document: &Document, target: &str) -> Option<String> {
    let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&document.path).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { root().join(&document.path) } else { root().join(folder).join(file) };
    if !path.exists() {
        return Some(format!("{}: there is no {file}", document.path));
    }
    if wanted.is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let there = prose(&text).lines().any(|line| line.starts_with('#') && anchor(line) == wanted);
    (!there).then(|| format!("{}: {file} has no heading #{wanted}", document.path))
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        for target in targets(&document.text) {
            count += 1;
            wrong.extend(broken(&document, &target));
        }
    }
    assert!(count > 0, "no link was found");
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_link_to_nowhere_is_noticed() {
    let document = Document { path: "docs/some.md".to_owned(), text: "[a](report.md#no-such) [b](none.md)".to_owned() };
    let wrong: Vec<String> = targets(&document.text).iter().filter_map(|target| broken(&document, target)).collect();
    assert_eq!(wrong, ["docs/some.md: report.md has no heading #no-such", "docs/some.md: there is no none.md"]);
}

#[test]
fn every_document_is_linked_from_the_readme() {
    let linked = targets(README);
    for document in documents().iter().filter(|document| document.path != "README.md") {
        assert!(linked.contains(&document.path), "README.md does not link {}", document.path);
    }
}

/// Of one sitting: what is more belongs into docs.
#[test]
fn the_readme_has_ten_kilobytes_at_most() {
    assert!(README.len() <= 10 * 1024, "README.md has {} bytes", README.len());
}
