//! Commands in containers through the Engine's API.

use std::time::Duration;

use lab_base::clock;
use lab_base::clock::Poll;
use lab_engine::EngineError;
use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};

const LONG: Duration = Duration::from_mins(1);

fn one() -> Plan {
    Plan { nodes: Some(vec![NodePlan::new("worker", "worker")]), ..Plan::default() }
}

#[test]
fn a_command_is_run_to_its_end() {
    with_engine("a_command_is_run_to_its_end", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let worker = &cluster.nodes()[0].0;
        let script = "cat; echo on stderr >&2; exit 7";
        let ran = engine.exec(worker, ["sh", "-c", script], b"on stdin".to_vec(), LONG).await.unwrap();
        assert_eq!((ran.stdout_text().as_str(), ran.stderr_text().as_str(), ran.code), ("on stdin", "on stderr\n", 7));
        let quiet = engine.exec(worker, ["cat"], Vec::new(), LONG).await.unwrap();
        assert!(quiet.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty());
        let killed = engine.exec(worker, ["sh", "-c", "kill -9 $$"], Vec::new(), LONG).await.unwrap();
        assert_eq!(killed.code, 137);
    });
}

#[test]
fn much_goes_in_and_out_at_once() {
    with_engine("much_goes_in_and_out_at_once", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let much: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut started = engine.start(&cluster.nodes()[0].0, ["cat"], true).await.unwrap();
        // Far more than any buffer between here and there holds: cat blocks unless its output is read meanwhile.
        started.write(&much[..much.len() / 2]).await.unwrap();
        let ran = started.finish(&much[much.len() / 2..], LONG).await.unwrap();
        assert!(ran.success() && ran.stdout == much, "{} of {} octets", ran.stdout.len(), much.len());
    });
}

#[test]
fn a_program_that_does_not_read_its_input_is_no_failure() {
    with_engine("a_program_that_does_not_read_its_input_is_no_failure", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let much = vec![0; 8_000_000];
        let worker = &cluster.nodes()[0].0;
        let ran = engine.exec(worker, ["sh", "-c", "echo done; exit 3"], much.clone(), LONG).await.unwrap();
        assert_eq!((ran.stdout_text().as_str(), ran.code), ("done\n", 3));
        // So it is where it is written to in pieces: what is left of it is not waited for.
        let mut started = engine.start(worker, ["sh", "-c", "echo done; exit 3"], true).await.unwrap();
        let written =
            clock::until(LONG, Duration::ZERO, "the end of its input", async || match started.write(&much).await {
                Ok(()) => Poll::NotYet("it takes more"),
                Err(error) => Poll::Ready(error.to_string()),
            });
        let error = written.await.unwrap();
        assert!(error.contains("its standard input is closed"), "{error}");
        let ran = started.finish(&[], LONG).await.unwrap();
        assert_eq!((ran.stdout_text().as_str(), ran.code), ("done\n", 3));
    });
}

#[test]
fn a_command_that_does_not_end_is_left_with_its_last_lines() {
    with_engine("a_command_that_does_not_end_is_left_with_its_last_lines", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let worker = &cluster.nodes()[0].0;
        let deadline = Duration::from_secs(2);
        let script = ["sh", "-c", "echo about to wait >&2; exec sleep 60"];
        let error = engine.exec(worker, script, Vec::new(), deadline).await.unwrap_err();
        let EngineError::NotEnded { stderr, container, .. } = &error else { panic!("{error}") };
        assert_eq!((stderr.as_str(), container), ("about to wait", worker));
    });
}

#[test]
fn what_cannot_be_run_is_told_apart_from_what_fails() {
    with_engine("what_cannot_be_run_is_told_apart_from_what_fails", async |engine| {
        let cluster = Cluster::make(&engine, one()).await;
        let worker = &cluster.nodes()[0];
        let run = async |container: &str, program: &str| {
            engine.exec(container, [program], Vec::new(), LONG).await.unwrap_err()
        };
        let error = run(&worker.0, "no-such-program").await;
        let EngineError::NotRunnable { container, program, why } = &error else { panic!("{error}") };
        assert_eq!((container.as_str(), program.as_str()), (worker.0.as_str(), "no-such-program"));
        assert!(why.contains("executable file not found in $PATH") && !why.contains("OCI"), "{why}");
        // A program that ends with the same code by itself is one that ran.
        let own = engine.exec(&worker.0, ["sh", "-c", "exit 127"], Vec::new(), LONG).await.unwrap();
        assert_eq!(own.code, 127);

        cluster.stop(worker).await;
        let error = run(&worker.0, "cat").await;
        let EngineError::Halted { container, paused: false } = &error else { panic!("{error}") };
        assert_eq!(container, &worker.0);
        let error = run("lab-no-such-container", "cat").await;
        assert!(error.is_missing(), "{error}");
        assert!(
            error.to_string().starts_with("the Docker Engine would not run `cat` in lab-no-such-container: "),
            "{error}"
        );
    });
}
