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
  phase = name: commands: ''
    runHook pre${name}
    ${commands}
    runHook post${name}
  '';

  # What the checks have in common: all libraries that this project does not write, compiled for clippy and for tests. In
  # the place of its own crates stand empty ones, so that only a change of a Cargo.toml or of Cargo.lock compiles
  # them again.
  libraries = pkgs.rustPlatform.buildRustPackage (
    common
    // {
      pname = "lab-libraries";
      src = source.manifests;
      nativeBuildInputs = [ pkgs.clippy ];
      buildPhase = phase "Build" ''
        empty='//! Empty.'
        program=$empty$'\n'"fn main() {}"
        find runner -name Cargo.toml -printf '%h\n' | while read -r crate; do
          mkdir -p "$crate/src" "$crate/tests"
          echo "$empty" > "$crate/src/lib.rs"
          # Programs and tests that a Cargo.toml names must be there.
          if grep -q '^path = "src/main.rs"' "$crate/Cargo.toml"; then echo "$program" > "$crate/src/main.rs"; fi
          for test in $(sed -n '/^\[\[test\]\]/{n;s/^name = "\(.*\)"/\1/p}' "$crate/Cargo.toml"); do
            echo "$program" > "$crate/tests/$test.rs"
          done
        done
        echo "$program" > runner/probe-program/build.rs
        cargo clippy --offline --locked --workspace --all-targets
        cargo test --offline --locked --workspace --no-run
        # Of this project's own crates nothing may be taken for compiled.
        cargo clean --offline --locked --workspace
      '';
      installPhase = "mv target $out";
      dontFixup = true;
    }
  );
  with-libraries = common // {
    src = source.checked;
    preBuild = ''
      cp -R --no-preserve=ownership ${libraries} target
      chmod -R u+w target
    '';
  };
in
rec {
  inherit libraries;

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
      with-libraries
      // {
        pname = "lab-${name}";
        inherit nativeBuildInputs;
        buildPhase = phase "Build" commands;
        installPhase = "touch $out";
      }
    );

  # The test programs, to be run elsewhere. They know their data and `lab` by the path they were built at, so all of
  # that comes along, and `where` says which path it was.
  tests = pkgs.rustPlatform.buildRustPackage (
    with-libraries
    // {
      pname = "lab-tests";
      nativeBuildInputs = [ pkgs.jq ];
      buildPhase = phase "Build" ''
        cargo test --offline --locked --workspace --no-run --message-format=json > built.json
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
