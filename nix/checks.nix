# `nix flake check`. The VMs need KVM; the rest needs nothing but a builder.
{
  pkgs,
  rust,
  source,
  wrapped,
  kit,
}:
{
  format =
    pkgs.runCommand "lab-format"
      {
        nativeBuildInputs = [
          pkgs.cargo
          pkgs.rustfmt
        ];
      }
      ''
        cd ${source.checked}
        cargo fmt --all --check
        touch $out
      '';
  nix-format = pkgs.runCommand "lab-nix-format" { nativeBuildInputs = [ pkgs.nixfmt ]; } ''
    find ${source.nix} -name '*.nix' -exec nixfmt --check {} +
    touch $out
  '';
  clippy = rust.check "clippy" [
    pkgs.clippy
  ] "cargo clippy --offline --locked --workspace --all-targets -- -D warnings";
  docs =
    rust.check "docs" [ ]
      "RUSTDOCFLAGS='-D warnings' cargo doc --offline --locked --workspace --no-deps";
  # Those that need no kernel of their own. The others are in the VM `kernel-tests`.
  unit-tests = rust.check "unit-tests" [ ] ''
    cargo test --offline --locked --workspace --lib --test api --test recordings --test readme
    cargo test --offline --locked --workspace --doc
  '';
  # Without advisories: those are looked up on the day, in CI.
  dependencies = rust.check "dependencies" [
    pkgs.cargo-deny
  ] "cargo deny --offline --locked --config ci/deny.toml check bans licenses sources";
  case-list = pkgs.runCommand "lab-case-list" { nativeBuildInputs = [ rust.lab ]; } ''
    bash ${../ci/case-list} lab ${../docs/cases.md}
    touch $out
  '';
  # actionlint looks at the scripts in it with shellcheck.
  workflow =
    pkgs.runCommand "lab-workflow"
      {
        nativeBuildInputs = [
          pkgs.actionlint
          pkgs.shellcheck
        ];
      }
      ''
        actionlint -no-color ${source.workflows}/.github/workflows/*.yml
        touch $out
      '';
  embedded = import ./vm/embedded.nix { inherit pkgs rust; };
  kernel-tests = import ./vm/kernel-tests.nix { inherit pkgs rust; };
}
# The article's lab, as soon as there is a kit: what is not known is no check, and so neither passes nor fails.
// pkgs.lib.optionalAttrs (kit != null) {
  kind-offline = import ./vm/kind-offline.nix { inherit pkgs wrapped kit; };
}
