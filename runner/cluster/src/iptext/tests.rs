use super::link::{addresses, links};
use super::*;
use lab_model::words;

const LINKS: &str = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 numtxqueues 1 numrxqueues 1 gso_max_size 65536
    RX: bytes  packets  errors  dropped overrun mcast   
    5512       62       0       0       0       0       
5: cilium_vxlan: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/ether 3e:4f:9a:38:5a:84 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535 
    vxlan external id 0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 addrgenmode eui64 numtxqueues 1 
8: lxc7@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default qlen 1000
    link/ether ba:4f:9a:38:5a:84 brd ff:ff:ff:ff:ff:ff link-netnsid 2 promiscuity 1 minmtu 68 maxmtu 65535 
    veth 
    bridge_slave state forwarding priority 32
9: lxc9@if7: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default 
    link/ether ba:4f:9a:38:5a:85 brd ff:ff:ff:ff:ff:ff link-netns cni-1 promiscuity 0 
    veth addrgenmode eui64 
10: br0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default 
    link/ether ba:4f:9a:38:5a:86 brd ff:ff:ff:ff:ff:ff promiscuity 0 
    bridge forward_delay 1500 
11: ens5: <BROADCAST,UP> mtu 9001 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether ba:4f:9a:38:5a:87 brd ff:ff:ff:ff:ff:ff promiscuity 0 numtxqueues 8 
    altname enp0s5
";
const ADDRESSES: &str = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
11: ens5: <BROADCAST,UP> mtu 9001 qdisc mq state UP group default qlen 1000
    inet 192.168.7.2/24 brd 192.168.7.255 scope global dynamic ens5
    inet 10.9.0.1 peer 10.9.0.2/32 scope global ens5
    inet6 fe80::1/64 scope link 
";

fn read(rules_text: &str, routes_text: &str) -> Result<NodeTables, String> {
    parse_printed_tables(LINKS, ADDRESSES, rules_text, routes_text)
}

#[test]
fn links_and_addresses_are_read() {
    let read = read("0:\tfrom all lookup local \n", "").unwrap();
    let links: Vec<(u32, &str, Option<&str>)> =
        read.links.iter().map(|link| (link.index, link.name.as_str(), link.kind.as_deref())).collect();
    let (vxlan, veth) = (Some("vxlan"), Some("veth"));
    assert_eq!(
        links,
        [
            (1, "lo", None),
            (5, "cilium_vxlan", vxlan),
            (8, "lxc7", veth),
            (9, "lxc9", veth),
            (10, "br0", Some("bridge")),
            (11, "ens5", None)
        ]
    );
    assert_eq!(read.links[1].vxlan.as_ref().map(|vxlan| (vxlan.vni, vxlan.port)), Some((None, Some(8472))));
    assert_eq!(
        (read.links[2].master, read.links[2].peer_index, read.links[2].peer_netns),
        (Some(10), Some(7), Some(2))
    );
    assert!(read.links[3].peer_netns.is_some_and(|id| id != 2));
    assert!(read.links[2].up && read.links[2].carrier && !read.links[3].carrier);
    let addresses: Vec<String> = read.addresses.iter().map(|one| format!("{} {}", one.device, one.address)).collect();
    assert_eq!(addresses, ["lo 127.0.0.1/8", "ens5 192.168.7.2/24", "ens5 10.9.0.1/32"]);
}

