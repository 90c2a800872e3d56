#!/usr/bin/env bash
# The topology of `lab up`, made the usual way: with ip and nft, one command after the other.
#
#   topology.sh up|down             one process for each command, as such scripts are written
#   topology.sh up|down --batched   the same commands, collected for `ip -batch`, as few processes as can be
#   topology.sh places              what it makes: a line `PLACE` for each namespace beside the current one
#
# It takes the current network namespace for the bridge's and names the others under /run/netns: run it where both
# are nobody else's (ci/bench does: unshare --net --mount, and a tmpfs on /run).
set -euo pipefail

readonly BRIDGE=kind
readonly NODES=(kind-control-plane kind-worker kind-worker2)
readonly PODS=(hello-app-1 hello-app-2)
# Index in NODES of each pod's node.
readonly POD_NODE=(1 2)
readonly POD_ADDRESS=(10.0.1.10 10.0.2.11)
readonly POD_POOL=10.0.0.0/8
readonly SERVICE=10.96.37.61
readonly PORT=8080

# New namespaces take the host's values or the kernel's: these are what the topology needs.
# shellcheck disable=SC2016 # the shell that is started expands it: $0 is whether the namespace forwards
readonly SYSCTLS='
    cd /proc/sys/net
    echo 0 >ipv4/conf/all/rp_filter
    echo 0 >ipv4/conf/default/rp_filter
    echo 0 >ipv4/conf/all/send_redirects
    echo 0 >ipv4/conf/default/send_redirects
    echo 0 >ipv4/conf/all/accept_redirects
    if [ -d ipv6 ]; then
        echo 1 >ipv6/conf/all/disable_ipv6
        echo 1 >ipv6/conf/default/disable_ipv6
    fi
    echo "$0" >ipv4/ip_forward
    if [ -d bridge ]; then
        echo 0 >bridge/bridge-nf-call-iptables
    fi'

batched=no
declare -A batch=()

# in_bridge ARG…: ip in the bridge's namespace. in_netns NETNS ARG…: ip in another one.
in_bridge() {
    if [[ $batched == yes ]]; then batch[bridge]+="$*"$'\n'; else ip "$@"; fi
}
in_netns() {
    if [[ $batched == yes ]]; then batch[$1]+="${*:2}"$'\n'; else ip -n "$@"; fi
}
# flush PLACE: what was collected so far.
flush() {
    [[ $batched == yes && -n ${batch[$1]:-} ]] || return 0
    if [[ $1 == bridge ]]; then ip -batch - <<<"${batch[$1]}"; else ip -n "$1" -batch - <<<"${batch[$1]}"; fi
    batch[$1]=
}

# services NETNS [NODE_INDEX]: the Service, and for a node its masquerading.
services() {
    local masquerading=''
    if [[ -n ${2:-} ]]; then
        masquerading="
            set nodes { type ipv4_addr; elements = { 172.18.0.2, 172.18.0.3, 172.18.0.4 } }
            chain masquerading {
                type nat hook postrouting priority srcnat; policy accept;
                oifname eth0 ip saddr 10.0.$2.0/24 ip daddr != $POD_POOL ip daddr != @nodes masquerade
            }"
    fi
    ip netns exec "$1" nft -f - <<END
        table ip lab {
            $masquerading
            map b_${SERVICE//./_}_$PORT {
                typeof numgen random mod 2 : ip daddr
                elements = { 0 : ${POD_ADDRESS[0]}, 1 : ${POD_ADDRESS[1]} }
            }
            chain services {
                type nat hook output priority -100; policy accept;
                ip daddr $SERVICE tcp dport $PORT dnat to numgen random mod 2 map @b_${SERVICE//./_}_$PORT : $PORT
            }
        }
END
}

up() {
    local index peer name node host address

    sh -c "$SYSCTLS" 0
    for name in "${NODES[@]}" "${PODS[@]}"; do in_bridge netns add "$name"; done
    in_bridge link set lo up
    in_bridge link add "$BRIDGE" address 02:42:ac:12:00:01 type bridge
    in_bridge link set "$BRIDGE" up
    in_bridge address add 172.18.0.1/16 dev "$BRIDGE"
    flush bridge
    for name in "${NODES[@]}"; do ip netns exec "$name" sh -c "$SYSCTLS" 1; done
    for name in "${PODS[@]}"; do ip netns exec "$name" sh -c "$SYSCTLS" 0; done

    for index in "${!NODES[@]}"; do
        name=${NODES[index]}
        in_bridge link add "veth$index" mtu 1500 type veth \
            peer name eth0 mtu 1500 address "02:42:ac:12:00:0$((index + 2))" netns "$name"
        in_bridge link set "veth$index" master "$BRIDGE" up
    done
    flush bridge
    for index in "${!NODES[@]}"; do
        name=${NODES[index]}
        in_netns "$name" link set lo up
        in_netns "$name" address add "172.18.0.$((index + 2))/16" dev eth0
        in_netns "$name" link set eth0 up
        in_netns "$name" route add default via 172.18.0.1 dev eth0
        in_netns "$name" link add pod_host type veth peer name pod_net
        in_netns "$name" link set pod_host up
        in_netns "$name" link set pod_net up
        in_netns "$name" address add "10.0.$index.1/24" dev pod_host noprefixroute

        in_netns "$name" route add "10.0.$index.1/32" dev pod_host scope link
        in_netns "$name" route add "10.0.$index.0/24" via "10.0.$index.1" dev pod_host src "10.0.$index.1"
        for peer in "${!NODES[@]}"; do
            [[ $peer != "$index" ]] || continue
            in_netns "$name" route add "10.0.$peer.0/24" via "172.18.0.$((peer + 2))" dev eth0
        done
    done

    for index in "${!PODS[@]}"; do
        name=${PODS[index]} node=${NODES[POD_NODE[index]]} host=lxc$((index + 1)) address=${POD_ADDRESS[index]}
        in_netns "$node" link add "$host" mtu 1500 type veth peer name eth0 mtu 1500 netns "$name"
        in_netns "$node" link set "$host" up
        in_netns "$node" route add "$address/32" dev "$host" scope link
        flush "$node"
        in_netns "$name" link set lo up
        in_netns "$name" address add "$address/32" dev eth0 noprefixroute
        in_netns "$name" link set eth0 up
        in_netns "$name" route add "10.0.${POD_NODE[index]}.1/32" dev eth0 scope link
        in_netns "$name" route add default via "10.0.${POD_NODE[index]}.1" dev eth0
        flush "$name"
    done
    for name in "${NODES[@]}"; do flush "$name"; done

    for index in "${!NODES[@]}"; do services "${NODES[index]}" "$index"; done
    for name in "${PODS[@]}"; do services "$name"; done
}

down() {
    local name
    for name in "${PODS[@]}" "${NODES[@]}"; do in_bridge netns delete "$name"; done
    in_bridge link delete "$BRIDGE"
    flush bridge
}

usage() {
    echo 'usage: topology.sh up|down [--batched] | places' >&2
    exit 2
}

[[ ${2:---batched} == --batched && $# -le 2 ]] || usage
[[ $# -lt 2 ]] || batched=yes
case ${1:-} in
    up) up ;;
    down) down ;;
    places) printf '%s\n' "${NODES[@]}" "${PODS[@]}" ;;
    *) usage ;;
esac
