# `nix run .#prefetch`: computes what nobody has published, on a machine with a network, and writes it to pins.json:
# for both architectures the hashes of the images' archives and of the tools' releases that are missing there.
# What is there already is left as it is.
# shellcheck shell=bash
set -euo pipefail

pins=${1-manifests/pins.json}
if [[ ! -w $pins ]]; then
    echo "prefetch: $pins cannot be written; run this in a clone, or name the file" >&2
    exit 2
fi

put() { # PATH VALUE: both as JSON
    local changed
    changed=$(mktemp "$pins.XXXXXX")
    jq --argjson path "$1" --argjson value "$2" 'setpath($path; $value)' "$pins" >"$changed"
    chmod --reference="$pins" "$changed"
    mv "$changed" "$pins"
    echo "$1 = $2"
}

for arch in amd64 arm64; do
    while IFS=$'\t' read -r name repository tag digest; do
        hash=$(nix-prefetch-docker --json --quiet --os linux --arch "$arch" --image-name "$repository" \
            --image-digest "$digest" --final-image-name "$repository" --final-image-tag "$tag" | jq -er .hash)
        put "$(jq -nc '["images", $ARGS.positional[0], "archive", "linux-" + $ARGS.positional[1]]' --args "$name" "$arch")" \
            "$(jq -nc '$ARGS.positional[0]' --args "$hash")"
    done < <(jq -r --arg key "linux-$arch" '.images | to_entries[]
        | select(.value.digest and (.value.archive[$key] | not))
        | [.key, .value.repository, .value.tag, .value.digest] | @tsv' "$pins")

    # Only tools of which a release for the other architecture is pinned: the address is the same but for its name.
    while IFS=$'\t' read -r name url; do
        hash=$(nix --extra-experimental-features nix-command store prefetch-file --json "$url" | jq -er .hash)
        sha256=$(nix --extra-experimental-features nix-command hash to-base16 "$hash")
        put "$(jq -nc '["tools", $ARGS.positional[0], "linux-" + $ARGS.positional[1]]' --args "$name" "$arch")" \
            "$(jq -nc '{url: $ARGS.positional[0], sha256: $ARGS.positional[1]}' --args "$url" "$sha256")"
    done < <(jq -r --arg arch "$arch" '.tools | to_entries[]
        | select(.value["linux-amd64"] and (.value["linux-" + $arch] | not))
        | [.key, (.value["linux-amd64"].url | gsub("amd64"; $arch))] | @tsv' "$pins")
done
