//! The packet filter of a host: real rules, in a network namespace of the test's own.

use lab_doctor::{Outcome, Row};
use serde_json::json;

use super::engine::FakeEngine;
use super::inside::inside;
use super::machine::{Machine, row, says};

/// The name of the bridge of the network kind, when there is one.
const BRIDGE: &str = "br-cdcdcdcdcdcd";

/// What Docker's packages write for the network `kind`, with either iptables.
const DOCKER: &str = "
    $IPT -P FORWARD DROP; $IPT -N DOCKER-USER; $IPT -A DOCKER-USER -j RETURN
    $IPT -N DOCKER; $IPT -N DOCKER-ISOLATION-STAGE-1; $IPT -N DOCKER-ISOLATION-STAGE-2
    $IPT -A FORWARD -j DOCKER-USER; $IPT -A FORWARD -j DOCKER-ISOLATION-STAGE-1
    $IPT -A FORWARD -o BRIDGE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $IPT -A FORWARD -o BRIDGE -j DOCKER; $IPT -A FORWARD -i BRIDGE ! -o BRIDGE -j ACCEPT
    $IPT -A FORWARD -i BRIDGE -o BRIDGE -j ACCEPT
    $IPT -A DOCKER -d 172.18.0.2/32 ! -i BRIDGE -o BRIDGE -p tcp -m tcp --dport 6443 -j ACCEPT
    $IPT -A DOCKER-ISOLATION-STAGE-1 -i BRIDGE ! -o BRIDGE -j DOCKER-ISOLATION-STAGE-2
    $IPT -A DOCKER-ISOLATION-STAGE-2 -o BRIDGE -j DROP
";

/// A common nftables.conf: an input chain is not looked at, a forward chain that drops is.
const SECOND: &str = "
    nft add table inet filter
    nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'
    nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'
";

/// The row of a host with these rules.
#[track_caller]
fn filter(name: &str, rules: &str, made: bool, judge: impl FnOnce(&[Row])) {
    let rules = rules.replace("BRIDGE", BRIDGE);
    let script = format!("ip link set lo up\nsysctl -qw net.bridge.bridge-nf-call-iptables=1\n{rules}");
    inside(&format!("filter::{name}"), &["--net"], &script, || {
        let mut engine = FakeEngine::new();
        if made {
            let kind = json!({
                "Name": "kind", "Id": "cd".repeat(32), "Driver": "bridge",
                "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]},
            });
            engine.networks([kind].iter());
        }
        judge(&engine.rows(&Machine::new()));
    });
}

const ID: &str = "host.bridge_filter";

#[test]
fn dockers_rules_accept_what_crosses_its_bridge() {
    let name = "dockers_rules_accept_what_crosses_its_bridge";
    let rules = DOCKER.replace("$IPT", "iptables-nft");
    filter(name, &rules, true, |rows| says(rows, ID, Outcome::Ok, "; none of 1 chains on their way drops them"));
}

#[test]
fn dockers_legacy_rules_accept_it_too() {
    let rules = DOCKER.replace("$IPT", "iptables-legacy");
    filter("dockers_legacy_rules_accept_it_too", &rules, true, |rows| {
        says(rows, ID, Outcome::Ok, "; none of 1 chains");
    });
}

#[test]
fn a_network_that_is_not_made_yet_gets_its_rules_from_docker() {
    let name = "a_network_that_is_not_made_yet_gets_its_rules_from_docker";
    let rules = DOCKER.replace("$IPT", "iptables-nft").replace("BRIDGE", "docker0");
    filter(name, &rules, false, |rows| says(rows, ID, Outcome::Ok, "drops them"));
}

#[test]
fn a_second_chain_that_drops_is_named_whatever_dockers_accepts() {
    let name = "a_second_chain_that_drops_is_named_whatever_dockers_accepts";
    let rules = format!("{}{SECOND}", DOCKER.replace("$IPT", "iptables-nft"));
    filter(name, &rules, true, |rows| {
        says(
            rows,
            ID,
            Outcome::Refusal,
            "and the chain forward of the nftables table inet filter drops frames between nodes: its policy is to drop, \
             and no rule accepts them",
        );
        let remedy = &row(rows, ID).remedy;
        assert!(remedy.starts_with("sudo nft insert rule inet filter forward iifname '\"br-cdcd"), "{remedy}");
    });
}

#[test]
fn the_rule_that_the_row_gives_is_the_remedy() {
    let name = "the_rule_that_the_row_gives_is_the_remedy";
    let rule = "nft insert rule inet filter forward iifname '\"br-*\"' oifname '\"br-*\"' accept";
    filter(name, &format!("{SECOND}{rule}"), false, |rows| says(rows, ID, Outcome::Ok, "none of 1 chains"));
}

#[test]
fn a_drop_of_the_family_bridge_counts_where_the_ip_filter_does_not() {
    let name = "a_drop_of_the_family_bridge_counts_where_the_ip_filter_does_not";
    let rules = format!(
        "sysctl -qw net.bridge.bridge-nf-call-iptables=0\n{SECOND}
         nft add table bridge b; nft add chain bridge b f '{{ type filter hook forward priority 0; }}'
         nft add rule bridge b f ip saddr 10.0.0.0/8 drop"
    );
    filter(name, &rules, false, |rows| {
        says(
            rows,
            ID,
            Outcome::Refusal,
            "the chain f of the nftables table bridge b drops frames between pods: rule 1 of",
        );
    });
}

