# manifests/pins.json, which the runner reads too. Where the flake's input, its lock and the pins disagree, there is
# no value: every output of the flake fails with what differs.
let
  pins = builtins.fromJSON (builtins.readFile ../manifests/pins.json);
  lock = builtins.fromJSON (builtins.readFile ../flake.lock);
  input = (import ../flake.nix).inputs.nixpkgs.url;
  node = lock.nodes.nixpkgs;
  same = what: expected: found: {
    holds = expected == found;
    says = "${what} is ${builtins.toJSON found}, and by manifests/pins.json it is to be ${builtins.toJSON expected}";
  };
  github = {
    owner = "NixOS";
    repo = "nixpkgs";
    type = "github";
  };
  comparisons = [
    (same "flake.nix: inputs.nixpkgs.url" "github:NixOS/nixpkgs/${pins.nixpkgs.release}" input)
    (same "flake.lock: original" (github // { ref = pins.nixpkgs.release; }) node.original)
    (same "flake.lock: locked" (
      github // { inherit (pins.nixpkgs) rev narHash lastModified; }
    ) node.locked)
    (same "flake.lock: inputs of the root" { nixpkgs = "nixpkgs"; } lock.nodes.root.inputs)
    (same "flake.lock: version" 7 lock.version)
  ];
  disagreements = builtins.filter (comparison: !comparison.holds) comparisons;
in
if disagreements == [ ] then
  pins
else
  throw (builtins.concatStringsSep "\n" (map (comparison: comparison.says) disagreements))
