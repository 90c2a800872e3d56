# The programs that the article uses, at its versions. A release is taken by its hash where pins.json has one, else it
# is built from source; a tool of which neither is known for this system is left out (`nix run .#prefetch` fills it in).
{
  pkgs,
  pins,
  arch,
}:
let
  inherit (pkgs) lib;
  download = tool: tool."linux-${arch}" or null;
  fetched =
    tool:
    pkgs.fetchurl {
      inherit (download tool) url sha256;
    };
  sourceOf =
    tool:
    pkgs.fetchFromGitHub {
      inherit (tool.source)
        owner
        repo
        rev
        hash
        ;
    };

  # The release is the program itself.
  plain =
    name: tool:
    pkgs.runCommand "${name}-${tool.version}"
      {
        src = fetched tool;
        meta.mainProgram = name;
      }
      ''
        install -D -m 755 $src $out/bin/${name}
      '';
  # The release is an archive with the program in a folder.
  archived =
    name: tool:
    pkgs.runCommand "${name}-${tool.version}"
      {
        src = fetched tool;
        meta.mainProgram = name;
      }
      ''
        tar -xzf $src linux-${arch}/${name}
        install -D -m 755 linux-${arch}/${name} $out/bin/${name}
      '';
  built =
    name: tool: more:
    pkgs.buildGoModule (
      {
        pname = name;
        inherit (tool) version;
        src = sourceOf tool;
        # Absent where the tree holds its modules.
        vendorHash = tool.source.vendorHash or null;
        env.CGO_ENABLED = 0;
        doCheck = false;
      }
      // more
    );
  known = lib.filterAttrs (_name: package: package != null);
  inherit (pins.tools) kind kubectl helm;
  cilium = pins.tools.cilium-cli;
in
known {
  kind = if download kind != null then plain "kind" kind else null;
  kubectl = if download kubectl != null then plain "kubectl" kubectl else null;
  helm = if download helm != null then archived "helm" helm else null;
  cilium-cli = built "cilium-cli" cilium {
    subPackages = [ "cmd/cilium" ];
    ldflags = [
      "-s"
      "-w"
      "-X github.com/cilium/cilium-cli/internal/cli/cmd.Version=v${cilium.version}"
    ];
    meta.mainProgram = "cilium";
  };
  # Client and Engine negotiate their API, so the client is the one of nixpkgs.
  inherit (pkgs) docker-client;
}
