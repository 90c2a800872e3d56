//! Ctrl-C while kind or Helm run: exit code 130, and nothing is left.

use nix::sys::signal::Signal;
use std::fs;

use super::process::Running;
use super::world::in_world;

#[test]
fn ctrl_c_while_kind_hangs_leaves_nothing() {
    in_world("ctrl_c_while_kind_hangs_leaves_nothing", |world| {
        for (command, step) in [("up", "begin"), ("run", "network"), ("up", "nodes"), ("run", "kubeconfig")] {
            let file = format!("at-{step}");
            world.fake("steps", "");
            world.fake(&file, "sleep 1000\n");
            let mut lab = Running::start(world.made_by(command));
            // What it says of itself is more than a pipe that nobody reads holds.
            lab.stop_reading();
            world.wait_for(&format!("kind {step}"));
            lab.signal_group(Signal::SIGINT);
            let ended = lab.finish().code(130);
            let told = ended.stderr.matches("… interrupted; taking the lab down\n").count();
            assert_eq!(told, 1, "{ended}");
            world.assert_nothing_left();
            fs::remove_file(world.path("fakes").join(file)).unwrap();
        }
    });
}

#[test]
fn ctrl_c_while_containers_are_being_made_leaves_none() {
    in_world("ctrl_c_while_containers_are_being_made_leaves_none", |world| {
        // The Engine goes on making a container whose client is gone.
        for _ in 0..3 {
            world.fake("steps", "");
            let mut lab = Running::start(world.made_by("up"));
            lab.stop_reading();
            world.wait_for("kind node");
            lab.signal_group(Signal::SIGINT);
            lab.finish().code(130);
            world.assert_nothing_left();
        }
    });
}
