# Each function returns a derivation that cannot be built and that has, as `recorded`, its name and its arguments.
{ system }:
let
  lib = import ./lib.nix;

  # As JSON can hold it. A package that was recorded is what was recorded of it.
  plain =
    value:
    if builtins.isFunction value then
      "a function"
    else if builtins.isList value then
      map plain value
    else if builtins.isAttrs value then
      if value ? recorded then
        value.recorded
      else if value ? outPath then
        value.outPath
      else
        builtins.mapAttrs (_name: plain) value
    else if builtins.isPath value then
      baseNameOf value
    else
      value;

  record =
    function: name: arguments:
    derivation {
      inherit system;
      name = builtins.unsafeDiscardStringContext name;
      builder = "/nothing-is-built-from-the-stand-in";
      args = [ (builtins.toJSON (plain arguments)) ];
    }
    // {
      meta = arguments.meta or { };
      version = arguments.version or null;
      recorded = {
        inherit function;
        arguments = plain arguments;
      };
    };
  named = arguments: arguments.name or "${arguments.pname}-${arguments.version}";
  recorder = function: arguments: record function (named arguments) arguments;
  # Functions that take exactly these, as nixpkgs' do: another one is an error there too.
  fetchurl = { url, sha256 }@arguments: record "fetchurl" (baseNameOf url) arguments;
  fetchFromGitHub =
    {
      owner,
      repo,
      rev,
      hash,
    }@arguments:
    record "fetchFromGitHub" "source" arguments;
  runCommand =
    name: arguments: script:
    record "runCommand" name (arguments // { inherit script; });
  buildRustPackage =
    platform: arguments:
    if builtins.pathExists arguments.cargoLock.lockFile then
      recorder "${platform}rustPlatform.buildRustPackage" arguments
    else
      throw "there is no ${toString arguments.cargoLock.lockFile}";

  # Modules are read as NixOS reads them, but not merged: the test's machine is a list of settings.
  settings =
    module:
    let
      read = if builtins.isPath module then import module else module;
      called =
        if builtins.isFunction read then
          read {
            inherit lib;
            pkgs = packages;
            config = { };
          }
        else
          read;
    in
    builtins.concatMap settings (called.imports or [ ]) ++ [ (removeAttrs called [ "imports" ]) ];
  runNixOSTest =
    {
      name,
      nodes,
      testScript,
    }:
    let
      arguments = {
        inherit name testScript;
        nodes = builtins.mapAttrs (_name: settings) nodes;
      };
    in
    record "testers.runNixOSTest" name arguments
    // {
      driverInteractive = record "driverInteractive" "${name}-driver" arguments;
    };

  named-only =
    lib.genAttrs
      [
        "actionlint"
        "bashInteractive"
        "cargo"
        "cargo-deny"
        "cargo-nextest"
        "clippy"
        "coreutils"
        "curl"
        "docker-client"
        "go"
        "iproute2"
        "iputils"
        "jq"
        "libxml2"
        "linuxPackages_6_12"
        "makeWrapper"
        "mypy"
        "nftables"
        "nix"
        "nix-prefetch-docker"
        "rustc"
        "rustfmt"
        "shellcheck"
        "tcpdump"
        "util-linux"
        "zstd"
      ]
      (name: record "package" name { inherit name; });

  packages = named-only // {
    inherit
      lib
      fetchurl
      fetchFromGitHub
      runCommand
      ;
    stdenv.hostPlatform.system = system;
    glibc.static = record "package" "glibc-static" { name = "glibc-static"; };
    buildGoModule = recorder "buildGoModule";
    rustPlatform.buildRustPackage = buildRustPackage "";
    pkgsStatic.rustPlatform.buildRustPackage = buildRustPackage "pkgsStatic.";
    symlinkJoin = recorder "symlinkJoin";
    mkShell = arguments: record "mkShell" "shell" arguments;
    writeShellApplication =
      { name, ... }@arguments:
      record "writeShellApplication" name (arguments // { meta.mainProgram = name; });
    testers.runNixOSTest = runNixOSTest;
    dockerTools = {
      buildImage = { name, tag, ... }@arguments: record "dockerTools.buildImage" "${name}.tar.gz" arguments;
      pullImage =
        {
          imageName,
          imageDigest,
          hash,
          os,
          arch,
          finalImageName,
          finalImageTag,
        }@arguments:
        record "dockerTools.pullImage" "image.tar" arguments;
    };
  };
in
packages
