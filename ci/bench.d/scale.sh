# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with ci/bench
# Labs of several sizes: time and memory.

# timed WORD…: runs it quietly; its time is in `took`.
timed() {
    local begun
    begun=$(now)
    quietly "$@"
    took=$(($(now) - begun))
}

measure_scale() {
    local count table='' stages=''
    for count in $nodes; do
        measure_nodes "$count"
    done
    cat <<END
## Labs of several sizes

\`lab up\`, \`lab verify\` and \`lab down\` as processes of their own; \`lab run\` as a whole, with its memory: $memory_how.
Routes are the direct ones, from each node to each other node's pod CIDR.

| nodes | routes | up | verify | down | run | time a node | time a route | memory | memory a node | memory a route |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
$table
Where \`lab run\` spends it:

| nodes | topology | base routes | routing | nodes ready | workload | traffic | cases | the rest: doctor, start, down, reports |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
$stages
END
    scale_aims
}

measure_nodes() {
    local run took peak report name routes times=() whole=() memory=() parts_of_run=() up=() verify=() down=()
    for ((run = 1; run <= long_runs; run++)); do
        progress "$1 nodes: round $run of $long_runs"
        if ! with_memory "$lab" run --on netns --nodes "$1" --runs-dir "$work/runs" >"$work/output" 2>&1; then
            cat "$work/output" >&2
            fail 1 "\`lab run --nodes $1\` did not hold"
        fi
        whole+=("$took") memory+=("$peak")
        report=$(echo "$work"/runs/*/report.json)
        routes=$(jq '.stages[] | select(.name == "routing_installed").summary | capture("^(?<n>[0-9]+) ").n | tonumber' "$report")
        parts_of_run+=("$(jq -r '
            . as $run | def us: . * 1e6 | round;
            [("cluster_created", "base_observed", "routing_installed", "nodes_ready", "workload_ready", "traffic_observed")
                as $name | [$run.stages[] | select(.name == $name).seconds] | add] as $stages
            | ([$run.cases[].seconds] | add) as $cases
            | $stages + [$cases, $run.seconds - ($stages | add) - $cases] | map(us) | join(" ")' "$report")")
        rm -rf "$work/runs"

        name=bench-$1-$run
        sleep 0.5
        timed "$lab" up --on netns --nodes "$1" --name "$name"
        up+=("$took")
        timed "$lab" verify --name "$name" --runs-dir "$work/runs"
        verify+=("$took")
        timed "$lab" down --name "$name"
        down+=("$took")
        rm -rf "$work/runs"
        sleep 0.5
    done

    local total bytes column
    total=$(median "${whole[@]}") bytes=$(median "${memory[@]}")
    table+="| $1 | $routes | $(seconds "$(median "${up[@]}")") | $(seconds "$(median "${verify[@]}")") "
    table+="| $(seconds "$(median "${down[@]}")") | $(seconds "$total") | $(milliseconds $((total / $1))) "
    table+="| $(awk -v t="$total" -v n="$routes" 'BEGIN { printf "%.2f ms", t / n / 1000 }') | $(megabytes "$bytes") "
    table+="| $(megabytes $((bytes / $1))) | $(awk -v b="$bytes" -v n="$routes" 'BEGIN { printf "%.0f kB", b / n / 1000 }') |"$'\n'
    for column in {1..8}; do
        mapfile -t times < <(printf '%s\n' "${parts_of_run[@]}" | cut -d ' ' -f "$column")
        [[ $column -gt 1 ]] || stages+="| $1 "
        stages+="| $(milliseconds "$(median "${times[@]}")") "
    done
    stages+='|'$'\n'
    if [[ $1 -eq 100 ]]; then
        hundred_time=$(($(median "${up[@]}") + $(median "${verify[@]}") + $(median "${down[@]}")))
        [[ $total -lt $hundred_time ]] || hundred_time=$total
        hundred_memory=$bytes
    fi
}

scale_aims() {
    [[ -n ${hundred_time:-} ]] || return 0
    verdict "$hundred_time" below 15000000
    echo "Aim: 100 nodes up, verified and down in 15 s: $verdict ($(seconds "$hundred_time"), the slower way of the two)."
    verdict "$hundred_memory" below 500000000
    echo "Aim: in 500 MB: $verdict ($(megabytes "$hundred_memory"))."
}
