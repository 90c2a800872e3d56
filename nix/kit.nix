# A kit, as `lab kit pack` writes it, from the images that Nix has pulled: all that a lab on kind needs, in one file. It
# is there once the hashes of all its images are known for this system; until then there is none, and nothing fails.
{
  pkgs,
  pins,
  arch,
  images,
}:
let
  inherit (pkgs) lib;
  known = lib.filterAttrs (_name: archive: archive != null) {
    node = images.image-node or null;
    cilium = images.image-cilium or null;
    operator-generic = images.image-operator-generic or null;
    inherit (images) hello-app;
  };
  whole = lib.attrNames known == lib.attrNames pins.images;
in
if !whole then
  null
else
  pkgs.runCommand "lab-kit-${pins.chart.version}.tar"
    {
      nativeBuildInputs = [
        pkgs.jq
        pkgs.zstd
      ];
    }
    ''
      bash ${./kit.bash} ${../manifests/pins.json} ${arch} ${images.chart} $out \
        ${lib.concatStringsSep " " (map (name: "${name}=${known.${name}}") (lib.attrNames known))}
    ''
