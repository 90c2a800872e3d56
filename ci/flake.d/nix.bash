# shellcheck shell=bash
# shellcheck disable=SC2154 # work is set by who takes this in
# Nix on a copy of the flake in $work, with ci/nixpkgs-stand-in for nixpkgs. Part of ci/flake-test and ci/flake-build.

# The copy has what git knows or could know, and so what a commit would have.
flake=$work/flake
mkdir -p "$flake" "$work/home" "$work/conf"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    if [[ -e $file ]]; then printf '%s\0' "$file"; fi
done | xargs -0 cp --parents -t "$flake"

# A store of its own, no network, nothing of this machine's settings.
in_nix() {
    env HOME="$work/home" NIX_REMOTE=local NIX_STORE_DIR="$work/nix/store" NIX_STATE_DIR="$work/nix/var" \
        NIX_LOG_DIR="$work/nix/log" NIX_CONF_DIR="$work/conf" \
        nix --extra-experimental-features 'nix-command flakes' --offline --option substituters '' \
        --option build-users-group '' --option flake-registry '' "$@"
}
# shellcheck disable=SC2034 # used by who takes this in
stand_in=(--override-input nixpkgs "path:$flake/ci/nixpkgs-stand-in" --no-write-lock-file)
