{
  description = "Kubernetes and Cilium native routing, step by step, as test cases that can fail";

  # flake.lock and manifests/pins.json have the same release and commit; nix/pins.nix refuses anything else.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      parts = nixpkgs.lib.genAttrs systems (
        system: import ./nix { pkgs = nixpkgs.legacyPackages.${system}; }
      );
      each = name: nixpkgs.lib.genAttrs systems (system: parts.${system}.${name});
    in
    {
      packages = each "packages";
      devShells = each "devShells";
      apps = each "apps";
      checks = each "checks";
      formatter = each "formatter";
    };
}
