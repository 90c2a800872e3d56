# The parts of the flake for one system, each in a file of its own.
{ pkgs }:
let
  pins = import ./pins.nix;
  arch = import ./arch.nix pkgs.stdenv.hostPlatform.system;
  source = import ./source.nix { inherit (pkgs) lib; };
  rust = import ./rust.nix { inherit pkgs source; };
  tools = import ./tools.nix { inherit pkgs pins arch; };
  images = import ./images.nix {
    inherit
      pkgs
      pins
      arch
      rust
      ;
  };
  wrapped = import ./wrapped.nix {
    inherit pkgs rust tools;
    inherit (images) chart hello-app bird-image;
  };
  kit = import ./kit.nix {
    inherit
      pkgs
      pins
      arch
      images
      ;
  };
  checks = import ./checks.nix {
    inherit
      pkgs
      rust
      source
      wrapped
      kit
      ;
  };
  packages =
    tools
    // images
    // {
      inherit (rust) lab lab-static lab-probe;
      default = wrapped;
      # `./result/bin/nixos-test-driver`: the VM of the check, to be looked at by hand.
      embedded-interactive = checks.embedded.driverInteractive;
    }
    // pkgs.lib.optionalAttrs (kit != null) {
      inherit kit;
      kind-offline-interactive = checks.kind-offline.driverInteractive;
    };
in
{
  inherit packages checks;
  devShells.default = import ./shell.nix {
    inherit pkgs pins tools;
    inherit (images) chart hello-app bird-image;
  };
  apps = import ./apps.nix { inherit pkgs wrapped; };
  # `nix fmt`, of all Nix files.
  formatter = pkgs.nixfmt-tree;
}
