//! Runs the pinned programs: kind, helm, cilium.

use std::path::PathBuf;
use std::time::Duration;

use lab_backend::{Doing, LabError};
use lab_base::exec;
use lab_base::exec::{Finished, Invocation, Running};

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

/// A text that says how a program failed: its exit, the lines that begin like errors, and its last lines.
pub fn failure(finished: &Finished) -> String {
    /// How many lines are quoted.
    const QUOTED: usize = 12;
    /// How many of them are errors: the first ones, since later ones are consequences.
    const ERRORS: usize = 4;
    let stderr = finished.stderr_text();
    let lines: Vec<String> = stderr.lines().map(plain).filter(|line| !line.is_empty() && !is_frame(line)).collect();
    let last = lines.len().saturating_sub(QUOTED - ERRORS);
    let errors = lines[..last].iter().filter(|line| is_error(line)).take(ERRORS);
    let quoted: Vec<&str> = errors.chain(&lines[last..]).map(String::as_str).collect();
    let quoted = if quoted.is_empty() { "it wrote nothing to standard error".to_owned() } else { quoted.join("\n") };
    format!("{}: {quoted}", finished.exit)
}

/// Whether a line begins like an error of kind (`ERROR: failed to …`), kubeadm (`[ERROR Port-6443]`, `error execution phase
/// …`) or helm (`Error: …`), or like the end of a crashed Go program (`panic: …`, `fatal error: …`, `[signal SIGSEGV: …`).
fn is_error(line: &str) -> bool {
    let start = line.trim_start_matches('[').get(..5).unwrap_or_default();
    let crash =
        ["panic:", "fatal error:", "[signal SIG", "SIGSEGV", "SIGABRT"].iter().any(|word| line.starts_with(word));
    crash || start.eq_ignore_ascii_case("error")
}

/// Whether a line is part of a Go program's stack trace, such as kubeadm writes below its errors: a place in a file, or a
/// function. Traces of a crash have arguments and offsets; traces of errors (`%+v`) have neither.
fn is_frame(line: &str) -> bool {
    let place = line.rsplit_once(" +0x").map_or(line, |(place, _offset)| place);
    let at = [".go:", ".s:"]
        .into_iter()
        .filter_map(|ending| place.rsplit_once(ending))
        .any(|(file, number)| !file.contains(' ') && number.chars().all(|c| c.is_ascii_digit()));
    let name = line.split('(').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_function = last.contains('.')
        && !name.starts_with('/')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
        && (name.contains('/') || ["main.", "runtime."].iter().any(|package| name.starts_with(package)));
    let whole = name == line || line.ends_with(')') || line.contains("(*");
    let goroutine = line.starts_with("goroutine ") && line.ends_with("]:");
    at || goroutine || line.starts_with("created by ") || (is_function && whole)
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
    fn what_was_called_is_no_word_of_an_error_and_how_it_crashed_is() {
        // kubeadm's, of two real failures.
        for frame in [
            "k8s.io/kubernetes/cmd/kubeadm/app/cmd.newCmdInit.func1(0xc000154580?, {0xc0003fd000, 0x0, 0x4})",
            "/k8s/_output/local/go/src/k8s.io/kubernetes/cmd/kubeadm/app/cmd/init.go:151 +0xed",
            "k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).execute(0xc000154580, {0xc0003fcfc0, 0x4, 0x4})",
            "k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).Execute(...)",
            "k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).ExecuteC",
            "/k8s/_output/local/go/src/k8s.io/kubernetes/vendor/github.com/spf13/cobra/command.go:958",
            "k8s.io/kubernetes/cmd/kubeadm/app.Run",
            "_output/local/go/src/k8s.io/kubernetes/cmd/kubeadm/kubeadm.go:25",
            "main.main",
            "runtime.goexit",
            "/usr/lib/go-1.19/src/runtime/proc.go:250",
            "/usr/lib/go-1.19/src/runtime/asm_amd64.s:1594",
            "goroutine 1 [running]:",
            "created by main.start",
        ] {
            assert!(is_frame(frame), "{frame}");
            assert!(!is_error(frame), "{frame}");
        }
        for word in [
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x1]",
            "fatal error: all goroutines are asleep - deadlock!",
            "error execution phase preflight",
            "[ERROR Port-6443]: Port 6443 is in use",
        ] {
            assert!(is_error(word) && !is_frame(word), "{word}");
        }
        for word in [
            "couldn't initialize a Kubernetes cluster",
            "/etc/kubernetes/manifests",
            "k8s.gcr.io/pause:3.2",
            "docker.io/kindest/node",
            "see https://kind.sigs.k8s.io/",
            "kubeadm init failed (exit status 1)",
        ] {
            assert!(!is_error(word) && !is_frame(word), "{word}");
        }
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
