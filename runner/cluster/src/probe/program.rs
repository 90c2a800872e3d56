//! The probe's program, as it gets into a pod: through the standard input of a command, checked by its hash.

use std::env::consts::{ARCH, OS};
use std::time::Duration;

use super::objects::{FOLDER, PROGRAM};
use lab_base::sha256;
use lab_kube::api::{Api, PodContainer};

/// For some megabytes through an API server far away.
const DEADLINE: Duration = Duration::from_mins(2);
/// The exit code of the command that puts it there, where the hash is another.
const DIFFERS: i32 = 9;

/// The program.
pub(super) struct Program {
    octets: &'static [u8],
    hash: String,
    platform: String,
}

impl Program {
    /// The one that this program carries.
    ///
    /// # Errors
    /// When it could not be built with it.
    pub(super) fn embedded() -> Result<Self, String> {
        let octets = lab_probe_program::embedded()
            .map_err(|why| format!("the probe is not part of this program ({why}); `--tier read` does without it"))?;
        let architecture = match ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(Self { octets, hash: sha256(octets), platform: format!("{OS}/{architecture}") })
    }

    /// The platform that it is built for, as Go names it: `linux/amd64`.
    pub(super) fn platform(&self) -> &str {
        &self.platform
    }

    /// Puts it into a pod. What came is moved to its place once it is whole.
    ///
    /// # Errors
    /// When the command cannot be run, and when what came has another hash.
    pub(super) async fn put(&self, api: &Api, at: &PodContainer) -> Result<(), String> {
        let command = put_command(self.octets.len(), &self.hash);
        let ran = api.exec_with(at, &["sh", "-c", &command], self.octets, DEADLINE).await;
        let ran = ran.map_err(|error| error.briefly())?;
        match ran.code {
            // The command checks it too; what it printed is what it found.
            0 if ran.stdout.trim() == self.hash => Ok(()),
            0 | DIFFERS => Err(format!("what came there has the SHA-256 {}, not {}", ran.stdout.trim(), self.hash)),
            code => Err(format!("the command for it ended with exit code {code}: {}", ran.stderr.trim())),
        }
    }
}

/// The end of standard input cannot be told to it, so it is told how much comes.
fn put_command(length: usize, hash: &str) -> String {
    let part = format!("{FOLDER}/part");
    format!(
        "head -c {length} > {part} && sum=$(sha256sum < {part}) && sum=${{sum%% *}} && echo \"$sum\" && \
         if [ \"$sum\" = {hash} ]; then chmod 755 {part} && mv {part} {PROGRAM}; else exit {DIFFERS}; fi"
    )
}
