//! Rows about the host's packet filter, and about IPv6, which kind uses for its Docker network.

use crate::kind::facts::{DockerSeen, HostSeen};
use crate::{Outcome, Row};

/// `host.iptables`.
pub(in crate::kind) fn iptables(docker: &DockerSeen, host: &HostSeen) -> Row {
    const ID: &str = "host.iptables";
    const WHY: &str =
        "Docker, the nodes and Cilium's agents write rules into the same kernel tables, each with its own iptables";
    if docker.firewall.as_deref().is_some_and(|backend| backend.starts_with("nftables")) {
        let found =
            "the Engine writes its rules with nftables, and kind v0.17.0 looks for Docker's DNS rules with iptables";
        let remedy =
            "{\"firewall-backend\": \"iptables\"} in /etc/docker/daemon.json, then sudo systemctl restart docker";
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    let printed = match &host.iptables {
        Some(Ok(printed)) => printed.trim(),
        Some(Err(why)) => return Row::bad(Outcome::Warning, ID, why.as_str(), WHY, "sudo iptables --version"),
        None => {
            let found = "no iptables in PATH, /usr/sbin or /sbin: which flavour Docker uses is not known";
            return Row::bad(Outcome::Warning, ID, found, WHY, "sudo iptables --version");
        }
    };
    let legacy_tables = host.kernel_config.as_ref().map(|config| {
        let set = |option: &str| config.options.contains_key(option);
        // Up to Linux 6.16, IP_NF_IPTABLES means the legacy tables. Later it means the extensions only, and the legacy
        // tables have an option of their own.
        set("CONFIG_IP_NF_IPTABLES_LEGACY") || (set("CONFIG_IP_NF_IPTABLES") && set("CONFIG_IP_NF_FILTER"))
    });
    match (printed, legacy_tables) {
        (_, Some(false)) => {
            let found =
                format!("{printed}; the kernel has no legacy tables: an agent that chooses legacy iptables fails");
            Row::bad(Outcome::Warning, ID, found, WHY, "boot a kernel with CONFIG_IP_NF_IPTABLES_LEGACY")
        }
        (text, tables) if text.contains("(nf_tables)") || text.contains("(legacy)") => {
            let tables = if tables.is_some() {
                "the kernel has the legacy tables too"
            } else {
                "whether the kernel has the legacy tables is not known"
            };
            Row::ok(ID, format!("{text}; {tables}"), WHY)
        }
        (text, _) => {
            let found = format!("{text}: neither (nf_tables) nor (legacy), as before iptables 1.8");
            Row::bad(Outcome::Warning, ID, found, WHY, "update iptables to 1.8 or later")
        }
    }
}

/// The major version of the Engine.
fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// `host.ipv6`: kind makes its Docker network with an IPv6 subnet, unless the network exists already.
pub(in crate::kind) fn ipv6(docker: &DockerSeen, host: &HostSeen, network: &str) -> Row {
    const ID: &str = "host.ipv6";
    const WHY: &str = "kind makes its Docker network with an IPv6 subnet beside the IPv4 one that a lab uses";
    let remedy =
        format!("docker network create -d bridge -o com.docker.network.bridge.enable_ip_masquerade=true {network}");
    if docker.networks.iter().any(|seen| seen.network.name == network) {
        return Row::ok(ID, format!("not needed: the Docker network {network} exists already"), WHY);
    }
    // kind v0.17.0 recognises one error message of the Engine about IPv6, and then makes the network without it.
    let understood = major(&docker.engine.version).is_some_and(|major| major < 27);
    if !host.ipv6 {
        let found = "IPv6 is off (/proc/sys/net/ipv6 does not exist)";
        return if understood {
            Row::bad(Outcome::Warning, ID, format!("{found}; kind will make its network without IPv6"), WHY, remedy)
        } else {
            Row::bad(
                Outcome::Refusal,
                ID,
                format!("{found}; kind cannot make its network then, since it does not recognise this Engine's error"),
                WHY,
                remedy,
            )
        };
    }
    let nat = host.kernel_config.as_ref().map(|config| config.options.contains_key("CONFIG_IP6_NF_NAT"));
    let legacy = matches!(&host.iptables, Some(Ok(printed)) if printed.contains("(legacy)"));
    if nat == Some(false) && legacy && !understood {
        let found = "the kernel has no ip6table_nat, which an Engine of version 27 or later needs for IPv6";
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    Row::ok(ID, "IPv6 is on", WHY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, host};

    #[test]
    fn both_flavours_are_named() {
        let mut host = host();
        assert_eq!(
            iptables(&docker(), &host).found,
            "iptables v1.8.9 (nf_tables); the kernel has the legacy tables too"
        );
        host.iptables = Some(Ok("iptables v1.8.7 (legacy)\n".to_owned()));
        assert_eq!(iptables(&docker(), &host).outcome, Outcome::Ok);
        host.kernel_config = None;
        assert!(iptables(&docker(), &host).found.ends_with("is not known"));
    }

    #[test]
    fn a_flavour_that_is_not_known_is_no_good_news() {
        let mut host = host();
        for (printed, said) in [
            (None, "no iptables in PATH"),
            (Some(Err("`iptables --version` did not end within 3s".to_owned())), "did not end within"),
            (Some(Ok("iptables v1.6.1".to_owned())), "neither (nf_tables) nor (legacy)"),
        ] {
            host.iptables = printed;
            let row = iptables(&docker(), &host);
            assert_eq!(row.outcome, Outcome::Warning);
            assert!(row.found.contains(said), "{row:?}");
        }
    }

    #[test]
    fn a_kernel_without_legacy_tables_is_warned_of() {
        let mut host = host();
        let options = &mut host.kernel_config.as_mut().unwrap().options;
        options.remove("CONFIG_IP_NF_IPTABLES_LEGACY");
        assert!(iptables(&docker(), &host).outcome == Outcome::Ok, "an older kernel has them without saying so");
        host.kernel_config.as_mut().unwrap().options.remove("CONFIG_IP_NF_FILTER");
        let row = iptables(&docker(), &host);
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.contains("no legacy tables"), "{row:?}");
    }

    #[test]
    fn an_engine_with_nftables_hides_its_dns_rules_from_kind() {
        let mut engine = docker();
        engine.firewall = Some("nftables".to_owned());
        assert_eq!(iptables(&engine, &host()).outcome, Outcome::Warning);
        engine.firewall = Some("iptables+firewalld".to_owned());
        assert_eq!(iptables(&engine, &host()).outcome, Outcome::Ok);
    }

    #[test]
    fn without_ipv6_it_depends_on_what_kind_understands() {
        let mut host = host();
        let mut engine = docker();
        assert_eq!(ipv6(&engine, &host, "kind").found, "not needed: the Docker network kind exists already");
        engine.networks.retain(|seen| seen.network.name != "kind");
        assert_eq!(ipv6(&engine, &host, "kind").found, "IPv6 is on");
        host.ipv6 = false;
        assert_eq!(ipv6(&engine, &host, "kind").outcome, Outcome::Warning);
        engine.engine.version = "29.0.1".to_owned();
        let row = ipv6(&engine, &host, "kind");
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.remedy.ends_with("enable_ip_masquerade=true kind"), "{row:?}");
        host.ipv6 = true;
        host.kernel_config.as_mut().unwrap().options.remove("CONFIG_IP6_NF_NAT");
        assert_eq!(ipv6(&engine, &host, "kind").outcome, Outcome::Ok);
        host.iptables = Some(Ok("iptables v1.8.7 (legacy)".to_owned()));
        assert_eq!(ipv6(&engine, &host, "kind").outcome, Outcome::Warning);
    }
}
