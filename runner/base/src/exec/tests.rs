use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use super::*;
use crate::clock;

const DEADLINE: Duration = Duration::from_secs(20);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn shell(script: &str) -> Invocation {
    Invocation::new("sh").args(["-c", script])
}

#[test]
fn everything_about_a_run_is_kept() {
    let run = shell("cat; echo \"$GREETING\"; echo late >&2; exit 3").env("GREETING", "hello").stdin("in\n");
    let finished = block_on(run.run(DEADLINE)).unwrap();
    assert_eq!(finished.argv[..2], ["sh", "-c"]);
    assert_eq!(finished.exit, Exit::Code(3));
    assert!(!finished.success());
    assert_eq!(finished.stdout_text(), "in\nhello\n");
    assert_eq!(finished.stderr_text(), "late\n");
    assert!(finished.elapsed > Duration::ZERO);
}

#[test]
fn output_beyond_a_pipe_is_kept_and_unread_input_is_no_error() {
    let input = vec![b'x'; 1 << 20];
    let finished = block_on(shell("head -c 300000 /dev/zero").stdin(input).run(DEADLINE)).unwrap();
    assert!(finished.success());
    assert_eq!(finished.stdout.len(), 300_000);
}

#[test]
fn a_signal_is_no_exit_code() {
    let finished = block_on(shell("kill -TERM $$").run(DEADLINE)).unwrap();
    assert_eq!(finished.exit.to_string(), "signal SIGTERM");
}

#[test]
fn missing_and_unexecutable_programs_are_told_apart() {
    let missing = block_on(Invocation::new("lab-no-such-program").run(DEADLINE)).unwrap_err();
    assert!(matches!(missing, ExecError::NotFound { .. }), "{missing}");
    let directory = block_on(Invocation::new("/").run(DEADLINE)).unwrap_err();
    assert!(matches!(directory, ExecError::NotExecutable { .. }), "{directory}");
    let nowhere = block_on(shell("true").directory("/lab-no-such-directory").run(DEADLINE)).unwrap_err();
    assert_eq!(nowhere.to_string(), "`sh -c true`: cannot enter its directory");
}

#[test]
fn a_passed_deadline_carries_the_last_words_and_kills_the_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let alive = folder.path().join("alive");
    nix::unistd::mkfifo(&alive, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut held = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&alive).unwrap();
    // A grandchild holds the write end: the read end sees its end only once the grandchild is gone.
    let script = format!("seq 1 20 >&2; sleep 1000 > {} & wait", alive.display());
    let error = block_on(async {
        let error = shell(&script).run(Duration::from_millis(300)).await.unwrap_err();
        let gone = async || match held.read(&mut [0]) {
            Ok(0) => clock::Poll::Ready(()),
            other => clock::Poll::NotYet(format!("{other:?}")),
        };
        clock::until(DEADLINE, Duration::from_millis(2), "the end of a grandchild", gone).await.unwrap();
        error
    });
    let ExecError::Deadline { stderr, .. } = &error else { panic!("{error}") };
    assert_eq!(stderr.lines().collect::<Vec<_>>(), ["13", "14", "15", "16", "17", "18", "19", "20"]);
}

#[test]
fn a_dialogue_waits_for_a_line_and_ends_with_standard_input() {
    let finished = block_on(async {
        let mut running = shell("echo ready >&2; read word; echo got $word; cat").open().unwrap();
        running.wait_for_line("ready", DEADLINE).await.unwrap();
        running.write(b"it\n").await.unwrap();
        running.finish(DEADLINE).await.unwrap()
    });
    assert_eq!(finished.stdout_text(), "got it\n");
}

#[test]
fn a_line_that_does_not_come_is_an_error_with_what_came() {
    let ended = block_on(async {
        shell("echo readyish >&2").open().unwrap().wait_for_line("ready", DEADLINE).await.unwrap_err()
    });
    assert!(matches!(&ended, ExecError::NoLine { stderr, .. } if stderr == "readyish"), "{ended}");
    let late = block_on(async {
        shell("sleep 1000").open().unwrap().wait_for_line("ready", Duration::from_millis(50)).await.unwrap_err()
    });
    assert!(matches!(late, ExecError::Deadline { .. }), "{late}");
}

#[test]
fn how_a_program_ended_is_known_before_it_is_reaped() {
    let finished = block_on(async {
        let mut running = shell("read word; exit $word").open().unwrap();
        let id = running.id().unwrap();
        assert_eq!(ended(id), None);
        running.write(b"7\n").await.unwrap();
        let end = clock::until(DEADLINE, Duration::from_millis(2), "its end", async || match ended(id) {
            Some(exit) => clock::Poll::Ready(exit),
            None => clock::Poll::NotYet("it runs"),
        });
        assert_eq!(end.await, Ok(Exit::Code(7)));
        running.finish(DEADLINE).await.unwrap()
    });
    assert_eq!(finished.exit, Exit::Code(7));
}

#[test]
fn a_detached_program_writes_to_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| File::create(folder.path().join(name)).unwrap();
    let (id, stdin) = shell("echo out; cat; echo err >&2").detach(file("out"), file("err")).unwrap();
    drop(stdin);
    let id = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap());
    let status = nix::sys::wait::waitpid(id, None).unwrap();
    assert_eq!(status, nix::sys::wait::WaitStatus::Exited(id, 0));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("out"), read("err")), ("out\n".to_owned(), "err\n".to_owned()));
}

#[test]
fn what_a_program_has_forked_is_found_by_its_group_when_the_program_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| File::create(folder.path().join(name)).unwrap();
    // Without standard input, output and error, so that only the fork itself keeps it alive.
    let (leader, stdin) = shell("sleep 1000 <&- >&- 2>&- & sleep 1000 <&- >&- 2>&- & echo $! > forked; exit")
        .directory(folder.path())
        .detach(file("out"), file("err"))
        .unwrap();
    drop(stdin);
    let leader = nix::unistd::Pid::from_raw(i32::try_from(leader).unwrap());
    nix::sys::wait::waitpid(leader, None).unwrap();
    let forked: i32 = std::fs::read_to_string(folder.path().join("forked")).unwrap().trim().parse().unwrap();
    kill_group_of(forked).unwrap();
    let gone =
        clock::until(
            DEADLINE,
            Duration::from_millis(2),
            "the end of the group",
            async || match nix::sys::signal::killpg(leader, None) {
                Err(nix::errno::Errno::ESRCH) => clock::Poll::Ready(()),
                other => clock::Poll::NotYet(format!("{other:?}")),
            },
        );
    block_on(gone).unwrap();
    // And one that has ended already is no error.
    kill_group_of(forked).unwrap();
}
