use super::*;
use lab_model::observe::{Route, VxlanDetails};
use serde_json::json;

fn tables(rules: &Value, routes: &Value) -> Result<NodeTables, String> {
    let links = json!([{"ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"], "mtu": 65536, "link_type": "loopback"},
        {"ifindex": 2, "ifname": "ens3", "flags": ["UP"], "mtu": 1500, "link_type": "ether", "address": "52:54:00:12:34:56",
         "master": "bond0", "parentbus": "virtio"},
        {"ifindex": 3, "ifname": "bond0", "flags": [], "mtu": 1500, "link_type": "ether", "linkinfo": {"info_kind": "bond"}},
        {"ifindex": 4, "ifname": "lxc7", "flags": [], "mtu": 1500, "link_index": 7, "link_netnsid": 2, "linkinfo": {"info_kind": "veth"}},
        {"ifindex": 5, "ifname": "cilium_vxlan", "flags": [], "mtu": 1500, "linkinfo": {"info_kind": "vxlan",
         "info_data": {"external": true, "id": 1, "port": 8472}}}]);
    let addresses =
        json!([{"ifname": "ens3", "addr_info": [{"family": "inet", "local": "192.168.7.2", "prefixlen": 24}]}, {}]);
    parse_tables(&format!("{links}\n{addresses}\n{rules}\n{routes}\n"))
}

fn routes(routes: &Value) -> Result<Vec<Route>, String> {
    tables(&json!([{"priority": 0, "src": "all", "table": "local"}]), routes)?.routes.read()
}

#[test]
fn links_and_addresses_are_read() {
    let read = tables(&json!([]), &json!([])).unwrap();
    assert_eq!(read.links[1].master, Some(3));
    assert_eq!((read.links[3].peer_index, read.links[3].peer_netns), (Some(7), Some(2)));
    assert_eq!(read.links[4].vxlan, Some(VxlanDetails { vni: None, port: Some(8472), local: None }));
    assert_eq!(read.links[1].mac.map(|mac| mac.to_string()).as_deref(), Some("52:54:00:12:34:56"));
    assert_eq!(read.addresses.len(), 1);
    assert_eq!(read.addresses[0].address.to_string(), "192.168.7.2/24");
}

#[test]
fn routes_of_many_forms_are_read() {
    let read = routes(&json!([
        {"type": "unicast", "dst": "default", "gateway": "192.168.7.1", "dev": "ens3", "protocol": "dhcp", "scope": "global",
         "metric": 100, "flags": []},
        {"dst": "10.42.1.0/24", "gateway": "192.168.7.3", "dev": "ens3", "protocol": "bird", "flags": ["onlink"]},
        {"dst": "10.42.2.0/24", "nexthops": [{"gateway": "192.168.7.4", "dev": "ens3", "weight": 1, "flags": []},
            {"via": {"family": "inet6", "host": "fe80::1"}, "dev": "ens4", "flags": []}, {"dev": "ens5", "flags": ["dead"]}]},
        {"dst": "10.42.3.0/24", "dev": "ens5", "flags": ["dead", "linkdown"]},
        {"type": "blackhole", "dst": "10.42.0.0/16", "table": "2004", "protocol": "777", "flags": []},
        {"type": "local", "dst": "192.168.7.2", "dev": "ens3", "table": "local", "prefsrc": "192.168.7.2", "scope": "host", "flags": []},
        {"dst": "10.43.0.0/16", "encap": "ip", "dev": "tun0", "tos": "0x10", "metrics": [{"mtu": 1420}], "flags": []}]))
    .unwrap();
    let words: Vec<String> = read.iter().map(lab_model::words::route).collect();
    assert_eq!(
        words,
        [
            "default via 192.168.7.1 dev ens3 metric 100",
            "10.42.1.0/24 via 192.168.7.3 dev ens3",
            "10.42.2.0/24 nexthop via 192.168.7.4 dev ens3 nexthop via inet6 fe80::1 dev ens4",
            "blackhole 10.42.0.0/16 table 2004",
            "local 192.168.7.2 dev ens3 table local",
            "10.43.0.0/16 tos 0x10 encap dev tun0 mtu 1420"
        ]
    );
    assert_eq!((read[0].protocol, read[1].protocol, read[3].protocol), (16, 12, 0));
    for (wrong, words) in [
        (json!([{"type": "wormhole", "dst": "default"}]), "route type wormhole is not known"),
        (json!([{"dst": "10.0.0.0/99"}]), "10.0.0.0/99"),
        (json!([{"dst": "10.0.0.0/8", "table": "galaxy"}]), "table galaxy is not known"),
        (json!([{"gateway": "10.0.0.1"}]), "missing field `dst`"),
        (json!([{"dst": "10.0.0.0/8", "dev": ""}]), "\"\" is no name of a link"),
        (json!([{"dst": "10.0.0.0/8", "nexthops": [{"dev": "eth0 via"}]}]), "\"eth0 via\" is no name of a link"),
    ] {
        let why = routes(&wrong).unwrap_err();
        assert!(why.contains(words) && why.contains("route show table all"), "{why}");
    }
}

