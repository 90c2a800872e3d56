#!/usr/bin/env bash
# What the kernel has in the current network namespace, a line each, in an order that does not depend on how it was made.
#
#   dump.sh [ADDRESS…]   also says how a connection to port 1 of each address ends: an answer comes only where the
#                        links and routes on the way there and back work, `Connection refused` where nobody listens
#
# What differs from one lab to the next without meaning anything is left out or replaced: indexes of links, link-layer
# addresses that the kernel drew, counters and handles of nftables, seeds and keys among the sysctls.
set -euo pipefail
export LC_ALL=C

# The addresses that are given and not drawn are made from 172.18.0.0/16.
ip -json -details link show | jq -r '
    .[] | [
        "link", .ifname, (.linkinfo.info_kind // "-"),
        "mtu \(.mtu)", "master \(.master // "-")", (.flags | sort | join(",")),
        (if .address | startswith("02:42:ac:12:") then .address else "drawn" end),
        (.linkinfo.info_data // {} | [
            ("stp_state", "vlan_filtering", "mcast_snooping", "ageing_time", "forward_delay", "group_fwd_mask") as $key
            | select(has($key)) | "\($key) \(.[$key])"
        ] | join(" "))
    ] | join(" ")' | sort

ip -json -4 address show | jq -r '
    .[] | .ifname as $link | .addr_info[] | [
        "address", $link, "\(.local)/\(.prefixlen)", "broadcast \(.broadcast // "-")", "scope \(.scope)",
        (if .noprefixroute then "noprefixroute" else empty end)
    ] | join(" ")' | sort

ip -details -4 route show table all | sed 's/^/route /; s/ *$//' | sort
ip -4 rule show | sed 's/^/rule /; s/\t/ /g'

# nft declares the key of a map that numgen looks into by an expression, netlink by its type: the same to the kernel.
nft --stateless list ruleset \
    | sed -E 's/^(\t+)type (0|integer) : ipv4_addr$/\1typeof numgen random mod 2 : ip daddr/' \
    | tr -s '\t ' ' ' | sed 's/^ *//; /^$/d; s/^/nft /'

# A file that cannot be read is one for writing only.
{ grep -rs . /proc/sys/net || true; } \
    | grep -vE '/(tcp_fastopen_key|stable_secret|fib_multipath_hash_seed|icmp_.*_seed|tcp_available_ulp)' \
    | sed 's|^/proc/sys/|sysctl |; s/\t/ /g; s/:/ /' | sort

for address; do
    said=$(timeout 3 bash -c "</dev/tcp/$address/1" 2>&1 | sed -n '1s/.*: //p') || true
    echo "reach $address ${said:-no answer}"
done
