//! What an error quotes of a program's output: the lines that begin like errors, where it crashed, and its last lines.

/// Frames that are quoted of a crash.
const FRAMES: usize = 3;

/// At most `most` lines and a few frames: up to `errors` of the first lines that begin like errors, since later ones are
/// consequences, and the last lines. Banners and the rest of stack traces are left out.
pub fn excerpt(lines: impl IntoIterator<Item = String>, most: usize, errors: usize) -> Vec<String> {
    let lines = without_traces(lines);
    // Of a crash, what was called belongs to the line that tells of it.
    let crash = lines.iter().position(|line| is_crash(line));
    let frames = crash.map_or(0, |at| lines[at..].iter().filter(|line| line.starts_with(IN)).count());
    let last = lines.len().saturating_sub(most - errors + frames);
    let told = |line: &&String| is_error(line) || frames > 0 && line.starts_with(IN);
    let errors = lines[..last].iter().filter(told).take(errors + frames);
    errors.chain(&lines[last..]).cloned().collect()
}

/// How a quoted frame begins.
const IN: &str = "in ";

/// The lines without banners, and of each stack trace no more than the first frames of a crash that are not the runtime's.
fn without_traces(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut frames = 0;
    let mut called: Option<String> = None;
    for line in lines {
        if is_crash(&line) {
            frames = FRAMES;
        }
        if !is_frame(&line) {
            if !line.is_empty() && !is_banner(&line) {
                kept.push(line);
            }
            continue;
        }
        let place = place_of(&line);
        match (called.take(), place) {
            // Below what was called stands where.
            (Some(function), Some(place)) if frames > 0 => {
                frames -= 1;
                kept.push(format!("{IN}{function} at {place}"));
            }
            (_, None) => called = function_of(&line),
            _ => {}
        }
    }
    kept
}

/// The function of a frame, without its arguments; none for one of Go's runtime and for what is no function.
fn function_of(frame: &str) -> Option<String> {
    if frame.starts_with("goroutine ") || frame.starts_with("created by ") {
        return None;
    }
    // `pkg.(*Type).method(0xc000…, …)`: the arguments begin at the last parenthesis that opens.
    let function = frame.rsplit_once('(').map_or(frame, |(function, _arguments)| function);
    let of_runtime = function.starts_with("runtime.") || function.starts_with("runtime/") || function == "panic";
    (!of_runtime && !function.is_empty()).then(|| function.to_owned())
}

/// The file and the line of a frame.
fn place_of(frame: &str) -> Option<&str> {
    let place = frame.trim().rsplit_once(" +0x").map_or(frame.trim(), |(place, _offset)| place);
    let at = [".go:", ".s:"].into_iter().filter_map(|ending| place.rsplit_once(ending));
    let mut at = at.filter(|(file, number)| !file.contains(' ') && number.chars().all(|c| c.is_ascii_digit()));
    at.next().is_some().then_some(place)
}

/// Whether a line begins like an error of kind (`ERROR: failed to …`), kubeadm (`[ERROR Port-6443]`, `error execution phase
/// …`), helm (`Error: …`) or Cilium (`level=fatal …`), or like the end of a crashed Go program.
fn is_error(line: &str) -> bool {
    let start = line.trim_start_matches('[').get(..5).unwrap_or_default();
    let level = ["level=error", "level=fatal", "level=panic"].iter().any(|level| line.starts_with(level));
    is_crash(line) || level || start.eq_ignore_ascii_case("error")
}

/// How many lines begin like errors.
pub fn errors_in(log: &str) -> usize {
    log.lines().filter(|line| is_error(line.trim())).count()
}

/// Whether a line tells of the crash of a Go program (`panic: …`, `fatal error: …`, `[signal SIGSEGV: …`).
fn is_crash(line: &str) -> bool {
    ["panic:", "fatal error:", "[signal SIG", "SIGSEGV", "SIGABRT"].iter().any(|word| line.starts_with(word))
}

