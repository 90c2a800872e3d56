# From pins.json, what the packages of the system of $arch are to be fetched by. The other half of the comparison is
# found.jq; neither knows how nix/ does it.
. as $pins
| ["kind", "kubectl", "helm"] as $released
| {
    fetchurl: ([$released[] | $pins.tools[.]["linux-" + $arch] // empty | {url, sha256}]
        + [$pins.chart | {url, sha256}] | unique),
    fetchFromGitHub: ([
        $pins.images["hello-app"].source,
        $pins.tools["cilium-cli"].source
      ] | map({owner, repo, rev, hash}) | unique),
    buildGoModule: ([
        $pins.tools["cilium-cli"]
      ] | map({version, vendorHash: .source.vendorHash}) | unique),
    pullImage: ([$pins.images[] | select(.archive["linux-" + $arch]?)
        | {imageName: .repository, imageDigest: .digest, finalImageName: .repository, finalImageTag: .tag,
           os: "linux", arch: $arch, hash: .archive["linux-" + $arch]}] | unique),
    buildImage: ([$pins.images["hello-app"] | {name: .repository, tag}] + [{name: "lab", tag: $version}, {name: "lab-bird", tag: "2"}] | unique),
    names: ([$pins.tools | to_entries[]
        | select(.value["linux-" + $arch] or .value.source) | "\(.key)-\(.value.version)"] | sort)
  }
