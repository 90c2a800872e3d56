//! A Helm that fails, and one that hangs.

use nix::sys::signal::Signal;
use std::fs;

use super::process::Running;
use super::world::in_world;

#[test]
fn a_helm_that_fails_is_told_and_one_that_hangs_can_be_left() {
    in_world("a_helm_that_fails_is_told_and_one_that_hangs_can_be_left", |world| {
        world.fake(
            "at-helm",
            "echo 'Error: INSTALLATION FAILED: cannot re-use a name that is still in use' >&2; exit 1\n",
        );
        let ended = world.up().code(5);
        for part in ["helm install cilium ", "exit code 1: Error: INSTALLATION FAILED: cannot re-use a name"] {
            assert!(ended.stderr.contains(part), "{part} is not in: {ended}");
        }
        world.assert_nothing_left();

        world.fake("steps", "");
        world.fake("at-helm", "sleep 1000\n");
        let mut lab = Running::start(world.made_by("run"));
        lab.stop_reading();
        world.wait_for("helm helm");
        lab.signal_group(Signal::SIGINT);
        lab.finish().code(130);
        assert!(!fs::exists(world.path("fakes").join("helm-install")).unwrap());
    });
}
