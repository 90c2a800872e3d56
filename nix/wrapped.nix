# `lab` as it is run: the pinned tools, and what its reports tell the reader to run by hand in `lab shell`. It finds
# these and nothing of the host's, so a run is the same on every machine. Cilium's chart is at hand too.
{
  pkgs,
  rust,
  tools,
  chart,
  hello-app,
  bird-image,
}:
let
  inherit (pkgs) lib;
  by-hand = [
    pkgs.bashInteractive
    # For `--topology racks`.
    pkgs.bird2
    pkgs.coreutils
    pkgs.curl
    pkgs.iproute2
    pkgs.iputils
    pkgs.nftables
    pkgs.tcpdump
  ];
in
pkgs.symlinkJoin {
  name = "lab-with-tools";
  paths = [ rust.lab ];
  nativeBuildInputs = [ pkgs.makeWrapper ];
  postBuild = ''
    wrapProgram $out/bin/lab --set PATH ${lib.makeBinPath (lib.attrValues tools ++ by-hand)} \
      --set-default LAB_CHART ${chart} --set-default LAB_HELLO_APP ${hello-app} \
      --set-default LAB_BIRD ${bird-image}
  '';
  meta.mainProgram = "lab";
}