#[test]
fn rules_keep_the_names_of_what_is_not_known() {
    let read = tables(
        &json!([{"priority": 9, "src": "all", "fwmark": "0x200", "fwmask": "0xf00", "table": "2004"},
            {"priority": 20, "src": "all", "dst": "10.42.1.7", "table": "main", "protocol": "kernel"},
            {"priority": 111, "not": null, "src": "10.42.0.0", "srclen": 16, "iif": "lxc7", "table": 11, "uid_start": 0, "uid_end": 7},
            {"priority": 200, "src": "all", "goto": 300}, {"priority": 300, "src": "all", "action": "unreachable"}]),
        &json!([]),
    );
    let rules = read.unwrap().rules;
    let words: Vec<String> = rules.iter().map(lab_model::words::rule).collect();
    assert_eq!(
        words,
        [
            "9: from all fwmark 0x200/0xf00 lookup 2004",
            "20: from all to 10.42.1.7/32 lookup main",
            "111: not from 10.42.0.0/16 iif lxc7 uid_end uid_start lookup 11",
            "200: from all goto 300",
            "300: from all unreachable"
        ]
    );
    let why = tables(&json!([{"priority": 1, "src": "all", "action": "dance"}]), &json!([])).unwrap_err();
    assert!(why.contains("what rule 1 does is not known"), "{why}");
}

#[test]
fn links_that_no_kernel_names_so_are_refused() {
    let with = |link: &str, address: &str| {
        let links = json!([{"ifindex": 1, "ifname": link, "mtu": 1500}]);
        let addresses =
            json!([{"ifname": address, "addr_info": [{"family": "inet", "local": "10.0.0.1", "prefixlen": 8}]}]);
        parse_tables(&format!("{links}\n{addresses}\n[]\n[]"))
    };
    assert!(with("eth0", "eth0").is_ok());
    let refused = |command: &str, name: &str| format!("`{command}`: {name:?} is no name of a link");
    assert_eq!(with("a/b", "eth0").unwrap_err(), refused("ip -details -json link show", "a/b"));
    assert_eq!(with("eth0", "").unwrap_err(), refused("ip -4 -json address show", ""));
}

#[test]
fn a_route_by_an_object_that_is_not_followed_is_refused() {
    // What iproute2 prints with net.ipv4.nexthop_compat_mode=0, and without.
    let by_object = json!([{"dst": "10.0.3.0/24", "nhid": 20, "protocol": "bgp", "flags": []}]);
    let why = "`ip -4 -details -json route show table all`: the route 10.0.3.0/24 has no next hop of its own: where it leads is not told";
    assert_eq!(routes(&by_object).unwrap_err(), why);
    let followed = json!([{"dst": "10.0.3.0/24", "nhid": 20, "gateway": "192.168.7.3", "dev": "ens3", "flags": []}]);
    assert_eq!(routes(&followed).unwrap().len(), 1);
}

#[test]
fn what_is_missing_is_named_by_its_command() {
    assert_eq!(parse_tables("[]\n[]\n").unwrap_err(), "`ip -4 -json rule show` printed nothing");
    assert!(parse_tables("Usage: ip [ OPTIONS ]").unwrap_err().starts_with("`ip -details -json link show`: expected"));
}
