# shellcheck shell=bash
# shellcheck disable=SC2154 # set in ci/flake-test
# The scripts in the flake: prefetch, the VM tests, the workflow. Part of ci/flake-test.

part "prefetch, with programs that pretend to fetch"
mkdir "$work/pretend"
cat >"$work/pretend/nix-prefetch-docker" <<'PRETEND'
#!/usr/bin/env bash
[[ "$*" == *"--image-digest sha256:"* && "$*" == *"--final-image-tag "* && "$*" == *"--arch a"* ]] || exit 1
echo '{"hash": "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="}'
PRETEND
cat >"$work/pretend/nix" <<'PRETEND'
#!/usr/bin/env bash
[[ "$*" == *" store prefetch-file --json https://"*arm64* ]] && exec echo '{"hash": "sha256-x"}'
[[ "$*" == *" hash to-base16 sha256-x" ]] && exec printf '1%.0s' {1..64}
exit 1
PRETEND
chmod +x "$work/pretend/nix-prefetch-docker" "$work/pretend/nix"
cp "$pins" "$work/kept"
# The releases are all known, so that some are forgotten first.
jq 'del(.tools[]["linux-arm64"])' "$work/kept" >"$pins"
quietly env PATH="$work/pretend:$PATH" bash "$flake/nix/prefetch.bash" "$pins"
cat "$work/output"
jq -e 'all(.images[] | select(.digest); .archive | keys == ["linux-amd64", "linux-arm64"])
    and all(.tools.kind, .tools.kubectl, .tools.helm; .["linux-arm64"].url | contains("arm64") and (contains("amd64") | not))' \
    "$pins" >/dev/null || fail "prefetch has not filled everything in"
jq -e --slurpfile before "$work/kept" 'delpaths([paths | select(.[-1] == "archive" or .[-1] == "linux-arm64")])
    == ($before[0] | delpaths([paths | select(.[-1] == "archive" or .[-1] == "linux-arm64")]))' "$pins" >/dev/null ||
    fail "prefetch has changed what was there"
for system in "${systems[@]}"; do
    compare_with_pins "$system" || fail "packages.$system differ from what prefetch wrote"
    jq -e 'has("image-node") and has("image-cilium") and has("image-operator-generic") and has("kubectl")' \
        "$work/recorded-$system" >/dev/null || fail "packages.$system has not what prefetch wrote"
done
if [[ -x ${LAB-} ]]; then quietly "$LAB" up --on netns --dry-run --manifests "$flake/manifests"; fi
cp "$pins" "$work/filled"

part "with these hashes there are a kit and the VM test of the lab on kind"
outputs_are_as_expected
jq -e '[.checks, .packages] | map(map_values(keys))
    | all(.[0][]; index("kind-offline")) and all(.[1][]; index("kit") and index("kind-offline-interactive"))' \
    "$work/shown" >/dev/null || fail "neither the kit nor the VM test is switched on by the hashes"
for system in "${systems[@]}"; do
    evaluates "path:$flake#checks.$system.kind-offline.recorded" >"$work/vm"
    jq -er -f ci/flake.d/machine.jq "$work/vm" || fail "the machine of kind-offline is not as a lab needs it"
    # And each of that can fail.
    for change in 'del(.virtualisation.memorySize)' '.virtualisation.qemu.networkingOptions? = []' '.networking.firewall.enable? = true' \
        'del(.boot.kernelPackages)' '.boot.kernel.sysctl["net.ipv4.conf.all.rp_filter"]? = 2' 'del(.virtualisation.docker)' \
        'del(.environment.etc)'; do
        jq ".arguments.nodes.machine |= map($change)" "$work/vm" >"$work/vm-changed"
        if jq -er -f ci/flake.d/machine.jq "$work/vm-changed" >/dev/null 2>&1; then fail "$change is not noticed"; fi
    done
done
# One hash that is not known, and there is neither.
one_unknown() {
    outputs_are_as_expected >/dev/null
    jq -e '.checks["aarch64-linux"] | has("kind-offline") | not' "$work/shown" >/dev/null ||
        fail "kind-offline is there without all hashes"
}
with_change manifests/pins.json 'del(.images.node.archive["linux-arm64"])' one_unknown
quietly env PATH="$work/pretend:$PATH" bash "$flake/nix/prefetch.bash" "$pins"
cmp "$pins" "$work/filled" || fail "a second prefetch changes something"
cp "$work/kept" "$pins"

# shellcheck source=ci/flake.d/kit.bash
source "$root/ci/flake.d/kit.bash"

