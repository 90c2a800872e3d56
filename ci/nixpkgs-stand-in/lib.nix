# Of nixpkgs' lib what the flake uses, with the same meaning.
rec {
  inherit (builtins)
    attrNames
    attrValues
    filter
    concatStringsSep
    ;
  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: value: builtins.listToAttrs (map (name: nameValuePair name (value name)) names);
  mapAttrs' = pair: set: builtins.listToAttrs (map (name: pair name set.${name}) (attrNames set));
  filterAttrs =
    keep: set: genAttrs (filter (name: keep name set.${name}) (attrNames set)) (name: set.${name});
  optionalAttrs = holds: set: if holds then set else { };
  getExe = package: "${package}/bin/${package.meta.mainProgram}";
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);
  mkForce = content: content;
  concatMapStringsSep =
    separator: text: list:
    concatStringsSep separator (map text list);
  fileset = {
    # As in nixpkgs, a path that is not there is an error.
    unions = builtins.concatMap (
      path:
      if builtins.isList path then
        path
      else if builtins.pathExists path then
        [ (toString path) ]
      else
        throw "lib.fileset.unions: ${toString path} does not exist"
    );
    # The files below this folder that are to be kept.
    fileFilter =
      keep: folder:
      builtins.concatMap (
        name:
        if (builtins.readDir folder).${name} == "directory" then
          fileset.fileFilter keep (folder + "/${name}")
        else if keep { inherit name; } then
          [ (toString (folder + "/${name}")) ]
        else
          [ ]
      ) (attrNames (builtins.readDir folder));
    toSource =
      { root, fileset }:
      builtins.path {
        name = "source";
        path = root;
        filter =
          path: _type:
          builtins.any (one: path == one || starts "${one}/" path || starts "${path}/" one) fileset;
      };
  };
  starts = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
}
