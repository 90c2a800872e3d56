# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# The test programs: as this user, and as one who has nothing. Part of ci/test.

# Builds them. The paths go into $programs; of these, some make network namespaces in their own process, for which
# an ordinary user needs a user namespace first: unit tests and those of the probe go into $confined.
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

step_tests() {
    without_docker_if_need_be
    if is_root; then
        cargo test --workspace --locked --no-fail-fast
        return
    fi
    not_run_here "tests as root: this is an ordinary user"
    has_user_namespaces || fail "an ordinary user gets no user namespaces here, so no lab: run this as root"
    cargo test --workspace --locked --doc
    local programs confined free
    build_test_programs
    ci/test.d/run-programs "${free[@]}" --confined "${confined[@]}"
}

# All test programs again, as a user without groups and capabilities and with a home of its own. That user may be
# unable to enter the folder of this clone, and must not write to it, but the programs know their places by path:
# the user sees a copy at the same path.
step_ordinary_user() {
    if ! is_root; then
        not_run_here "ordinary-user: this is an ordinary user, for whom the step tests has run them"
        exit "$not_run"
    fi
    needs setpriv util-linux
    local id=61000 programs confined free target file copy=$scratch/copy home=$scratch/home
    while getent passwd "$id" >/dev/null || getent group "$id" >/dev/null; do id=$((id + 1)); done
    local as=(setpriv --reuid "$id" --regid "$id" --clear-groups --)
    if ! has_user_namespaces "${as[@]}"; then
        not_run_here "ordinary-user: an ordinary user gets no user namespaces here, so no lab"
        exit "$not_run"
    fi
    build_test_programs
    not_run_here "ordinary-user: what needs a Docker Engine: that user is not in its group"
    not_run_here "ordinary-user: what asks cargo: that user may have none"
    target=$(target_folder)
    for file in "${programs[@]}" "$target/debug/lab"; do install -D "$file" "$copy$file"; done
    mkdir -p "$copy$root"
    cp -R ./*.md LICENSE-* .github ci docs flake.nix manifests nix runner "$copy$root/"
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
