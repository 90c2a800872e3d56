//! A look whether anything of the cluster's is left in a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::addresses::{Network, Written};
use super::values::Images;

/// The first of the cluster's names and addresses that a file of this folder has, with the file. Names that are one plain word
/// are not looked for: they may be words of this program's own.
pub(super) fn first(folder: &Path, images: &Images, networks: &BTreeSet<Network>) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            first(&path, images, networks)?
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            in_text(&text, images, networks).map(|word| format!("{word:?} in {file}"))
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn in_text<'a>(text: &'a str, images: &Images, networks: &BTreeSet<Network>) -> Option<&'a str> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let names = text.split(|c| !of_name(c)).map(|word| word.trim_matches('.'));
    let distinct = |word: &&str| word.bytes().any(|byte| !byte.is_ascii_lowercase());
    let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/');
    let addresses = text.split(|c| !of_address(c)).map(|word| word.trim_matches(['.', ':', '/']));
    let is_original = |word: &&str| {
        // An address with a port is one as well.
        let found = Written::read(word).and_then(Written::network);
        found.is_some_and(|network| networks.contains(&network))
    };
    let name = names.filter(distinct).find(|word| images.stands_for(word));
    name.or_else(|| addresses.filter(|word| word.len() > 1).find(is_original))
}

#[cfg(test)]
mod tests {
    use super::super::addresses::Addresses;
    use super::super::values::Originals;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_is_found_in_any_text() {
        let value = json!({"nodes": [{"name": "alpha-1.example", "addresses": ["10.1.0.1"], "pod_networks": ["10.2.0.0/24"]}, {"name": "beta"}]});
        let mut originals = Originals::default();
        originals.see(&mut Vec::new(), &value);
        originals.names.number();
        let networks = originals.networks;
        let images = Images::new(originals.names, Addresses::without(&networks).unwrap());
        for left in
            ["alpha-1.example: gone", "<td>alpha-1.example</td>", "via 10.1.0.1:4240.", "[10.1.0.1]", "\"10.2.0.0/24\""]
        {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("cases")).unwrap();
            fs::write(
                folder.path().join("report.json"),
                "alpha-1 and 10.1.0.11 and 110.1.0.1 and 2.1.0 are others, and so is beta",
            )
            .unwrap();
            assert_eq!(first(folder.path(), &images, &networks).unwrap(), None);
            fs::write(folder.path().join("cases/case.json"), left).unwrap();
            let found = first(folder.path(), &images, &networks).unwrap().unwrap();
            assert!(found.ends_with("in case.json"), "{found}");
        }
    }
}
