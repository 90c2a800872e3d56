# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# The way of a user: doctor, runs, a lab that stays. Part of ci/test.

# The program: with --full as it is shipped, else the one of the tests, which costs no second build. A step alone builds
# it first.
find_lab() {
    if [[ -x $scratch/released/lab ]]; then
        lab=$scratch/released/lab
    elif [[ $LAB_CI_FULL == yes ]]; then
        cargo build --release --locked --quiet --package lab
        lab=$(target_folder)/release/lab
    else
        cargo test --workspace --locked --quiet --no-run --test lab
        lab=$(target_folder)/debug/lab
    fi
}

# A command must end with this exit code.
ends_with() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    ((status == expected)) || fail "\`$*\` ended with $status instead of $expected"
}

# The names of a report's cases with this outcome, sorted.
cases_that_are() { jq -r --arg outcome "$2" '.cases[] | select(.outcome == $outcome) | .name' "$1" | sort; }

# Exactly these names, and no others, have this outcome.
exactly() {
    local report=$1 outcome=$2
    shift 2
    diff --label "expected to be $outcome" --label "are $outcome" --unified \
        <(printf '%s\n' "$@" | grep . | sort) <(cases_that_are "$report" "$outcome") ||
        fail "other cases are $outcome than should be"
}

# The cases: all of them, and those that exist on netns, as many as the list has that the tests keep.
cases_in_all() { grep -c :: "$root/runner/harness/src/cases/list.txt"; }
cases_on_netns() { grep -c netns "$root/runner/harness/src/cases/list.txt"; }

# The cases that are refuted or unobserved with this fault, as the matrix has it that the tests keep.
turned_by() {
    sed -n "/^$1\$/,/^[a-z]/ s/^  [Kt] \([a-z0-9_:]*\)  $2: .*/\1/p" "$root/runner/sabotage/matrix/netns.txt"
}

# A report of all cases on netns with this routing, this exit code, and all held but so many.
as_it_should_be() {
    local all there
    all=$(cases_in_all)
    there=$(cases_on_netns)
    jq -e --arg routing "$2" --argjson status "$3" --argjson held $((there - $4)) \
        --argjson all "$all" --argjson elsewhere $((all - there)) '
        .schema == 1 and .backend == "netns" and .routing == $routing and .exit_code == $status
        and (.cases | length) == $all
        and ([.cases[] | select(.outcome == "held")] | length) == $held
        and ([.cases[] | select(.outcome == "not_on_backend")] | length) == $elsewhere
        and ([.stages[] | select(.outcome != "done")] | length) == 0' "$1" >/dev/null ||
        fail "$1 is not as it should be: $(jq -c '[.schema, .backend, .routing, .exit_code,
            (.cases | group_by(.outcome) | map({(.[0].outcome): length}) | add),
            (.stages | map({(.name): .outcome}) | add)]' "$1")"
}

