//! Runs the pinned programs: kind, helm, cilium.

use std::path::PathBuf;
use std::time::Duration;

use lab_backend::{Doing, LabError};
use lab_base::exec;
use lab_base::exec::{Finished, Invocation, Running};
use lab_kube::excerpt::excerpt;

/// The path of a program.
///
/// # Errors
/// [`LabError::Tool`] when it is not in PATH.
pub fn find(program: &str) -> Result<PathBuf, LabError> {
    which::which(program).map_err(|_nowhere| LabError::Tool {
        command: program.to_owned(),
        why: format!(
            "there is no program {program} in PATH; `nix develop` has it, `lab doctor --on kind` shows how to get it"
        ),
    })
}

/// Runs a program to its end. Meanwhile, its last line of standard error is shown as what the lab is doing. An exit code
/// other than 0 is not an error here.
///
/// # Errors
/// When it cannot be run, or does not end in time.
pub async fn run(invocation: Invocation, what: &str, doing: &Doing, deadline: Duration) -> Result<Finished, LabError> {
    doing.now(what);
    follow(invocation.open()?, what, doing, deadline).await
}

/// Waits for the end of a program that was started, as [`run`] does.
///
/// # Errors
/// When it does not end in time.
pub async fn follow(running: Running, what: &str, doing: &Doing, deadline: Duration) -> Result<Finished, LabError> {
    let lines = running.stderr_lines();
    let show = |line: &str| doing.now(format!("{what}: {}", plain(line)));
    let following = async {
        lines.follow(show).await;
        // The program may run on after it has closed its standard error.
        std::future::pending::<()>().await;
    };
    let finished = tokio::select! {
        finished = running.finish(deadline) => finished?,
        () = following => return Err(LabError::Tool { command: what.to_owned(), why: "it was not waited for".to_owned() }),
    };
    // A program that ends at once may have written its last line before it was followed.
    if let Some(line) = exec::last_line(&finished.stderr_text()) {
        show(line);
    }
    Ok(finished)
}

/// Runs a program as [`run`] does; an exit code other than 0 is an error with the end of its standard error.
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

/// A text that says how a program failed: its exit, and an excerpt of its standard error.
pub fn failure(finished: &Finished) -> String {
    /// How many lines are quoted.
    const QUOTED: usize = 12;
    /// How many of them are errors.
    const ERRORS: usize = 4;
    let stderr = finished.stderr_text();
    let quoted = excerpt(stderr.lines().map(plain), QUOTED, ERRORS);
    let quoted = if quoted.is_empty() { "it wrote nothing to standard error".to_owned() } else { quoted.join("\n") };
    format!("{}: {quoted}", finished.exit)
}

/// A line without emoji and other decoration, such as kind's ` • Preparing nodes 📦 📦 📦  ...`.
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
        let runtime = lab_base::runtime().unwrap();
        runtime.block_on(async {
            let doing = Doing::default();
            let script = "printf ' \\342\\200\\242 Preparing nodes \\360\\237\\223\\246 \\360\\237\\223\\246  ...\\n' >&2; read end";
            let ended = run(sh(script), "kind create cluster", &doing, Duration::from_millis(300)).await;
            assert_eq!(doing.text(), "kind create cluster: Preparing nodes");
            assert!(ended.is_ok(), "standard input is closed, and the script ends: {ended:?}");
        });
    }

    #[test]
    fn an_error_is_quoted_and_the_stack_trace_below_it_is_not() {
        let runtime = lab_base::runtime().unwrap();
        let script = r#"{
            echo 'ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1'
            for line in 1 2 3 4 5 6 7 8 9; do echo "I1128 loop $line"; done
            echo 'error execution phase wait-control-plane'
            for frame in 1 2 3 4 5 6 7 8 9; do
                echo 'k8s.io/kubernetes/cmd/kubeadm/app.Run()'
                printf '\t/src/cmd/kubeadm/app/kubeadm.go:50 +0x15d\n'
            done
            echo 'main.main()'
        } >&2; exit 1"#;
        let failed =
            runtime.block_on(succeed(sh(script), "kind", &Doing::default(), DEADLINE)).unwrap_err().to_string();
        let (_, words) = failed.split_once("exit code 1: ").unwrap();
        let lines: Vec<&str> = words.lines().collect();
        assert_eq!(lines[0], "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1");
        assert_eq!(lines[1..8], ["3", "4", "5", "6", "7", "8", "9"].map(|line| format!("I1128 loop {line}")));
        assert_eq!(lines[8..], ["error execution phase wait-control-plane"]);
    }

    #[test]
    fn a_failure_has_the_exit_code_and_the_last_words() {
        let runtime = lab_base::runtime().unwrap();
        let failed = runtime.block_on(succeed(
            sh("echo ERROR: no space left on device >&2; exit 7"),
            "kind create cluster",
            &Doing::default(),
            DEADLINE,
        ));
        let text = failed.unwrap_err().to_string();
        assert!(text.contains("exit code 7: ERROR: no space left on device"), "{text}");
        let silent = runtime.block_on(succeed(sh("exit 1"), "x", &Doing::default(), DEADLINE)).unwrap_err().to_string();
        assert!(silent.ends_with("exit code 1: it wrote nothing to standard error"), "{silent}");
    }
}
