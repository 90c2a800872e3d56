//! Builds `lab-probe` as a static program, for the crate to embed.
//!
//! cargo cannot make one package depend on another's program, so cargo is asked for it here, in a folder of its own:
//! the probe's libraries are built a second time, for that program alone. Where it cannot be linked statically (no
//! `libc.a` on this machine), nothing is embedded, and a lab on kind says so and what to do.

use std::env::var_os;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo sets for this build alone, and must not reach the other.
const OWN: [&str; 5] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
];

fn main() {
    let own = PathBuf::from(required("CARGO_MANIFEST_DIR"));
    let root = own.join("../..");
    for source in ["runner/base", "runner/model", "runner/netlink", "runner/probe", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let out = PathBuf::from(required("OUT_DIR"));
    let (program, why) = match build(&root, &out) {
        Ok(program) => {
            let program = program.to_str().expect("cargo's folders have names in UTF-8").to_owned();
            (format!("Some(include_bytes!({program:?}))"), String::new())
        }
        Err(why) => {
            println!("cargo::warning=lab-probe is not embedded, so that labs on kind need LAB_PROBE: {why}");
            ("None".to_owned(), why)
        }
    };
    let text = format!(
        "/// The program.\nconst EMBEDDED: Option<&[u8]> = {program};\n/// Why there is none.\nconst WHY_NOT: &str = {why:?};\n"
    );
    fs::write(out.join("embedded.rs"), text).expect("cargo's folder for what a build script makes can be written");
}

fn required(name: &str) -> OsString {
    var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for build scripts"))
}

/// The static program's path, or why it could not be built.
fn build(root: &Path, out: &Path) -> Result<PathBuf, String> {
    let target = required("TARGET");
    let profile = if required("PROFILE") == "release" { "probe" } else { "probe-dev" };
    let folder = out.join("build");
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script has no deadlines: cargo's own build is as long as it is"
    )]
    let mut cargo = Command::new(required("CARGO"));
    cargo.current_dir(root).args(["rustc", "--frozen", "--package", "lab-probe", "--bin", "lab-probe"]);
    cargo.args(["--profile", profile, "--target"]).arg(&target).arg("--target-dir").arg(&folder);
    cargo.args(["--", "-C", "target-feature=+crt-static"]);
    for name in OWN {
        cargo.env_remove(name);
    }
    let done = cargo.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last =
            said.lines().rev().find(|line| line.trim_start().starts_with("error") || line.contains("cannot find"));
        return Err(last.unwrap_or("cargo says nothing").trim().to_owned());
    }
    Ok(folder.join(target).join(profile).join("lab-probe"))
}
