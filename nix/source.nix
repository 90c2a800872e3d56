# What is built from which files: a change elsewhere rebuilds nothing.
{ lib }:
let
  only =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions paths;
    };
  program = [
    ../Cargo.lock
    ../Cargo.toml
    ../manifests
    ../runner
  ];
in
{
  program = only program;
  # What says which libraries there are.
  manifests = only [
    ../.config
    ../Cargo.lock
    ../Cargo.toml
    (lib.fileset.fileFilter (file: file.name == "Cargo.toml") ../runner)
  ];
  nix = only [
    ../ci/nixpkgs-stand-in
    ../flake.nix
    ../nix
  ];
  workflows = only [ ../.github ];
  # The tests also hold the documents against the program, and the commands in them against ci/ and the flake's apps.
  checked = only (
    program
    ++ [
      ../.config
      ../.github
      ../CHANGELOG.md
      ../Dockerfile
      ../LICENSE-APACHE
      ../LICENSE-MIT
      ../README.md
      ../README.zh-CN.md
      ../ci
      ../clippy.toml
      ../docs
      ../nix/apps.nix
      ../rustfmt.toml
    ]
  );
}
