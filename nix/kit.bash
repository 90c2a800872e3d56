# Makes a kit (docs/kit.md) from archives of images: kit.bash PINS ARCH CHART KIT NAME=ARCHIVE...
# Each archive must be what was pulled by the digest that PINS has for NAME: that digest is noted down as the image's.
# The same input makes the same file.
# shellcheck shell=bash
set -euo pipefail

pins=$1 arch=$2 chart=$3 kit=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/kit/images" "$work/kit/chart"
members=()

sha256_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# About a member, as JSON.
member() { # PATH STORED CONTENT-BYTES
    members+=("$1")
    jq -n --arg path "$1" --arg stored "$2" --argjson content "$3" --arg sha256 "$(sha256_of "$work/kit/$1")" \
        --argjson bytes "$(stat --format=%s "$work/kit/$1")" \
        '{$path, $bytes, $sha256, $stored, content_bytes: $content}' >"$work/member"
}

: >"$work/images"
for given in "$@"; do
    name=${given%%=*} archive=${given#*=} plain=$work/plain.tar
    jq -e --arg name "$name" '.images | has($name)' "$pins" >/dev/null || {
        echo "kit: $name is no image of $pins" >&2
        exit 1
    }
    if gzip --test "$archive" 2>/dev/null; then gzip --decompress --stdout "$archive"; else cat "$archive"; fi >"$plain"
    # Docker's layout (image specification v1.2); what names the image is the digest of its configuration.
    manifest=$(tar --list --file "$plain" | grep -xE '(\./)?manifest\.json') || {
        echo "kit: $archive is no image as \`docker save\` writes it: it has no manifest.json" >&2
        exit 1
    }
    config=$(tar --extract --to-stdout --file "$plain" "$manifest" | jq -er 'if length == 1 then .[0].Config else null end')
    tar --extract --to-stdout --file "$plain" "${manifest%manifest.json}$config" >"$work/config"
    jq -e --arg arch "$arch" '.os == "linux" and .architecture == $arch' "$work/config" >/dev/null || {
        echo "kit: $archive is not for linux/$arch" >&2
        exit 1
    }
    zstd --quiet -3 --single-thread "$plain" -o "$work/kit/images/$name.tar.zst"
    member "images/$name.tar.zst" zstd "$(stat --format=%s "$plain")"
    jq --arg name "$name" --arg config "sha256:$(sha256_of "$work/config")" --slurpfile file "$work/member" '
        .images[$name] | {$name, reference: "\(.repository):\(.tag)", repo_digest: .digest, config_digest: $config,
            layout: "docker", file: $file[0]} | del(.. | nulls)' "$pins" >>"$work/images"
    rm "$plain"
done

version=$(jq -r .chart.version "$pins")
cp "$chart" "$work/kit/chart/cilium-$version.tgz"
[[ $(sha256_of "$chart") == $(jq -r .chart.sha256 "$pins") ]] || {
    echo "kit: $chart is not the chart that $pins names" >&2
    exit 1
}
member "chart/cilium-$version.tgz" plain "$(stat --format=%s "$chart")"
jq -n --slurpfile images "$work/images" --slurpfile file "$work/member" --arg arch "$arch" --slurpfile pins "$pins" '
    {schema: 1, packed_by: "lab, with Nix", packed: "1970-01-01T00:00:00Z", platform: {os: "linux", architecture: $arch},
     kubernetes: $pins[0].kubernetes.version, $images,
     chart: {name: "cilium", version: $pins[0].chart.version, file: $file[0]}}' >"$work/kit/kit.json"
tar --create --format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 --mtime=@0 --file "$kit" \
    --directory "$work/kit" "${members[@]}" kit.json
