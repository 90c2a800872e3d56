# Each function returns a derivation that has, as `recorded`, its name and its arguments. Those that a Debian machine's own
# programs can stand in for can be built (build.nix); what is fetched is a text that says so; the rest cannot be built.
{ system }:
let
  lib = import ./lib.nix;
  build = import ./build.nix { inherit system; };

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

  unbuilt =
    name: arguments:
    derivation {
      inherit system;
      name = builtins.unsafeDiscardStringContext name;
      builder = "/nothing-is-built-from-the-stand-in";
      args = [ (builtins.toJSON (plain arguments)) ];
    };
  record =
    function: name: arguments:
    recordOf (unbuilt name arguments) function name arguments;
  recordOf =
    made: function: name: arguments:
    made
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
  fetchurl = { url, sha256 }@arguments: pretended "fetchurl" (baseNameOf url) arguments;
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
    recordOf (build.derive name arguments script) "runCommand" name (arguments // { inherit script; });
  # What a sandbox without a network cannot fetch: a text that says what it would be, alone or in an archive as Helm's.
  pretended =
    function: name: arguments:
    recordOf (build.derive name { said = builtins.toJSON (plain arguments); } ''
      if [[ $out != *.tar.gz ]]; then
        printf '%s\n' "$said" > $out
      else
        mkdir linux-amd64 linux-arm64
        file=''${out##*/}
        file=''${file#*-}
        printf '%s\n' "$said" | tee "linux-amd64/''${file%%-*}" > "linux-arm64/''${file%%-*}"
        tar -czf $out linux-amd64 linux-arm64
      fi
    '') function name arguments;
  buildRustPackage =
    platform: arguments:
    if builtins.pathExists arguments.cargoLock.lockFile then
      recordOf (build.cargo arguments) "${platform}rustPlatform.buildRustPackage" (named arguments)
        arguments
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
        "bird2"
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
        "nixfmt"
        "nixfmt-tree"
        "rustc"
        "rustfmt"
        "shellcheck"
        "tcpdump"
        "util-linux"
        "zstd"
      ]
      (
        name:
        recordOf (build.derive name { } "mkdir -p $out; ln -s /usr/bin $out/bin") "package" name {
          inherit name;
        }
      );

  packages = named-only // {
    inherit
      lib
      fetchurl
      fetchFromGitHub
      runCommand
      ;
    stdenv.hostPlatform.system = system;
    glibc.static = record "package" "glibc-static" { name = "glibc-static"; };
    buildGoModule = arguments: pretended "buildGoModule" (named arguments) arguments;
    rustPlatform.buildRustPackage = buildRustPackage "";
    pkgsStatic.rustPlatform.buildRustPackage = buildRustPackage "pkgsStatic.";
    symlinkJoin =
      arguments:
      recordOf (build.derive arguments.name (arguments // { joined = toString arguments.paths; }) ''
        # Of nixpkgs' wrapper what the flake uses: --set and --set-default NAME VALUE.
        wrapProgram() {
          local program=$1 lines=
          shift
          while (($#)); do
            case $1 in
              --set) lines+="export $2=''${3@Q}"$'\n' ;;
              --set-default) lines+="export $2=\''${$2-''${3@Q}}"$'\n' ;;
              *) echo "wrapProgram: $1" >&2 && return 1 ;;
            esac
            shift 3
          done
          mv "$program" "$(dirname "$program")/.$(basename "$program")-wrapped"
          printf '#!/bin/bash\n%sexec -a "$0" %q "$@"\n' "$lines" "$(dirname "$program")/.$(basename "$program")-wrapped" > "$program"
          chmod +x "$program"
        }
        mkdir $out
        for path in $joined; do cp -RsT "$path" $out; done
        chmod -R u+w $out
        eval "$postBuild"
      '') "symlinkJoin" arguments.name arguments;
    mkShell = arguments: record "mkShell" "shell" arguments;
    writeShellApplication =
      { name, ... }@arguments:
      record "writeShellApplication" name (arguments // { meta.mainProgram = name; });
    testers.runNixOSTest = runNixOSTest;
    dockerTools = {
      buildImage =
        { name, tag, ... }@arguments: pretended "dockerTools.buildImage" "${name}.tar.gz" arguments;
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
