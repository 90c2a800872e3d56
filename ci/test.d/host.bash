# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# A lab changes nothing on its host. Part of ci/test.

# Containers and networks of tests that were killed: the next tests remove them, which would count as a change. Those of
# a process that runs stay. Each has its process as a label: process.rs in runner/backend/src/state.
remove_left_behind() {
    local label=lab.stand-in.owner kind id owner pid
    docker_answers || return 0
    for kind in container network; do
        local all=() where=.
        [[ $kind == network ]] || all=(--all) where=.Config.
        for id in $(docker $kind ls "${all[@]}" --quiet --filter "label=$label"); do
            owner=$(docker $kind inspect --format "{{index ${where}Labels \"$label\"}}" "$id") || continue
            [[ $(jq -r .boot_id <<<"$owner") == "$(</proc/sys/kernel/random/boot_id)" ]] || continue
            pid=$(jq -r .pid <<<"$owner")
            # The 22nd field of proc(5), counted behind the name, which may have spaces.
            if [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20) == "$(jq -r .start_ticks <<<"$owner")" ]]; then
                continue
            fi
            echo "ci/test: removing the $kind $id, which a test that was killed left behind" >&2
            if [[ $kind == network ]]; then docker network rm "$id"; else docker rm --force --volumes "$id"; fi >/dev/null
        done
    done
}

# Writes what a lab could have changed into files in this folder.
host_state() {
    mkdir -p "$1"
    # What counts down or up by itself is left out.
    if command -v ip >/dev/null; then
        local still='del(.. | objects | .valid_life_time, .preferred_life_time, .expires)' what family
        for what in link address rule 'route show table all'; do
            for family in -4 -6; do
                # shellcheck disable=SC2086 # words
                ip $family -json $what | jq "$still" >"$1/${what%% *}$family"
            done
        done
    fi
    if is_root && command -v nft >/dev/null; then nft --stateless list ruleset >"$1/nftables"; fi
    # What an Engine has; empty files where none answers.
    if docker_answers; then
        docker ps --all --format '{{.Names}} {{.Image}}' | LC_ALL=C sort >"$1/docker-containers"
        docker network ls --format '{{.Name}} {{.Driver}}' | LC_ALL=C sort >"$1/docker-networks"
        docker volume ls --format '{{.Name}}' | LC_ALL=C sort >"$1/docker-volumes"
        docker image ls --all --format '{{.Repository}}:{{.Tag}} {{.ID}}' | LC_ALL=C sort >"$1/docker-images"
    fi
    # Some settings cannot be read, which is no failure.
    { grep -rs '' /proc/sys/net || true; } | grep -v '/nf_conntrack_count:' | LC_ALL=C sort >"$1/sysctls"
    # Processes of a program in this clone's target folder.
    local process target
    target=$(target_folder)
    for process in /proc/[0-9]*; do
        if [[ $(readlink "$process/exe") == "$target"/* ]]; then
            echo "${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline")"
        fi
    done >"$1/processes" 2>/dev/null
}

step_host_unchanged() {
    needs ip iproute2
    if is_root; then
        needs nft nftables
    else
        not_run_here "host-unchanged: only root can list nftables rules"
    fi
    host_state "$scratch/after"
    # A module that was loaded brings new settings; those that there were must be as they were.
    awk -F: 'NR == FNR { known[$1]; next } $1 in known' "$scratch/before/sysctls" "$scratch/after/sysctls" \
        >"$scratch/known"
    mv "$scratch/known" "$scratch/after/sysctls"
    # Images that a lab on kind has pulled stay.
    [[ ! -e $scratch/has-pulled-images ]] || rm -f "$scratch"/{before,after}/docker-images
    [[ -s $scratch/before/link-4 && -s $scratch/before/sysctls ]] || fail "the host was not read before the tests"
    diff --recursive --unified=0 "$scratch/before" "$scratch/after" || fail "the host is not as it was"
    echo "as before: links, addresses, rules, routes, nftables, $(wc -l <"$scratch/after/sysctls") settings, processes"
    if [[ -e $scratch/before/docker-containers ]]; then
        echo "as before: Docker's containers, networks and volumes$([[ ! -e $scratch/before/docker-images ]] || echo ", and images")"
    else
        not_run_here "host-unchanged: no Docker Engine answers, so there was none to compare"
    fi
}
