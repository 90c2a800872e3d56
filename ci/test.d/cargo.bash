# shellcheck shell=bash
# shellcheck disable=SC2154 # root, scratch, step and not_run are set in ci/test
# What cargo and other programs say of the sources. Part of ci/test.

# Of Rust, and of Nix.
step_format() {
    cargo fmt --all --check
    if ! command -v nixfmt >/dev/null; then
        missing "nixfmt is not installed (\`cargo install --locked nixfmt_rs\`, which writes what NixOS/nixfmt does)"
    fi
    git ls-files -z --cached --others --exclude-standard '*.nix' | xargs -0 nixfmt --check
}

step_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

step_docs() { RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked; }

step_dependencies() {
    needs_cargo deny
    cargo deny --locked --config ci/deny.toml check bans licenses sources
}

# The database of advisories is a git repository on github.com. A copy of an earlier run is not enough: it would
# not know what has been found since.
step_advisories() {
    needs_cargo deny
    if ! timeout 120 cargo deny --locked --config ci/deny.toml fetch db; then
        not_run_here "advisories: the RustSec database cannot be fetched, so known vulnerabilities were not looked for"
        exit "$not_run"
    fi
    cargo deny --locked --config ci/deny.toml check advisories
}

step_shell_scripts() {
    needs shellcheck shellcheck
    local scripts=() file line
    while IFS= read -r -d '' file; do
        [[ -f $file ]] || continue
        IFS= read -r line <"$file" 2>/dev/null || true
        if [[ $line =~ ^'#!'.*[/\ ](ba|da)?sh($|\ ) || $file == *.sh || $file == *.bash ]]; then scripts+=("$file"); fi
    done < <(git ls-files -z --cached --others --exclude-standard)
    ((${#scripts[@]} >= 2)) || fail "found ${#scripts[@]} shell scripts; this is one, and .ci/run another"
    printf '%s\n' "${scripts[@]}"
    shellcheck --external-sources "${scripts[@]}"
}

# What can be known of the flake where nixpkgs cannot be had.
step_flake() {
    needs nix nix-bin
    needs python3 python3
    local lab status=0
    find_lab
    LAB=$lab ci/flake-test | tee "$scratch/flake" || status=$?
    sed -n '/^not run here: /p' "$scratch/flake" >>"$scratch/not-run-here"
    return "$status"
}

# What of the flake can be built with this machine's own programs in the place of nixpkgs.
step_flake_build() {
    needs nix nix-bin
    if ! is_root; then
        not_run_here "flake-build: only root can build in Nix's sandbox without a daemon"
        exit "$not_run"
    fi
    # The checks clippy and docs are built by `ci/flake-build` alone: what they run, the steps of these names have run.
    ci/flake-build packages.{lab,default,chart} checks.{format,nix-format,case-list,unit-tests}
}

# The script of the flake's VM test on one of several other kernels than this machine's, another one with each commit;
# `ci/vm-test` takes as many as it is given.
step_vm() {
    needs qemu-system-x86_64 qemu-system-x86
    needs busybox busybox-static
    needs cpio cpio
    needs depmod kmod
    if [[ $(uname -m) != x86_64 ]]; then
        not_run_here "$step: its kernels are for x86_64"
        exit "$not_run"
    fi
    local lab kernels
    find_lab
    ci/vm.d/fetch-kernels "$scratch/kernels" >"$scratch/kernels-fetched" || missing "no kernels could be fetched"
    mapfile -t kernels <"$scratch/kernels-fetched"
    ci/vm-test --lab "$lab" "${kernels[$(($(git rev-list --count HEAD) % ${#kernels[@]}))]}"
}

# What is to be downloaded, for this machine's processor: built, packed, unpacked, and run from an empty folder.
step_release() {
    local made=$scratch/release away=$scratch/released
    ci/release --output "$made" | tee "$scratch/released-output"
    sed -n 's/^not built here: /not run here: release: /p' "$scratch/released-output" >>"$scratch/not-run-here"
    (cd "$made" && sha256sum --check --strict SHA256SUMS)
    mkdir "$away"
    tar --extract --file "$made"/lab-*-"$(uname -m)"-linux.tar.gz --directory "$away" --strip-components 1
    ends_with 0 env --chdir "$away" XDG_STATE_HOME="$XDG_STATE_HOME" ./lab run --on netns --runs-dir "$away/runs"
}

# What it says without building anything.
step_release_script() {
    ci/release --help >/dev/null
    ci/release --dry-run --output "$scratch/no-release"
    [[ ! -e $scratch/no-release ]] || fail "ci/release --dry-run has made something"
    ends_with 2 ci/release --no-such-option
}

# Of each kind of input, as long as that. The controls panic thousands of times on purpose.
step_fuzz() { RUST_BACKTRACE=0 LAB_FUZZ_SECONDS=3 cargo test --workspace --locked --test fuzz -- --nocapture; }

# Of the mutants of the judges one part of 64, another one with each commit; `ci/mutants` tries all of them.
step_mutants() {
    needs_cargo mutants
    ci/mutants --part "$(($(git rev-list --count HEAD) % 64))/64"
}

step_bench() {
    local lab
    find_lab
    ci/bench --quick --lab "$lab"
}
