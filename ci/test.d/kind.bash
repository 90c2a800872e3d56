# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# The article's lab, where this machine can run it. Part of ci/test.

# Why no lab on kind can be run here, a line each. The doctor knows what this machine lacks; images are another matter.
against_kind() { # LAB
    local lab=$1 missing registry
    "$lab" doctor --on kind --runs-dir "$scratch/runs-on-kind" --format json >"$scratch/doctor-on-kind" || true
    jq -e 'length > 0' "$scratch/doctor-on-kind" >/dev/null || fail "\`lab doctor --on kind\` prints no rows"
    jq -r '.[] | select(.outcome == "refusal") | "\(.id): \(.found)"' "$scratch/doctor-on-kind"
    docker_answers || return 0
    missing=$("$lab" kit pack --dry-run --output "$scratch/no-such-kit.tar")
    [[ $missing == *"would be pulled"* ]] || return 0
    for registry in registry-1.docker.io quay.io us-docker.pkg.dev; do
        curl --silent --show-error --max-time 20 --output /dev/null "https://$registry/v2/" 2>"$scratch/curl" ||
            echo "no image can be pulled: $(<"$scratch/curl")"
    done
}

# The whole of it, as a user has it, against the pins.
step_run_on_kind() {
    local lab why report runs=$scratch/runs-on-kind
    find_lab
    against_kind "$lab" >"$scratch/against-kind"
    if [[ -s $scratch/against-kind ]]; then
        while IFS= read -r why; do
            not_run_here "run-on-kind: a lab of Docker, kind, Kubernetes and Cilium: $why"
        done <"$scratch/against-kind"
        exit "$not_run"
    fi
    : >"$scratch/has-pulled-images"
    ends_with 0 "$lab" run --on kind --runs-dir "$runs"
    local reports=("$runs"/*/report.json)
    ((${#reports[@]} == 1)) || fail "$runs has ${#reports[@]} reports"
    report=${reports[0]}
    jq -e --argjson all "$(cases_in_all)" \
        '.backend == "kind" and .deviations == [] and (.cases | length) == $all and all(.cases[]; .outcome == "held")' \
        "$report" >/dev/null || fail "$report is not as it should be"
    junit_agrees "${report%/*}/junit.xml"
}