part "the VM tests' Python"
scripts=()
for script in "$flake"/nix/vm/*.py; do
    # As the test driver has it: its names are there before the script begins.
    typed=$(basename "$script")
    typed=$work/typed_${typed//-/_}
    { echo "from driver import machine, subtest" && cat "$script"; } >"$typed"
    scripts+=("$typed")
    quietly python3 -m py_compile "$script"
done
if command -v mypy >/dev/null; then
    quietly env MYPYPATH="$root/ci/flake.d" mypy --strict --allow-redefinition --cache-dir "$work/mypy" "${scripts[@]}"
    cat "$work/output"
    # And it can fail.
    echo 'machine.succeed(1)' >>"${scripts[0]}"
    if MYPYPATH="$root/ci/flake.d" mypy --strict --cache-dir "$work/mypy" "${scripts[0]}" >/dev/null; then
        fail "mypy takes a script with a wrong type"
    fi
else
    [[ ${CI-} == true ]] && fail "mypy is not installed (Debian has it in mypy)"
    not_run_here "flake: mypy is not installed, so the VM tests' types were not checked"
fi
part "the workflow"
if python3 -c 'import yaml' 2>/dev/null; then
    python3 ci/flake.d/workflow.py "$root"/.github/workflows/*.yml
    # And it can fail.
    refused_workflow() { # SED-SCRIPT WHAT IT SAYS [FILE]
        local file=${3-ci.yml}
        sed -E "$1" "$root/.github/workflows/$file" >"$work/$file"
        if python3 ci/flake.d/workflow.py "$work/$file" >"$work/output" 2>&1; then fail "a workflow after $1 is taken"; fi
        grep -Fq -- "$2" "$work/output" || fail "of a workflow after $1 it is not said '$2': $(cat "$work/output")"
    }
    refused_workflow 's/@[0-9a-f]{40} # (v6.*)/@\1/' "not pinned by commit: actions/checkout@v6"
    refused_workflow 's/contents: read/contents: write/' "more permissions than contents: read"
    refused_workflow 's/^  lab:/  lab:\n    permissions: write-all/' "more permissions than contents: read"
    refused_workflow '/enable_kvm/d' "KVM is not switched on"
    refused_workflow 's/nix flake check/nix flake show/' "nix flake check is not run"
    refused_workflow 's/lab run --on kind/lab doctor --on kind/' "lab run --on kind is not run"
    refused_workflow '/timeout-minutes: 45/d' "lab has no timeout-minutes"
    refused_workflow '/report.html/d' "kind does not keep report.html"
    refused_workflow '/ci.summary/d' "lab sums nothing up"
    refused_workflow 's/if: always/if: success/' "kind does not keep report.json"
    refused_workflow '/contents: write/d' "more permissions than contents: read" release.yml
    refused_workflow 's/actions: read/actions: write/' "more permissions than contents: read" release.yml
    refused_workflow 's/tags: .*/branches: [main]/' "something else than a tag starts it" release.yml
    refused_workflow '/sha256sum/d' "sha256sum --check is not run" release.yml
    refused_workflow '/ci.release/d' "ci/release --output dist is not run" release.yml
    refused_workflow 's/, ubuntu-24.04-arm//' "nothing is built on aarch64" release.yml
else
    [[ ${CI-} == true ]] && fail "python3-yaml is not installed"
    not_run_here "flake: python3-yaml is not installed, so the workflow was not looked into"
fi
if command -v actionlint >/dev/null; then
    quietly actionlint "$root"/.github/workflows/*.yml
else
    not_run_here "flake: actionlint is not installed (Debian has none, and PyPI's fetches it from elsewhere): the workflow's expressions were not checked"
fi
# What it says on the run's page: with a report.md, with a report.json alone, with neither, without a run.
runs=$work/summed
mkdir -p "$runs"
sums_up() { # WHAT IT SAYS
    ci/summary "$runs" >"$work/output" || fail "ci/summary failed"
    grep -Fq -- "$1" "$work/output" || fail "ci/summary does not say '$1': $(cat "$work/output")"
}
sums_up "No run was made"
mkdir "$runs/k3f2"
cp "$root/runner/tests/data/kind-run/report.json" "$runs/k3f2/report.json"
sums_up "wire::full_mtu_fits\` | held | "
echo "# a report" >"$runs/k3f2/report.md"
sums_up "# a report"
mkdir "$runs/dead.partial"
sums_up "dead.partial\` left no report"
echo '{' >"$runs/dead.partial/report.json"
sums_up "dead.partial\` left no report"
sums_up "# a report"
echo "summed up: a report.md, a report.json, neither, none"
