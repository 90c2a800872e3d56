{
  description = "The functions of nixpkgs that this flake calls, as recorders: what they are given can be read, nothing can be built";

  outputs =
    { self }:
    {
      lib = import ./lib.nix;
      legacyPackages = self.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./packages.nix { inherit system; }
      );
    };
}
