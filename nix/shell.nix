# `nix develop`, and with direnv the clone itself: the pinned tools and what this project is worked on with.
{
  pkgs,
  pins,
  tools,
  chart,
  hello-app,
  bird-image,
}:
let
  inherit (pkgs) lib;
  known = lib.filter (name: tools ? ${name}) (lib.attrNames pins.tools);
  unknown = lib.filter (name: !tools ? ${name}) (lib.attrNames pins.tools);
  pinned = lib.concatStringsSep ", " (map (name: "${name} ${pins.tools.${name}.version}") known);
  lacking = lib.concatMapStringsSep "\n" (
    name: ''echo "lab: ${name} is not here: pins.json has no release of it for this system" >&2''
  ) unknown;
in
pkgs.mkShell {
  packages = lib.attrValues tools ++ [
    pkgs.actionlint
    pkgs.cargo
    pkgs.cargo-deny
    pkgs.cargo-nextest
    pkgs.clippy
    pkgs.bird2
    pkgs.curl
    pkgs.iproute2
    pkgs.iputils
    pkgs.jq
    pkgs.libxml2
    pkgs.mypy
    pkgs.nftables
    pkgs.rustc
    pkgs.rustfmt
    pkgs.shellcheck
    pkgs.tcpdump
    pkgs.zstd
  ];
  # Where `lab` finds Cilium's chart.
  LAB_CHART = chart;
  # And the workload's image, where the Engine has none of that name.
  LAB_HELLO_APP = hello-app;
  # And the image of routers between racks.
  LAB_BIRD = bird-image;
  shellHook = ''
    echo "lab: ${pinned}; cilium ${pins.chart.version}; ${pins.nixpkgs.release}" >&2
    ${lacking}
  '';
}
