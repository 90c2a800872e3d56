//! A program that is killed while it makes a lab: the next command tells, and takes away what is there.

use nix::sys::signal::Signal;

use super::process::Running;
use super::world::in_world;

#[test]
fn what_a_killed_program_left_is_told_and_taken_away() {
    in_world("what_a_killed_program_left_is_told_and_taken_away", |world| {
        for (command, step) in [("run", "begin"), ("up", "nodes")] {
            world.fake("steps", "");
            world.fake(&format!("at-{step}"), "sleep 1000\n");
            let mut lab = Running::start(world.made_by(command));
            lab.line_with(" on kind: 3 nodes");
            lab.stop_reading();
            world.wait_for(&format!("kind {step}"));
            lab.signal(Signal::SIGKILL);
            lab.finish().signal(Signal::SIGKILL);
            if step == "begin" {
                // As when it is killed before it has noted which process kind is.
                std::fs::remove_file(world.path("state").join("lab").join(&world.name).join("kind.json")).ok();
            }

            let status = world.run(&["status"]).code(0).quiet();
            let told = format!("{} on kind, native routing, made ", world.name);
            let rest = "not finished, because the process that built it has ended; \
                        `lab down --name ";
            assert!(status.stdout.starts_with(&told) && status.stdout.contains(rest), "{status}");
            // Its name is not free: Docker has something of it perhaps.
            let again = Running::start(world.made_by("up")).finish().code(2);
            assert!(again.stderr.contains("exists already"), "{again}");
            let down = world.run(&["down", "--all"]).code(0).quiet().shows(&format!("lab {} is down:\n", world.name));
            assert_eq!(down.stdout.contains("removed the containers "), step == "nodes", "{down}");
            world.run(&["down", "--all"]).code(0).quiet().prints("no lab is up; nothing to do\n");
            assert_eq!(world.left(), [""; 0]);
            std::fs::remove_dir_all(world.path("work").join("lab-runs")).ok();
            std::fs::remove_dir_all(world.path("tmp")).unwrap();
            std::fs::create_dir(world.path("tmp")).unwrap();
            world.fake(&format!("at-{step}"), "");
        }
    });
}
