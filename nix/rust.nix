# What cargo builds.
{ pkgs, source }:
let
  inherit (builtins.fromTOML (builtins.readFile ../Cargo.toml)) workspace;
  common = {
    inherit (workspace.package) version;
    src = source.program;
    cargoLock.lockFile = ../Cargo.lock;
    # The probe that `lab` has in it is without shared objects.
    buildInputs = [ pkgs.glibc.static ];
    # Tests are checks of their own: those of the kernel need a VM.
    doCheck = false;
  };
  # musl has all it needs.
  static = removeAttrs common [ "buildInputs" ];
  # One program of the workspace: its package's name is its own.
  program = name: {
    pname = name;
    cargoBuildFlags = [
      "--package"
      name
      "--bin"
      name
    ];
    meta = {
      description = "Kubernetes and Cilium native routing, step by step, as test cases that can fail";
      mainProgram = name;
      platforms = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    };
  };
in
rec {
  lab = pkgs.rustPlatform.buildRustPackage (common // program "lab");

  # Without shared objects: for any Linux, and for an image of nothing else.
  lab-static = pkgs.pkgsStatic.rustPlatform.buildRustPackage (
    static // program "lab" // { pname = "lab-static"; }
  );

  # The same: it runs inside any node.
  lab-probe = pkgs.pkgsStatic.rustPlatform.buildRustPackage (static // program "lab-probe");

  # A check: these commands, with the crates at hand, and nothing to install.
  check =
    name: nativeBuildInputs: commands:
    pkgs.rustPlatform.buildRustPackage (
      common
      // {
        pname = "lab-${name}";
        src = source.checked;
        inherit nativeBuildInputs;
        buildPhase = ''
          runHook preBuild
          ${commands}
          runHook postBuild
        '';
        installPhase = "touch $out";
      }
    );

  # The test programs, to be run elsewhere. They know their data and `lab` by the path they were built at, so all of
  # that comes along, and `where` says which path it was.
  tests = pkgs.rustPlatform.buildRustPackage (
    common
    // {
      pname = "lab-tests";
      src = source.checked;
      nativeBuildInputs = [ pkgs.jq ];
      buildPhase = ''
        runHook preBuild
        cargo test --offline --locked --workspace --no-run --message-format=json > built.json
        runHook postBuild
      '';
      installPhase = ''
        mkdir -p $out/tree
        jq -r 'select(.reason == "compiler-artifact" and .profile.test and .executable) | .executable' \
          built.json > $out/programs
        test -s $out/programs
        pwd > $out/where
        while read -r program; do install -D "$program" "$out/tree/''${program#"$PWD"/}"; done < $out/programs
        install -D target/debug/lab $out/tree/target/debug/lab
        cp -R Cargo.* *.md LICENSE-* ci docs manifests runner $out/tree/
      '';
      # A path in them that is rewritten is a path that they do not find.
      dontFixup = true;
    }
  );
}