#[test]
fn a_filter_that_bridged_frames_do_not_pass_is_not_in_the_way() {
    let name = "a_filter_that_bridged_frames_do_not_pass_is_not_in_the_way";
    let rules = format!("{SECOND}\nsysctl -qw net.bridge.bridge-nf-call-iptables=0");
    filter(name, &rules, false, |rows| says(rows, ID, Outcome::Ok, "do not pass the host's IP filter; none of 0"));
}

#[test]
fn a_bridge_that_filters_by_itself_is_seen() {
    let name = "a_bridge_that_filters_by_itself_is_seen";
    // The link's own setting shows in /sys only if that is of this network namespace.
    let rules = format!(
        "{SECOND}\nsysctl -qw net.bridge.bridge-nf-call-iptables=0
         mount --make-rprivate /; mount -t sysfs sysfs /sys
         ip link add BRIDGE type bridge nf_call_iptables 1"
    );
    let rules = rules.replace("BRIDGE", BRIDGE);
    let script = format!("ip link set lo up\n{rules}");
    inside(&format!("filter::{name}"), &["--net", "--mount"], &script, || {
        let mut engine = FakeEngine::new();
        let kind = json!({"Name": "kind", "Id": "cd".repeat(32), "Driver": "bridge",
                          "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}});
        engine.networks([kind].iter());
        says(&engine.rows(&Machine::new()), ID, Outcome::Refusal, "table inet filter drops frames between nodes");
    });
}

#[test]
fn sets_maps_and_jumps_are_followed() {
    let name = "sets_maps_and_jumps_are_followed";
    let rules = format!(
        "{SECOND}
         nft add chain inet filter docker
         nft add rule inet filter forward ct state vmap '{{ established : accept, related : accept, invalid : drop }}'
         nft add rule inet filter forward iifname '{{ \"docker0\", \"BRIDGE\" }}' goto docker
         nft add rule inet filter forward drop
         nft add rule inet filter docker meta nfproto ipv4 ip daddr 10.0.0.0/8 counter return
         nft add rule inet filter docker meta l4proto tcp accept"
    );
    filter(name, &rules, true, |rows| {
        says(rows, ID, Outcome::Refusal, "inet filter drops frames between pods: its policy is to drop");
    });
}

#[test]
fn the_rule_that_drops_is_named_in_dockers_own_chains() {
    let name = "the_rule_that_drops_is_named_in_dockers_own_chains";
    let rules =
        format!("{}\niptables-nft -I DOCKER-USER -s 10.0.0.0/8 -j DROP", DOCKER.replace("$IPT", "iptables-nft"));
    filter(name, &rules, false, |rows| {
        says(
            rows,
            ID,
            Outcome::Refusal,
            "the chain FORWARD of the nftables table ip filter drops frames between pods: rule 1 of the chain DOCKER-USER",
        );
    });
}

#[test]
fn a_legacy_rule_that_drops_is_named_too() {
    let name = "a_legacy_rule_that_drops_is_named_too";
    let rules = "
        iptables-legacy -A FORWARD -i docker0 -j ACCEPT
        iptables-legacy -A FORWARD -m comment --comment \"drop all -j ACCEPT\" ! -d 192.168.0.0/16 -j REJECT --reject-with icmp-host-prohibited
    ";
    filter(name, rules, false, |rows| {
        says(
            rows,
            ID,
            Outcome::Refusal,
            "the chain FORWARD of the legacy iptables table filter drops frames between nodes: rule 2 of",
        );
        assert_eq!(row(rows, ID).remedy, "sudo iptables-legacy -t filter -I FORWARD -i br-+ -o br-+ -j ACCEPT");
    });
}

#[test]
fn what_depends_on_something_unknown_is_a_warning() {
    let name = "what_depends_on_something_unknown_is_a_warning";
    let rules = "
        nft add table inet nixos-fw
        nft add chain inet nixos-fw rpfilter '{ type filter hook prerouting priority mangle + 10; policy drop; }'
        nft add rule inet nixos-fw rpfilter fib saddr . mark . iif oif exists accept
    ";
    filter(name, rules, false, |rows| {
        says(rows, ID, Outcome::Warning, "the chain rpfilter of the nftables table inet nixos-fw may drop frames");
    });
}

#[test]
fn without_root_nothing_is_claimed() {
    inside(
        "filter::without_root_nothing_is_claimed",
        &["--net"],
        "ip link set lo up\nsysctl -qw net.bridge.bridge-nf-call-iptables=1\n\
         set -- setpriv --bounding-set=-net_admin --inh-caps=-net_admin \"$@\"",
        || {
            let rows = FakeEngine::new().rows(&Machine::new());
            says(&rows, ID, Outcome::Warning, "whether that accepts them is not known: cannot list nftables chains");
        },
    );
}

#[test]
fn the_labs_own_seal_is_not_in_the_way() {
    let name = "the_labs_own_seal_is_not_in_the_way";
    let rules = "
        nft add table ip lab_seal_kind
        nft add chain ip lab_seal_kind forward '{ type filter hook forward priority -10; }'
        nft add rule ip lab_seal_kind forward iifname BRIDGE oifname != BRIDGE ip daddr 10.0.0.0/8 drop
    ";
    filter(name, rules, true, |rows| says(rows, ID, Outcome::Ok, "none of 1 chains"));
}
