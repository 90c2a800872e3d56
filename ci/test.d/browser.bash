# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# report.html in a real browser. Part of ci/test.

# Pages of every kind of run, and one whose texts are hostile, as ci/look-at-report finds them; and it must refuse
# pages that are wrong.
step_report_in_browser() {
    needs python3 python3
    needs chromium chromium
    needs chromedriver chromium-driver
    # Debian's packages are for Debian's own Python, which need not be the first in PATH.
    local python
    python=$(for each in python3 /usr/bin/python3; do
        "$each" -c 'import selenium' 2>/dev/null && echo "$each" && break
    done) || true
    if [[ -z $python ]]; then
        [[ ${CI-} == true ]] && fail "Python's selenium is not installed (Debian has it in python3-selenium)"
        not_run_here "$step: Python's selenium is not installed (Debian has it in python3-selenium)"
        exit "$not_run"
    fi
    local lab pages=$scratch/pages routing
    find_lab
    for routing in native vxlan none; do
        ends_with "$([[ $routing == native ]] && echo 0 || echo 1)" \
            "$lab" run --on netns --routing "$routing" --runs-dir "$pages/$routing" >/dev/null
    done
    "$lab" run --on netns --nodes 12 --runs-dir "$pages/twelve" >/dev/null
    needs bird bird2
    "$lab" run --on netns --topology racks --racks 3 --nodes 6 --replicas 4 --runs-dir "$pages/racks" >/dev/null
    ends_with 1 "$lab" run --on netns --topology racks --routing native --runs-dir "$pages/racks-native" >/dev/null
    "$lab" run --on netns --runs-dir "$pages/part" l2:: >/dev/null
    hostile "$pages"
    "$python" ci/look-at-report --controls "$pages"/*/*/report.html
}

# A copy of the run without routes in which everything that is said has markup, quotes and long words in it.
hostile() {
    local from=("$1"/none/*/) to=$1/hostile/run
    mkdir -p "$1/hostile"
    cp -r "${from[0]}" "$to"
    jq --arg nasty $'"\'><script>alert(1)</script><img src=x onerror=alert(1)>]]>\u202e\u001b[31m'"$(printf 'long%.0s' {1..60})" '
        .notes = [$nasty] | .deviations = [$nasty] | .ending = [$nasty] | .lab = $nasty | .host.kernel = $nasty
        | .stages[].summary = $nasty
        | .cases[] |= (.claim = $nasty | .article = $nasty | .deviation = [$nasty] | .evidence += [$nasty]
            | .by_hand |= map($nasty)
            | if .findings then .findings[] |= (.expected = $nasty | .observed = $nasty) else . end
            | if .proof then .proof = {summary: $nasty, details: [$nasty]} else . end)' \
        "${from[0]}report.json" >"$to/report.json"
    "$lab" report "$to" --format html >"$to/report.html"
    grep -q 'long' "$to/report.html" || fail "the hostile page has nothing hostile in it"
}
