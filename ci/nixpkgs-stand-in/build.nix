# Derivations that can be built, with a Debian machine's own programs in the place of stdenv: what is built sees its
# /usr, and at /rust, /crates and /tools a Rust toolchain, the vendored crates and nixfmt (ci/flake-build gives the sandbox these).
{ system }:
let
  inherit (builtins)
    attrNames
    isAttrs
    isFunction
    isList
    removeAttrs
    listToAttrs
    filter
    concatStringsSep
    ;
  # What becomes a variable of the builder's environment.
  variables =
    arguments:
    let
      plain = removeAttrs arguments [
        "meta"
        "env"
        "passthru"
        "cargoLock"
        "nativeBuildInputs"
        "buildInputs"
        "paths"
      ];
      fit = filter (
        name: !(isFunction plain.${name}) && !(isAttrs plain.${name} && !(plain.${name} ? outPath))
      ) (attrNames plain);
    in
    listToAttrs (
      map (name: {
        inherit name;
        value = if isList plain.${name} then toString plain.${name} else plain.${name};
      }) fit
    )
    // (arguments.env or { });
  onPath = packages: concatStringsSep "" (map (package: "${package}/bin:") packages);
in
rec {
  # What nixpkgs' builders call phases: functions that the flake's own commands use.
  phases = ''
    runHook() { eval "''${!1-}"; }
    export HOME=$TMPDIR LC_ALL=C.UTF-8
    cd "$TMPDIR"
  '';
  derive =
    name: arguments: script:
    derivation (
      variables arguments
      // {
        inherit system;
        name = builtins.unsafeDiscardStringContext name;
        builder = "/bin/bash";
        # Bash must not become the last command: Nix kills a builder that has closed its output, as such programs do.
        args = [
          "-euo"
          "pipefail"
          "-c"
          (phases + script + "\nexit 0\n")
        ];
        PATH = "${
          onPath (arguments.nativeBuildInputs or [ ])
        }/rust/bin:/tools:/usr/sbin:/usr/bin:/sbin:/bin";
      }
    );
  # A copy of the sources, the crates from /crates, then what the flake gives, else a program and its installation. The
  # release is built as quickly as can be: what is shipped is built by `ci/release` too, as it is.
  cargo =
    arguments:
    derive "${arguments.pname}-${arguments.version}"
      (arguments // { lockFile = arguments.cargoLock.lockFile; })
      ''
        cp -R --no-preserve=ownership,mode "$src" source
        chmod -R u+w source
        cd source
        # The mode says which scripts can be run.
        (cd "$src" && find . -type f -perm -u+x -print0) | xargs -0 --no-run-if-empty chmod +x
        export CARGO_HOME=$TMPDIR/cargo CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_INCREMENTAL=0
        mkdir -p "$CARGO_HOME"
        printf '%s\n' '[source.crates-io]' 'replace-with = "crates"' '[source.crates]' 'directory = "/crates"' \
          > "$CARGO_HOME/config.toml"
        cmp "$lockFile" Cargo.lock
        runHook preBuild
        if [[ -n ''${buildPhase-} ]]; then
          preBuild= postBuild=
          eval "$buildPhase"
        else
          cargo build --offline --locked --release ''${cargoBuildFlags-}
        fi
        if [[ -n ''${installPhase-} ]]; then
          eval "$installPhase"
        else
          install -D -t "$out/bin" "target/release/$pname"
        fi
      '';
}
