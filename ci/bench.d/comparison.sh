# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with ci/bench
# The default topology, built and removed by lab and by others; and `lab run` as a whole.

# Starts bench.d/sandbox.sh in namespaces of its own; it ends with this process.
start_sandbox() {
    local user=()
    [[ $EUID -eq 0 ]] || user=(--user --map-root-user)
    coproc sandbox {
        exec unshare "${user[@]}" --net --mount --propagation private --pid --fork --kill-child --mount-proc \
            "$parts/sandbox.sh"
    }
    sandbox_process=$!
    # The coprocess's own variables go when it ends; these stay.
    exec {sandbox_in}>&"${sandbox[1]}" {sandbox_out}<&"${sandbox[0]}"
}

# order WORD…: sends an order to the sandbox; what comes after `ok ` is in `answer`.
order() {
    answer=''
    echo "$*" >&"$sandbox_in" || true
    read -r -u "$sandbox_out" answer || fail 1 'the namespaces for the script ended'
    [[ $answer == ok* ]] || fail 1 "in the namespaces for the script, \`$*\` did not work"
    answer=${answer#ok}
    answer=${answer# }
}

# Fails unless lab and the script make the same, and unless a route less would have been noticed.
compare_results() {
    local place places addresses=(10.0.1.10 10.0.2.11) kind counts=()
    mkdir "$work/by-lab" "$work/by-script"
    mapfile -t places < <("$parts/topology.sh" places)

    quietly "$lab" up --on netns --name bench-same
    for place in bridge "${places[@]}"; do
        local reach=("${addresses[@]}")
        [[ $place != bridge ]] || reach=()
        "$lab" shell --name bench-same "$place" -- "$parts/dump.sh" "${reach[@]}" >"$work/by-lab/$place" ||
            fail 1 "looking into $place of the lab did not work"
    done
    quietly "$lab" down --name bench-same
    order dump "$work/by-script" "${addresses[@]}"
    mv "$work/by-script/control" "$work/control"

    # Files that are both empty are the same, too.
    for place in bridge "${places[@]}"; do
        for kind in link address route rule sysctl nft reach; do
            [[ $place != bridge || ! $kind =~ ^(nft|reach)$ ]] || continue
            grep -q "^$kind " "$work/by-lab/$place" || fail 1 "no $kind was seen in $place of the lab"
        done
    done
    if grep -h '^reach ' "$work"/by-*/* | grep -v 'Connection refused$' >&2; then
        fail 1 'not every place reaches every pod'
    fi
    if diff --brief "$work/by-script/kind-worker" "$work/control" >/dev/null; then
        fail 1 'the comparison is blind: it did not notice that a route had been removed'
    fi
    if ! (cd "$work" && diff --recursive --unified=0 by-lab by-script) >&2; then
        fail 1 'lab and the script do not make the same: - is only lab'\''s, + only the script'\''s'
    fi
    for kind in link address route rule sysctl nft; do
        counts+=("$(cat "$work"/by-lab/* | grep -c "^$kind ")")
    done
    same="$((${#places[@]} + 1)) namespaces, ${counts[0]} links, ${counts[1]} IPv4 addresses, ${counts[2]} routes of all tables, ${counts[3]} rules, ${counts[4]} values of /proc/sys/net, ${counts[5]} lines of nftables; every node and pod reached every pod"
}

by_lab() {
    quietly "$lab" up --on netns --name "bench-$1"
    quietly "$lab" down --name "bench-$1"
}

compare_builders() {
    local run builder builders=(lab plain batched) no_mininet='' begun
    local -A times=()
    if ! command -v mn >/dev/null; then
        no_mininet='not installed, not measured (Debian and Ubuntu: apt-get install mininet bridge-utils)'
    elif ! command -v brctl >/dev/null; then
        no_mininet='not measured: its Linux bridge needs brctl (Debian and Ubuntu: apt-get install bridge-utils)'
    elif [[ $EUID -ne 0 ]]; then
        no_mininet='not measured: it needs root'
    else
        builders+=(mininet)
    fi

    progress 'comparing what lab and the script make'
    compare_results

    # The first round is for caches and is not counted.
    for ((run = 0; run <= runs; run++)); do
        progress "building and removing: round $run of $runs"
        for builder in "${builders[@]}"; do
            if [[ $builder == lab ]]; then
                begun=$(now)
                by_lab "$run"
                answer=$(($(now) - begun))
            else
                order time "$builder"
            fi
            [[ $run -eq 0 ]] || times[$builder]+=" $answer"
            # The kernel takes namespaces away after those who had them: not in the next one's time.
            sleep 0.3
        done
    done

    cat <<END
## Building and removing the default topology

3 nodes and 2 pods, native routing. lab and the script made the same: $same.

| built and removed by | median | range | compared with lab | aim |
|---|---:|---:|---:|---|
END
    row 'lab (with its doctor, its servers and a look at the base routes)' 1 '' "${times[lab]}" "${times[lab]}"
    row 'a script of ip and nft commands' 3 at-least "${times[lab]}" "${times[plain]}"
    row "the same with \`ip -batch\`" '' '' "${times[lab]}" "${times[batched]}"
    if [[ -z $no_mininet ]]; then
        row "Mininet: \`mn --topo single,3 --switch lxbr --test none\`" 10 at-least "${times[lab]}" "${times[mininet]}"
    fi
    [[ -z $no_mininet ]] || printf '\nMininet: %s.\n' "$no_mininet"
    echo
}

# row WHAT AIM HOW LAB_TIMES TIMES
row() {
    local lab_times times factor aim=''
    read -ra lab_times <<<"$4"
    read -ra times <<<"$5"
    factor=$(ratio "$(median "${times[@]}")" "$(median "${lab_times[@]}")")
    if [[ -n $3 ]]; then
        verdict "$factor" "$3" "$2"
        aim="$2: $verdict"
    fi
    echo "| $1 | $(milliseconds "$(median "${times[@]}")") | $(range "${times[@]}") | $factor × | $aim |"
}

measure_run() {
    local run begun taken=() aim=2 middle
    for ((run = 0; run <= runs; run++)); do
        progress "lab run: round $run of $runs"
        begun=$(now)
        quietly "$lab" run --on netns --runs-dir "$work/runs"
        [[ $run -eq 0 ]] || taken+=($(($(now) - begun)))
        rm -rf "$work/runs"
        sleep 0.3
    done
    middle=$(median "${taken[@]}")
    verdict "$middle" below $((aim * 1000000))
    cat <<END
## \`lab run\`: built, all cases held, removed

| | median | range | aim |
|---|---:|---:|---|
| default topology | $(seconds "$middle") | $(range "${taken[@]}") | below $aim s: $verdict |

END
}
