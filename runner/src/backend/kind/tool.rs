//! Running the pinned programs: kind, helm, cilium.

use std::path::PathBuf;
use std::time::Duration;

use crate::backend::{Doing, LabError};
use crate::exec::{Finished, Invocation, Running};

/// Where a program is.
///
/// # Errors
/// [`LabError::Tool`] when it is nowhere in PATH.
pub fn find(program: &str) -> Result<PathBuf, LabError> {
    which::which(program).map_err(|_nowhere| LabError::Tool {
        command: program.to_owned(),
        why: format!("there is no program {program} in PATH; `nix develop` has it, `lab doctor --on kind` tells more"),
    })
}

/// Runs a program to its end, its last line being what the lab is doing. Another exit code than 0 is data.
///
/// # Errors
/// When it cannot be run, or does not end in time.
pub async fn run(invocation: Invocation, what: &str, doing: &Doing, deadline: Duration) -> Result<Finished, LabError> {
    doing.now(what);
    follow(invocation.open()?, what, doing, deadline).await
}

/// The same of one that has been started.
///
/// # Errors
/// When it does not end in time.
pub async fn follow(running: Running, what: &str, doing: &Doing, deadline: Duration) -> Result<Finished, LabError> {
    let words = running.words();
    let following = async {
        words.follow(|line| doing.now(format!("{what}: {}", plain(line)))).await;
        // Its last word is not its end.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        finished = running.finish(deadline) => Ok(finished?),
        () = following => Err(LabError::Tool { command: what.to_owned(), why: "it was not waited for".to_owned() }),
    }
}

/// The same, and another exit code than 0 is an error with its last words.
///
/// # Errors
/// As [`run`], and [`LabError::Tool`].
pub async fn succeed(
    invocation: Invocation,
    what: &str,
    doing: &Doing,
    deadline: Duration,
) -> Result<Finished, LabError> {
    let finished = run(invocation, what, doing, deadline).await?;
    if finished.success() {
        return Ok(finished);
    }
    Err(LabError::Tool { command: finished.argv.join(" "), why: failure(&finished) })
}

/// How a program failed: its exit and its last words.
pub fn failure(finished: &Finished) -> String {
    /// Lines that are quoted.
    const QUOTED: usize = 12;
    let said = finished.stderr_text();
    let lines: Vec<String> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(QUOTED)..].join("\n");
    let words = if last.is_empty() { "it said nothing on standard error".to_owned() } else { last };
    format!("{}: {words}", finished.exit)
}

/// A line without emoji and other decoration: kind's ` • Preparing nodes 📦 📦 📦  ...`.
fn plain(line: &str) -> String {
    let text: String = line.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(" ...").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn sh(script: &str) -> Invocation {
        Invocation::new("sh").args(["-c", script])
    }

    #[test]
    fn what_a_program_says_is_what_the_lab_is_doing() {
        let runtime = crate::runtime().unwrap();
        runtime.block_on(async {
            let doing = Doing::default();
            let script = "printf ' \\342\\200\\242 Preparing nodes \\360\\237\\223\\246 \\360\\237\\223\\246  ...\\n' >&2; read end";
            let ended = run(sh(script), "kind create cluster", &doing, Duration::from_millis(300)).await;
            assert_eq!(doing.text(), "kind create cluster: Preparing nodes");
            assert!(ended.is_ok(), "standard input is closed, and the script ends: {ended:?}");
        });
    }

    #[test]
    fn a_failure_has_the_exit_code_and_the_last_words() {
        let runtime = crate::runtime().unwrap();
        let failed = runtime.block_on(succeed(
            sh("echo ERROR: no space left on device >&2; exit 7"),
            "kind create cluster",
            &Doing::default(),
            DEADLINE,
        ));
        let text = failed.unwrap_err().to_string();
        assert!(text.contains("exit code 7: ERROR: no space left on device"), "{text}");
        let silent = runtime.block_on(succeed(sh("exit 1"), "x", &Doing::default(), DEADLINE)).unwrap_err().to_string();
        assert!(silent.ends_with("exit code 1: it said nothing on standard error"), "{silent}");
    }
}
