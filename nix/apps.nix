# `nix run . -- run`, `nix run .#doctor`, `nix run .#prefetch`.
{ pkgs, wrapped }:
let
  inherit (pkgs) lib;
  app = program: {
    type = "app";
    inherit program;
  };
in
{
  default = app (lib.getExe wrapped);
  doctor = app (
    lib.getExe (
      pkgs.writeShellApplication {
        name = "lab-doctor";
        text = ''exec ${lib.getExe wrapped} doctor "$@"'';
      }
    )
  );
  prefetch = app (
    lib.getExe (
      pkgs.writeShellApplication {
        name = "lab-prefetch";
        runtimeInputs = [
          pkgs.coreutils
          pkgs.jq
          pkgs.nix
          pkgs.nix-prefetch-docker
        ];
        text = builtins.readFile ./prefetch.bash;
      }
    )
  );
}
