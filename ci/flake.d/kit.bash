# shellcheck shell=bash
# shellcheck disable=SC2154 # set in ci/flake-test
# The kit that Nix makes, made here of small images: `lab` takes it, and takes no other. Part of ci/flake-test.

part "a kit of small images"
# An image as `docker save` writes it: kit_image ARCH FILE [PREFIX]
kit_image() {
    local made=$work/image-of layer config
    rm -rf "$made" && mkdir -p "$made/files"
    echo "for $1" >"$made/files/hello"
    tar --create --file "$made/layer.tar" --directory "$made/files" hello
    layer=$(sha256sum "$made/layer.tar" | cut -d ' ' -f 1)
    jq -nc --arg arch "$1" --arg layer "sha256:$layer" \
        '{architecture: $arch, os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$layer]}}' >"$made/config.json"
    config=$(sha256sum "$made/config.json" | cut -d ' ' -f 1).json
    mv "$made/config.json" "$made/$config"
    jq -nc --arg config "$config" '[{Config: $config, RepoTags: ["small:1"], Layers: ["layer.tar"]}]' >"$made/manifest.json"
    tar --create --file "$2" --directory "$made" "${3-}manifest.json" "${3-}$config" "${3-}layer.tar"
    rm -rf "$made"
}
kit_image amd64 "$work/small.tar"
# As Nix packs its own: below ./, and compressed.
kit_image amd64 "$work/nix.tar" ./
gzip --no-name "$work/nix.tar"
kit_image arm64 "$work/arm64.tar"
echo "not the chart" >"$work/chart.tgz"
make_kit() { # ARCH KIT NAME=ARCHIVE...
    bash "$flake/nix/kit.bash" "$pins" "$1" "$work/chart.tgz" "${@:2}"
}
all_images=("node=$work/small.tar" "cilium=$work/small.tar" "operator-generic=$work/small.tar" "hello-app=$work/nix.tar.gz")
not_a_kit() { # WHAT IT SAYS, ARCH KIT NAME=ARCHIVE...
    local says=$1
    shift
    if make_kit "$@" >"$work/output" 2>&1; then fail "makes a kit although it should say: $says"; fi
    grep -F "$says" "$work/output" || fail "does not say '$says': $(cat "$work/output")"
}
not_a_kit "is not the chart that" amd64 "$work/none.tar" "${all_images[@]}"
not_a_kit "is not for linux/arm64" arm64 "$work/none.tar" "${all_images[@]}"
not_a_kit "is not for linux/amd64" amd64 "$work/none.tar" "node=$work/arm64.tar"
not_a_kit "stranger is no image of" amd64 "$work/none.tar" "stranger=$work/small.tar"
not_a_kit "it has no manifest.json" amd64 "$work/none.tar" "node=$work/chart.tgz"
kits_are_made() {
    make_kit amd64 "$work/kit.tar" "${all_images[@]}" || fail "no kit was made"
    make_kit amd64 "$work/kit-again.tar" "${all_images[@]}" || fail "no second kit was made"
    cmp "$work/kit.tar" "$work/kit-again.tar" || fail "two kits of the same images differ"
    make_kit amd64 "$work/incomplete.tar" "${all_images[@]:1}" || fail "no incomplete kit was made"
}
with_change manifests/pins.json ".chart.sha256 = \"$(sha256sum "$work/chart.tgz" | cut -d ' ' -f 1)\"" kits_are_made
if [[ -x ${LAB-} ]]; then
    "$LAB" kit show "$work/kit.tar" >"$work/output" || fail "lab does not take the kit"
    # The chart is the one thing that was not the pinned one.
    if [[ $(grep -c 'not as pinned' "$work/output") != 1 ]] ||
        ! grep "not as pinned: the chart's SHA-256 is" "$work/output"; then
        fail "the kit is not as pinned: $(cat "$work/output")"
    fi
    for kit in incomplete cut; do
        [[ $kit == incomplete ]] || head -c 3000 "$work/kit.tar" >"$work/cut.tar"
        status=0
        "$LAB" kit show "$work/$kit.tar" >"$work/output" 2>&1 || status=$?
        ((status == 3)) || fail "lab takes a kit that is $kit: exit code $status"
    done
else
    not_run_here "flake: LAB does not name a built lab, so the kit was not read by it"
fi
