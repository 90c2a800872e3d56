# shellcheck shell=bash
# shellcheck disable=SC2154 # set in ci/flake-test
# A change of the pins changes the flake, and the runner with it; a disagreement is refused. Part of ci/flake-test.

# Changes a file of the copy for one command, which must succeed.
with_change() { # FILE JQ-FILTER COMMAND...
    local file=$flake/$1 filter=$2
    shift 2
    cp "$file" "$work/kept"
    jq "$filter" "$work/kept" >"$file"
    if cmp -s <(jq . "$work/kept") "$file"; then fail "the change $filter changes nothing"; fi
    "$@"
    cp "$work/kept" "$file"
}

# Which packages of the system have become others, in one line.
changed() { # SYSTEM
    recorded "$1" | jq -r --slurpfile before "$work/recorded-$1" '
        [to_entries[] | select(.value.drvPath != $before[0][.key].drvPath) | .key] | sort | join(" ")'
}
# lab embeds pins.json, and what has lab in it follows.
with_lab="default embedded-interactive lab lab-image lab-probe lab-static"
changes() { # SYSTEM PACKAGES
    local found expected
    found=$(changed "$1")
    # shellcheck disable=SC2086 # words
    expected=$(printf '%s\n' $2 $with_lab | LC_ALL=C sort | paste -sd ' ')
    [[ $found == "$expected" ]] || fail "of $1, $found changed, and not: $expected"
    compare_with_pins "$1" || fail "packages.$1 differ from the changed pins.json"
    # The recording of before is what the next change is compared with.
    cp "$work/unchanged-$1" "$work/recorded-$1"
    echo "$1: $found"
}
for system in "${systems[@]}"; do cp "$work/recorded-$system" "$work/unchanged-$system"; done

other_hash=sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
other_sha256=$(printf '0%.0s' {1..64})
part "another version"
with_change manifests/pins.json '.tools.kind.version = "0.17.9"' changes x86_64-linux kind
with_change manifests/pins.json '.tools["cilium-cli"].version = "0.12.99"' changes aarch64-linux cilium-cli
part "another hash"
with_change manifests/pins.json ".tools.helm[\"linux-amd64\"].sha256 = \"$other_sha256\"" changes x86_64-linux helm
with_change manifests/pins.json ".tools.helm[\"linux-amd64\"].sha256 = \"$other_sha256\"" changes aarch64-linux ""
with_change manifests/pins.json ".chart.sha256 = \"$other_sha256\"" changes x86_64-linux chart
with_change manifests/pins.json ".images[\"hello-app\"].source.hash = \"$other_hash\"" changes aarch64-linux hello-app
with_change manifests/pins.json ".tools.kubectl[\"linux-arm64\"].sha256 = \"$other_sha256\"" changes aarch64-linux kubectl
part "a hash that is not known"
# The tool is not there, and the shell says so.
the_shell_lacks_kubectl() {
    local hook
    recorded aarch64-linux | jq -e 'has("kubectl") | not' >/dev/null || fail "a kubectl without a hash is there"
    hook=$(bash -c "$(evaluates "path:$flake#devShells.aarch64-linux.default.recorded.arguments.shellHook" | jq -r .)" 2>&1)
    [[ $hook == *"kubectl is not here"* ]] || fail "the shell does not say that it has no kubectl: $hook"
}
with_change manifests/pins.json 'del(.tools.kubectl["linux-arm64"])' the_shell_lacks_kubectl
part "a hash that was not known"
with_change manifests/pins.json ".images.cilium.archive[\"linux-arm64\"] = \"$other_hash\"" changes aarch64-linux image-cilium
with_change manifests/pins.json ".images.cilium.archive[\"linux-arm64\"] = \"$other_hash\"" changes x86_64-linux ""

# `lab` with other manifests is `lab` built with them.
if [[ -x ${LAB-} ]]; then
    part "the runner reads the same file"
    runner_has_changed() {
        quietly "$LAB" run --on netns --manifests "$flake/manifests" --runs-dir "$work/runs" --exact l2::peers_are_adjacent
        jq -e '.pins.tools.kind.version == "0.17.9"' "$work"/runs/*/run.json >/dev/null ||
            fail "the run's record does not have the changed version"
    }
    with_change manifests/pins.json '.tools.kind.version = "0.17.9"' runner_has_changed
    refused_by_runner() {
        if "$LAB" run --on netns --manifests "$flake/manifests" --runs-dir "$work/runs" >"$work/output" 2>&1; then
            fail "lab takes pins.json after $1"
        fi
        grep -F "pins.json" "$work/output" || fail "lab does not name pins.json: $(cat "$work/output")"
    }
    with_change manifests/pins.json '.nixpkgs.rev = "0"' refused_by_runner "a short nixpkgs.rev"
    with_change manifests/pins.json '.images.cilium.archive["linux-s390x"] = ""' refused_by_runner "an unknown platform"
else
    not_run_here "flake: LAB does not name a built lab, so that it reads the same pins.json was not tried"
fi

part "pins, lock and flake.nix must agree"
refused() { # WHAT IT SAYS
    if evaluates "path:$flake#packages.x86_64-linux.lab.name" >"$work/output" 2>&1; then
        fail "evaluates although it should say: $1"
    fi
    grep -F "$1" "$work/output" || fail "does not say '$1': $(cat "$work/output")"
}
forty=$(printf 'a%.0s' {1..40})
with_change manifests/pins.json ".nixpkgs.rev = \"$forty\"" refused "flake.lock: locked is"
with_change manifests/pins.json ".nixpkgs.narHash = \"$other_hash\"" refused "flake.lock: locked is"
with_change manifests/pins.json '.nixpkgs.release = "nixos-99.05"' refused "flake.nix: inputs.nixpkgs.url is"
with_change flake.lock ".nodes.nixpkgs.locked.rev = \"$forty\"" refused "flake.lock: locked is"
with_change flake.lock ".nodes.nixpkgs.locked.narHash = \"$other_hash\"" refused "flake.lock: locked is"
with_change flake.lock '.nodes.nixpkgs.locked.lastModified += 1' refused "flake.lock: locked is"
with_change flake.lock '.nodes.nixpkgs.original.ref = "nixos-99.05"' refused "flake.lock: original is"
release=$(jq -r .nixpkgs.release "$pins")
cp "$flake/flake.nix" "$work/kept"
sed -i "s|/$release\"|/nixos-99.05\"|" "$flake/flake.nix"
refused "flake.nix: inputs.nixpkgs.url is"
if in_nix flake metadata --no-update-lock-file "path:$flake" >/dev/null 2>&1; then
    fail "nix takes a flake.lock that is not flake.nix's"
fi
cp "$work/kept" "$flake/flake.nix"
compare_with_pins x86_64-linux || fail "the copy is not as it was"