/// Whether a line is part of a Go program's stack trace, such as kubeadm writes below its errors: a place in a file, or a
/// function. Traces of a crash have arguments and offsets; traces of errors (`%+v`) have neither.
fn is_frame(line: &str) -> bool {
    let name = line.split('(').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_function = last.contains('.')
        && !name.starts_with('/')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
        && (name.contains('/') || ["main.", "runtime."].iter().any(|package| name.starts_with(package)));
    let whole = name == line || line.ends_with(')') || line.contains("(*");
    let goroutine = line.starts_with("goroutine ") && line.ends_with("]:");
    let panics = line.starts_with("panic(") && line.ends_with(')');
    place_of(line).is_some() || goroutine || panics || line.starts_with("created by ") || (is_function && whole)
}

/// Whether a line is one of a drawing, such as Cilium's agent begins its log with: `level=info msg="|  _| | | | |"`.
fn is_banner(line: &str) -> bool {
    let message =
        line.split_once("msg=\"").and_then(|(_before, rest)| rest.split_once('"')).map_or(line, |(message, _)| message);
    message.contains('_')
        && message.chars().all(|c| matches!(c, '_' | '|' | ' ' | '/' | '\\' | '-' | '`' | '\'' | '.' | ','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, most: usize, errors: usize) -> Vec<String> {
        excerpt(text.lines().map(str::to_owned), most, errors)
    }

    #[test]
    fn a_crash_is_quoted_with_what_was_called() {
        let log = "[init] Using Kubernetes version: v1.25.3\n\
            panic: runtime error: invalid memory address or nil pointer dereference\n\
            [signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x16d1f4e]\n\
            \n\
            goroutine 1 [running]:\n\
            panic({0x18c0ca0, 0x2d1d4f0})\n\
            \t/usr/lib/go-1.19/src/runtime/panic.go:884 +0x212\n\
            runtime.sigpanic()\n\
            \t/usr/lib/go-1.19/src/runtime/signal_unix.go:837 +0x1d7\n\
            k8s.io/kubernetes/cmd/kubeadm/app/util/config.(*loader).read(0x0, {0xc0003fd000, 0x0, 0x4})\n\
            \t/k8s/cmd/kubeadm/app/util/config/loader.go:61 +0xed\n\
            k8s.io/kubernetes/cmd/kubeadm/app/cmd.newCmdInit.func1(0xc000154580?)\n\
            \t/k8s/cmd/kubeadm/app/cmd/init.go:151 +0xed\n\
            k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).Execute(...)\n\
            \t/k8s/vendor/github.com/spf13/cobra/command.go:902\n\
            main.main()\n\
            \t/k8s/cmd/kubeadm/kubeadm.go:25 +0x18\n";
        let said = of(log, 12, 4);
        assert_eq!(
            said[1..],
            [
                "panic: runtime error: invalid memory address or nil pointer dereference",
                "[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x16d1f4e]",
                "in k8s.io/kubernetes/cmd/kubeadm/app/util/config.(*loader).read at /k8s/cmd/kubeadm/app/util/config/loader.go:61",
                "in k8s.io/kubernetes/cmd/kubeadm/app/cmd.newCmdInit.func1 at /k8s/cmd/kubeadm/app/cmd/init.go:151",
                "in k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).Execute at /k8s/vendor/github.com/spf13/cobra/command.go:902",
            ],
            "{said:#?}"
        );
        // Also where only few lines are quoted, as of a container's log.
        assert_eq!(of(log, 3, 1)[..], said[1..], "{said:#?}");
    }

    #[test]
    fn a_banner_takes_no_line() {
        let log = "level=info msg=\"     _ _ _\" subsys=daemon\n\
            level=info msg=\" ___|_| |_|_ _ _____\" subsys=daemon\n\
            level=info msg=\"|  _| | | | | |     |\" subsys=daemon\n\
            level=info msg=\"|___|_|_|_|___|_|_|_|\" subsys=daemon\n\
            level=info msg=\"Cilium 1.12.4 6eaecaf\" subsys=daemon\n\
            level=fatal msg=\"Unable to get information about kernel modules\"\n";
        assert_eq!(
            of(log, 5, 2),
            [
                "level=info msg=\"Cilium 1.12.4 6eaecaf\" subsys=daemon",
                "level=fatal msg=\"Unable to get information about kernel modules\"",
            ]
        );
        // An error that many lines follow is quoted before the last ones.
        let more = "level=info msg=\"more\"\n".repeat(9);
        assert_eq!(
            of(&format!("{log}{more}"), 4, 1)[0],
            "level=fatal msg=\"Unable to get information about kernel modules\""
        );
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
}
