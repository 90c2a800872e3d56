# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with ci/bench
# The most memory that a program and all that it starts had at once.
#
# A control group of its own counts it, where one can be made: all pages, those of the kernel for namespaces, links
# and routes, and those of files that were written, included. Elsewhere the resident pages of all processes that run
# this very program are added up, 20 times a second: pages that they share are counted for each, the kernel's are not.

memory_group=''
memory_peak_file=''
memory_how=''

# Makes a control group below our own, or beside it, in which memory is counted.
make_memory_group() {
    local root path
    # Version 1: `4:memory:/path`; its root is where the controller is mounted.
    path=$(sed -n 's/^[0-9]*:\([^:]*,\)\{0,1\}memory\(,[^:]*\)\{0,1\}:\(.*\)/\3/p' /proc/self/cgroup)
    if [[ -n $path ]]; then
        root=$(awk '$(NF - 2) == "cgroup" && ("," $NF ",") ~ /,memory,/ { print $5; exit }' /proc/self/mountinfo)
        try_memory_group "$root${path%/}" memory.max_usage_in_bytes && return
        try_memory_group "$root" memory.max_usage_in_bytes && return
    fi
    # Version 2: below the nearest group that counts its children's memory.
    path=$(sed -n 's/^0:://p' /proc/self/cgroup)
    root=$(awk '$(NF - 2) == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
    while [[ -n $root && -n $path ]]; do
        try_memory_group "$root${path%/}" memory.peak && return
        [[ $path != / ]] || break
        path=$(dirname "$path")
    done
    memory_how='resident memory of all its processes, sampled'
}

try_memory_group() {
    local group=$1/lab-bench-$$
    [[ -w $1 ]] && mkdir "$group" 2>/dev/null || return 1
    if [[ -r $group/$2 && -w $group/cgroup.procs ]] && sh -c 'echo $$ >"$0/cgroup.procs"' "$group" 2>/dev/null; then
        rmdir "$group"
        memory_group=$group memory_peak_file=$group/$2
        memory_how="a control group's peak ($2), the kernel's memory and file pages included"
        return 0
    fi
    rmdir "$group"
    return 1
}

# with_memory PROGRAM ARGUMENT…: runs it; its peak is in `peak`, in bytes, its time in `took`.
with_memory() {
    local begun status=0 sampler=''
    if [[ -n $memory_group ]]; then
        mkdir "$memory_group"
    else
        sample_memory "$1" >"$work/samples" &
        sampler=$!
    fi
    begun=$(now)
    (
        [[ -z $memory_group ]] || echo "$BASHPID" >"$memory_group/cgroup.procs"
        exec "$@"
    ) || status=$?
    took=$(($(now) - begun))
    if [[ -n $memory_group ]]; then
        peak=$(<"$memory_peak_file")
        remove_memory_group
    else
        kill "$sampler"
        wait "$sampler" || true
        peak=$(sort -n "$work/samples" | tail -n 1)
        [[ -n $peak ]] || peak=0
    fi
    return "$status"
}

sample_memory() {
    local page pids
    page=$(getconf PAGESIZE)
    while sleep 0.05; do
        mapfile -t pids < <(find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$1" 2>/dev/null)
        [[ ${#pids[@]} -eq 0 ]] ||
            cat "${pids[@]/%exe/statm}" 2>/dev/null | awk -v page="$page" '{ sum += $2 } END { print sum * page }'
    done
}

# A process that has ended may still be in it for a moment.
remove_memory_group() {
    local try
    [[ -n $memory_group && -d $memory_group ]] || return 0
    for try in {1..50}; do
        ! rmdir "$memory_group" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "bench: $memory_group cannot be removed after $try tries: processes are left in it" >&2
    return 1
}