#[test]
fn routes_of_many_forms_are_read() {
    let text = "default via 192.168.7.1 dev ens5 proto dhcp src 192.168.7.2 metric 100 mtu lock 1500 advmss 1460 
10.42.1.0/24 via 192.168.7.3 dev ens5 proto bird onlink 
10.42.2.0/24 proto static 
\tnexthop via 192.168.7.4 dev ens5 weight 1 
\tnexthop via inet6 fe80::1 dev ens4 weight 1 linkdown 
\tnexthop dev ens6 weight 1 dead linkdown 
10.42.3.0/24 dev ens5 scope link dead linkdown 
blackhole 10.42.0.0/16 proto bird nhid 7 
10.43.0.0/16  encap ip id 7 src 10.0.0.1 dst 10.0.0.2 ttl 64 tos 0 via 10.0.0.2 dev tun0 tos 0x10 mtu 1420 
local 192.168.7.2 dev ens5 proto kernel scope host src 192.168.7.2 
";
    let read = read("0:\tfrom all lookup local \n", text).unwrap().routes.read().unwrap();
    let words: Vec<String> = read.iter().map(words::route).collect();
    assert_eq!(
        words,
        [
            "default via 192.168.7.1 dev ens5 metric 100 mtu 1500",
            "10.42.1.0/24 via 192.168.7.3 dev ens5",
            "10.42.2.0/24 nexthop via 192.168.7.4 dev ens5 nexthop via inet6 fe80::1 dev ens4",
            "blackhole 10.42.0.0/16",
            "10.43.0.0/16 tos 0x10 encap via 10.0.0.2 dev tun0 mtu 1420",
            "local 192.168.7.2 dev ens5"
        ]
    );
    for (wrong, why) in [
        ("10.0.0.0/8 via 10.0.0.1 wormhole 7", "wormhole is not known"),
        ("10.0.0.0/8 via", "via has no value"),
        ("10.0.0.0/8 dev eth0 metric many", "metric many is no number"),
        ("\tnexthop via 10.0.0.1", "it stands before any route"),
        ("10.0.0.0/8\n\tcache", "it is no next hop"),
        ("RTNETLINK answers: Permission denied", "answers: is not known"),
        ("10.0.0.0/99 dev eth0", "10.0.0.0/99"),
    ] {
        let error = super::tests::read("0:\tfrom all lookup local \n", wrong).unwrap_err();
        assert!(error.contains(why), "{wrong:?}: {error}");
    }
}

#[test]
fn rules_are_read_and_keep_the_names_of_what_is_not_evaluated() {
    let text = "0:\tfrom all lookup local
9:\tfrom all fwmark 0x200/0xf00 lookup 2004
20:\tfrom all to 10.42.1.7 lookup main proto kernel 
111:\tnot from 10.42.0.0/16 iif lxc7 [detached] uidrange 0-7 lookup 11 
150:\tfrom all lookup main suppress_prefixlength 0 
200:\tfrom all goto 300
300:\tfrom all unreachable
1000:\tfrom all lookup [l3mdev-table] 
";
    let rules = read(text, "").map(|tables| tables.rules);
    // A rule without a table or an action is an error, as it is in JSON.
    assert!(rules.unwrap_err().contains("what rule 1000 does is not known"));
    let text = text.split("1000:").next().unwrap();
    let words: Vec<String> = read(text, "").unwrap().rules.iter().map(words::rule).collect();
    assert_eq!(
        words,
        [
            "0: from all lookup local",
            "9: from all fwmark 0x200/0xf00 lookup 2004",
            "20: from all to 10.42.1.7/32 lookup main",
            "111: not from 10.42.0.0/16 iif lxc7 uidrange lookup 11",
            "150: from all suppress_prefixlength lookup main",
            "200: from all goto 300",
            "300: from all unreachable"
        ]
    );
    for (wrong, why) in [
        ("", "it names no rule"),
        ("from all lookup main", "it has no priority"),
        ("9:\tfrom all dance 7 lookup main", "dance is not known"),
        ("9:\tfrom all lookup", "lookup has no value"),
    ] {
        let error = read(wrong, "").unwrap_err();
        assert!(error.contains(why), "{wrong:?}: {error}");
    }
}

#[test]
fn texts_of_another_form_are_errors() {
    for wrong in ["", "Object \"l\" is unknown, try \"ip help\".", "    link/ether 00:00", "2: eth0: <UP> qdisc x"] {
        assert!(links(wrong).is_err(), "{wrong:?}");
        assert!(addresses(wrong).is_err() || wrong.starts_with("    link"), "{wrong:?}");
    }
    let wrong = "1: lo: <UP> mtu 1\n    inet 10.0.0.1 scope host lo";
    assert!(addresses(wrong).unwrap_err().contains("is not inet ADDRESS/LENGTH"));
}
