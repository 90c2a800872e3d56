#!/usr/bin/env bash
# Builds topologies by other means than `lab`, where nothing of the host's can be touched. ci/bench starts it in
# network, mount and PID namespaces of its own and sends orders, one a line; each is answered by one line.
#
#   time plain|batched|mininet   builds and removes; answers `ok MICROSECONDS`, from the first process's start to the
#                                last one's end
#   dump DIRECTORY ADDRESS…      builds, writes what is there to DIRECTORY/PLACE and, with one route less,
#                                to DIRECTORY/control; removes; answers `ok`
#
# What goes wrong is answered with `failed`, and told on standard error.
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")

# `ip netns` keeps names here.
mount -t tmpfs tmpfs /run || exit 1
# Mininet raises limits; those of these folders are the whole machine's.
for folder in fs kernel vm; do
    mount --bind "/proc/sys/$folder" "/proc/sys/$folder" && mount -o remount,bind,ro "/proc/sys/$folder" || exit 1
done

build_and_remove() {
    case $1 in
        plain) "$here/topology.sh" up && "$here/topology.sh" down ;;
        batched) "$here/topology.sh" up --batched && "$here/topology.sh" down --batched ;;
        mininet) mn --topo single,3 --switch lxbr --controller none --test none ;;
    esac
}

dump() {
    local directory=$1 place
    "$here/topology.sh" up || return
    "$here/dump.sh" >"$directory/bridge" || return
    for place in $("$here/topology.sh" places); do
        ip netns exec "$place" "$here/dump.sh" "${@:2}" >"$directory/$place" || return
    done
    ip -n kind-worker route delete 10.0.2.0/24 || return
    ip netns exec kind-worker "$here/dump.sh" >"$directory/control" || return
    "$here/topology.sh" down
}

while read -r order arguments; do
    read -ra arguments <<<"$arguments"
    case $order in
        time)
            begun=${EPOCHREALTIME/./}
            if output=$(build_and_remove "${arguments[@]}" 2>&1 </dev/null); then
                echo "ok $((${EPOCHREALTIME/./} - begun))"
            else
                echo "$output" >&2
                echo failed
            fi
            ;;
        dump)
            if dump "${arguments[@]}" >&2 </dev/null; then echo ok; else echo failed; fi
            ;;
    esac
done