# Runs all cases with this routing; it must end so, with all held but so many. The report's path goes into $report.
run_with_routing() {
    local routing=$1 status=$2 runs=$scratch/runs-$1
    local lab
    find_lab
    ends_with "$status" "$lab" run --on netns --routing "$routing" --runs-dir "$runs"
    local reports=("$runs"/*/report.json)
    ((${#reports[@]} == 1)) || fail "$runs has ${#reports[@]} reports"
    report=${reports[0]}
    as_it_should_be "$report" "$routing" "$status" "$3"
    junit_agrees "${report%/*}/junit.xml"
}

# Well formed, and with as many failures and errors as the report has refuted and undecided cases.
junit_agrees() {
    local refuted errors
    if [[ ${CI-} != true ]] && ! command -v xmllint >/dev/null; then
        not_run_here "$step: junit.xml was not read, for want of xmllint (Debian has it in libxml2-utils)"
        return
    fi
    xmllint --noout "$1"
    refuted=$(cases_that_are "$report" refuted | wc -l)
    errors=$(jq '[.cases[] | select(.outcome | IN("unobserved", "blocked", "deadline"))] | length' "$report")
    [[ $(xmllint --xpath 'count(//testcase/failure)' "$1") == "$refuted" ]] || fail "$1 has not $refuted failures"
    [[ $(xmllint --xpath 'count(//testcase/error)' "$1") == "$errors" ]] || fail "$1 has not $errors errors"
}

step_doctor() {
    local lab
    find_lab
    "$lab" doctor --on netns
    "$lab" doctor --on netns --format json | jq -e 'length > 0 and all(.outcome != "refusal")' >/dev/null
}

step_run_native() {
    local report
    run_with_routing native 0 0
    exactly "$report" refuted
    exactly "$report" unobserved
}

# A run with this routing, and the fault that is the same: exactly its cases do not hold.
contrast() {
    local report refuted unobserved
    mapfile -t refuted < <(turned_by "$2" refuted)
    mapfile -t unobserved < <(turned_by "$2" unobserved)
    ((${#refuted[@]} >= 4)) || fail "the matrix has no fault $2 that refutes cases"
    run_with_routing "$1" 1 $((${#refuted[@]} + ${#unobserved[@]}))
    exactly "$report" refuted "${refuted[@]}"
    exactly "$report" unobserved "${unobserved[@]}"
}

# The contrasts. Were fewer cases refuted, a case could not fail; were it more, one would fail for the wrong reason.
step_run_vxlan() {
    contrast vxlan vxlan
}

step_run_none() {
    contrast none no-routes
}

# A run handed over: bundled here, judged again by somebody who has nothing but the file, and refused when it is damaged.
step_bundle_and_replay() {
    local lab routing status bundle id=61000 as=() away=$scratch/away
    find_lab
    mkdir "$away"
    chmod 755 "$away"
    needs python3 python3
    # The folder of this clone may be closed to others.
    cp "$lab" "$away/lab"
    if is_root; then
        needs setpriv util-linux
        while getent passwd "$id" >/dev/null || getent group "$id" >/dev/null; do id=$((id + 1)); done
        as=(setpriv --reuid "$id" --regid "$id" --clear-groups --)
    fi
    for routing in native vxlan; do
        status=$([[ $routing == native ]] && echo 0 || echo 1)
        ends_with "$status" "$lab" run --on netns --routing "$routing" --runs-dir "$scratch/bundled-$routing"
        bundle=$away/$routing.tar.zst
        "$lab" bundle "$scratch/bundled-$routing"/* --output "$bundle"
        (cd / && ends_with 0 "${as[@]}" "$away/lab" replay "$bundle")
        (cd / && "${as[@]}" "$away/lab" replay --format json "$bundle") |
            jq -e --argjson all "$(cases_in_all)" --argjson there "$(cases_on_netns)" \
                '.reproduced == $there and .differ == 0 and .not_judged == $all - $there and .whole' >/dev/null ||
            fail "$bundle is not reproduced as it should be"
        # Each bit of 64 bytes in the middle turned: of a single byte, one in 6,000 decompresses to the same content.
        python3 -c 'import sys
path = sys.argv[1]
content = bytearray(open(path, "rb").read())
middle = len(content) // 2
content[middle:middle + 64] = bytes(byte ^ 255 for byte in content[middle:middle + 64])
open(path, "wb").write(content)' "$bundle"
        (cd / && ends_with 3 "${as[@]}" "$away/lab" replay "$bundle")
    done
    [[ $(find "$away" -mindepth 1 | wc -l) == 3 ]] || fail "replay has left something in $away"
}

# Every fault is noticed by the cases named for it and by no others, is undone, and no case kills none. The tests of the
# documents make the same run of the dev program.
step_sabotage() {
    local lab runs=$scratch/runs-sabotage
    find_lab
    ends_with 0 "$lab" sabotage --runs-dir "$runs"
    local reports=("$runs"/*/sabotage.json)
    ((${#reports[@]} == 1)) || fail "$runs has ${#reports[@]} reports of faults"
    jq -e --argjson there "$(cases_on_netns)" '.schema == 1 and .exit_code == 0 and .whole_table and .killed_none == []
        and (.cases | length) == $there and (.faults | length) == (.selected | length) and (.faults | length) == .killed
        and all(.faults[]; .wrong == [] and (.cases | length) == $there)' "${reports[0]}" >/dev/null ||
        fail "${reports[0]} is not as it should be: $(jq -c '[.exit_code, .whole_table, .killed_none, .before,
            (.faults[] | {name, wrong})]' "${reports[0]}")"
    ends_with 2 "$lab" sabotage no-fault-has-this-name
}

# A lab that stays: entered, verified from outside, taken down.
step_up_and_down() {
    needs ip iproute2
    local lab name=ci-test
    find_lab
    "$lab" up --on netns --name "$name"
    # shellcheck disable=SC2064 # the values of now
    trap "'$lab' down --name '$name'" EXIT
    "$lab" status --format json | jq -e --arg name "$name" 'any(.. | strings; . == $name)' >/dev/null ||
        fail "\`lab status\` does not show the lab that is up"
    "$lab" shell --name "$name" kind-worker -- ip -json route |
        jq -e 'any(.dst == "10.0.2.0/24" and .gateway == "172.18.0.4" and .dev == "eth0")' >/dev/null ||
        fail "kind-worker has no direct route to kind-worker2's pods"
    "$lab" verify --on netns --name "$name" --runs-dir "$scratch/runs-verify"
    "$lab" down --name "$name"
    trap - EXIT
    ends_with 2 "$lab" verify --on netns no_case_has_this_name
    [[ -z $(ls -A "$XDG_STATE_HOME/lab" 2>/dev/null) ]] || fail "state is left: $(ls -A "$XDG_STATE_HOME/lab")"
}

# Without building, touching or asking anything, all cases are printed.
step_case_list() {
    local lab listed all
    find_lab
    all=$(cases_in_all)
    listed=$("$lab" verify --list)
    echo "$listed"
    [[ $(grep -c '^[a-z0-9]*::[a-z0-9_]* ' <<<"$listed") == "$all" && $(wc -l <<<"$listed") == "$all" ]] ||
        fail "\`lab verify --list\` does not list $all cases"
}
