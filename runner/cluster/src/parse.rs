//! What agents of foreign clusters print, where it has more in it than a lab's.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use lab_kube::cilium::{parse_services, parse_table};
use lab_model::observe::ServiceTable;

/// Parses `cilium bpf lb list -o json` with the states of `cilium service list -o json`. Frontends that are no IPv4
/// address and port are passed over: those of IPv6, and those of one scope (`10.0.0.1:80/i`).
///
/// # Errors
/// A text that says why, when the JSON or an entry has another form.
pub fn parse_lenient_table(table: &str, services: &str) -> Result<ServiceTable, String> {
    let states = parse_services(services)?;
    let mut all: BTreeMap<String, Vec<String>> =
        serde_json::from_str(table).map_err(|error| format!("`cilium bpf lb list -o json`: {error}"))?;
    all.retain(|address, _entries| address.parse::<SocketAddrV4>().is_ok());
    let plain = serde_json::to_string(&all).map_err(|error| error.to_string())?;
    parse_table(&plain, &states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontends_of_one_scope_are_passed_over() {
        let table = r#"{"10.96.0.1:443": ["172.18.0.2:6443 (1) (1)", "0.0.0.0:0 (1) (0) [ClusterIP, non-routable]"],
            "10.96.0.9:80/i": ["0.0.0.0:0 (2) (0) [LoadBalancer]"], "[fd00::1]:80": ["nonsense"]}"#;
        let read = parse_lenient_table(table, "[]").unwrap();
        assert_eq!(read.frontends.len(), 1);
        assert_eq!(read.frontends[0].address.to_string(), "10.96.0.1:443");
        assert!(parse_lenient_table("[]", "[]").unwrap_err().starts_with("`cilium bpf lb list -o json`"));
        assert!(parse_lenient_table("{}", "{}").is_err());
    }
}
