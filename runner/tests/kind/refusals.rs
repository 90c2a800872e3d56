//! What the doctor refuses: exit code 4, and nothing is made.

use super::process::Running;
use super::world::in_world;

#[test]
fn what_the_doctor_refuses_is_not_begun() {
    in_world("what_the_doctor_refuses_is_not_begun", |world| {
        world.fake("kind-version", "segmentation fault\n");
        let refused = "its output has no version of kind";
        let ended = world.up().code(4);
        assert!(ended.stderr.contains("tools.kind: ") && ended.stderr.contains(refused), "{ended}");
        let ended = Running::start(world.made_by("run")).finish().code(4);
        assert!(ended.stdout.contains("tools.kind: ") && ended.stdout.contains(refused), "{ended}");
        world.fake("kind-version", "kind v0.17.0 go1.19.2 linux/amd64\n");

        // The program reaches another Engine than the environment names, or none.
        let mut nowhere = world.made_by("up");
        nowhere.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let ended = Running::start(nowhere).finish().code(4);
        assert!(ended.stderr.contains("docker.engine: ") && ended.stderr.contains("/nowhere/docker.sock"), "{ended}");
        assert_eq!(world.steps(), [""; 0]);
    });
}
