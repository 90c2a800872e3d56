# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# The tests: as this user, and as one who has nothing. Part of ci/test.

has_user_namespaces() { "$@" unshare --user --map-root-user --net true; }

docker_answers() { command -v docker >/dev/null && timeout 20 docker version >/dev/null 2>&1; }

# Tests that need a Docker Engine fail without one, and are left out by their names only where this is said.
without_docker_if_need_be() {
    if docker_answers; then
        if command -v containerd >/dev/null && command -v ctr >/dev/null; then return; fi
        not_run_here "$step: containerd and ctr are not in PATH, so no image was imported into a real containerd"
        export LAB_TESTS_WITHOUT_CONTAINERD=1
        return
    fi
    [[ ${CI-} == true ]] && fail "there is no Docker Engine (Debian has it in docker.io)"
    not_run_here "$step: no Docker Engine answers, so what needs one was not tested; its tests name themselves above"
    export LAB_TESTS_WITHOUT_DOCKER=1
}

# Each test once. nextest runs all but doctests.
step_tests() {
    without_docker_if_need_be
    if ! is_root; then
        not_run_here "tests as root: this is an ordinary user"
        has_user_namespaces || fail "an ordinary user gets no user namespaces here, so no lab: run this as root"
    fi
    local status=0
    if cargo nextest --version >/dev/null 2>&1; then
        with_nextest || status=$?
    elif [[ ${CI-} == true ]]; then
        fail "cargo-nextest is not installed"
    else
        not_run_here "tests with nextest: it is not installed (\`cargo install --locked cargo-nextest\`); cargo has run them, and tells no times"
        with_cargo || status=$?
    fi
    cargo test --workspace --locked --doc --quiet || status=$?
    return "$status"
}

# These make network namespaces in their own process, for which an ordinary user needs a user namespace first.
confined='kind(lib) | (kind(test) & binary(probe))'

with_nextest() {
    local status=0
    # Most of a test's time is waiting; those that are not so take a processor's share: see .config/nextest.toml.
    local each=(cargo nextest run --workspace --locked --profile ci --test-threads $((4 * $(nproc))))
    if is_root; then
        "${each[@]}" || status=$?
        slowest_tests
    else
        "${each[@]}" -E "not ($confined)" || status=$?
        slowest_tests
        unshare --user --map-current-user --keep-caps --net "${each[@]}" --offline -E "$confined" || status=$?
        slowest_tests
    fi
    return "$status"
}

# Of those that nextest has just run, the ten that took longest, into the summary. It writes below `target` wherever cargo
# builds.
slowest_tests() {
    sed -nE 's/.*<testcase name="([^"]*)" classname="([^"]*)".* time="([^"]*)".*/\3 s  \2 \1/p' \
        target/nextest/ci/junit.xml | sed 's/&amp;/\&/g' | cat - "$scratch/slowest" |
        sort --general-numeric-sort --reverse | head -n 10 >"$scratch/slowest-now"
    mv "$scratch/slowest-now" "$scratch/slowest"
}

with_cargo() {
    if is_root; then
        cargo test --workspace --locked --all-targets --no-fail-fast
        return
    fi
    local programs confined free
    build_test_programs
    ci/test.d/run-programs "${free[@]}" --confined "${confined[@]}"
}

# Builds the test programs. Their paths go into $programs; of these, those that make network namespaces themselves go
# into $confined, and the others into $free.
build_test_programs() {
    cargo test --workspace --locked --no-run --message-format=json >"$scratch/built.json"
    local test_program='select(.reason == "compiler-artifact" and .profile.test and .executable)'
    local confined_one='(.target.name == "probe" or .target.kind == ["lib"])'
    jq -r "$test_program | .executable" "$scratch/built.json" >"$scratch/programs"
    jq -r "$test_program | select($confined_one) | .executable" "$scratch/built.json" >"$scratch/confined"
    jq -r "$test_program | select($confined_one | not) | .executable" "$scratch/built.json" >"$scratch/free"
    mapfile -t programs <"$scratch/programs"
    mapfile -t confined <"$scratch/confined"
    mapfile -t free <"$scratch/free"
    ((${#confined[@]} > 0 && ${#free[@]} > 0)) || fail "cargo has not built all test programs"
}

# A user without groups, capabilities and a home of this machine's. What becomes that user begins with "${as[@]}".
an_ordinary_user() {
    if ! is_root; then
        not_run_here "$step: this is an ordinary user, and the other steps have run as it"
        exit "$not_run"
    fi
    needs setpriv util-linux
    id=61000
    while getent passwd "$id" >/dev/null || getent group "$id" >/dev/null; do id=$((id + 1)); done
    as=(setpriv --reuid "$id" --regid "$id" --clear-groups --)
    if ! has_user_namespaces "${as[@]}"; then
        not_run_here "$step: an ordinary user gets no user namespaces here, so no lab"
        exit "$not_run"
    fi
}

# One run with everything that is seen on netns, without root.
step_ordinary_user() {
    local id as lab report away=$scratch/of-a-user
    an_ordinary_user
    find_lab
    install -d -o "$id" -g "$id" "$away" "$away/state"
    # The folder of this clone may be closed to others.
    install -m 755 "$lab" "$away/lab"
    (cd "$away" && ends_with 0 "${as[@]}" env -i PATH="$PATH" HOME="$away" XDG_STATE_HOME="$away/state" \
        ./lab run --on netns --runs-dir "$away/runs")
    report=("$away"/runs/*/report.json)
    as_it_should_be "${report[0]}" native 0 0
    exactly "${report[0]}" refuted
    exactly "${report[0]}" unobserved
}

# All test programs again, as such a user. That user may be unable to enter the folder of this clone, and must not write
# to it, but the programs know their places by path: the user sees a copy at the same path.
step_all_as_user() {
    local id as programs confined free target file copy=$scratch/copy home=$scratch/home
    an_ordinary_user
    build_test_programs
    not_run_here "$step: what needs a Docker Engine: that user is not in its group"
    not_run_here "$step: what asks cargo: that user may have none"
    target=$(target_folder)
    for file in "${programs[@]}" "$target/debug/lab"; do install -D "$file" "$copy$file"; done
    mkdir -p "$copy$root"
    cp -R ./*.md Cargo.toml Dockerfile LICENSE-* .github ci docs flake.nix manifests nix runner "$copy$root/"
    chmod -R a+rX "$copy"
    install -d -o "$id" -g "$id" "$home" "$home/tmp" "$home/state"
    # A folder in PATH that a user may not enter turns "no such program" into "permission denied".
    local path='' folder
    while IFS= read -r -d : folder; do
        if "${as[@]}" test -x "$folder"; then path+=${path:+:}$folder; fi
    done <<<"$PATH:"
    unshare --mount --propagation private ci/test.d/show-copy "$copy" "$root" "$target" -- \
        "${as[@]}" env -i PATH="$path" HOME="$home" TMPDIR="$home/tmp" XDG_STATE_HOME="$home/state" \
        LAB_TESTS_WITHOUT_DOCKER=1 LAB_TESTS_WITHOUT_CONTAINERD=1 LAB_TESTS_WITHOUT_CARGO=1 \
        "$root/ci/test.d/run-programs" "${free[@]}" --confined "${confined[@]}"
}
