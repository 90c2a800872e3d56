//! A node's packet filters, as `iptables-save` lists them.

use std::collections::BTreeMap;

/// The programs for the two packet filters that a Linux host can have at the same time. A node's image chooses one of them
/// as `iptables`, and Cilium's agent may use the other.
pub const FILTERS: [&str; 2] = ["iptables-nft-save", "iptables-legacy-save"];

/// Parses the output of `iptables-save`: the chains of each table.
///
/// # Errors
/// A text with the first chain that is outside of any table.
pub fn parse_filter(text: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            tables.entry(name.to_owned()).or_default();
            table = Some(name);
        } else if let Some(chain) = line.strip_prefix(':') {
            let chains = table.and_then(|name| tables.get_mut(name));
            let chains = chains.ok_or_else(|| format!("expected a table before {line:?}"))?;
            chains.push(chain.split_whitespace().next().unwrap_or_default().to_owned());
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_read_by_table() {
        let text = "# Generated\n*nat\n:OUTPUT ACCEPT [13:780]\n:KUBE-SVC-X - [0:0]\n-A OUTPUT -j KUBE-SVC-X\nCOMMIT\n*raw\nCOMMIT\n";
        let tables = parse_filter(text).unwrap();
        assert_eq!(tables["nat"], ["OUTPUT", "KUBE-SVC-X"]);
        assert!(tables["raw"].is_empty());
        assert_eq!(parse_filter(""), Ok(BTreeMap::new()));
        assert!(parse_filter(":INPUT ACCEPT [0:0]\n").is_err());
    }
}
