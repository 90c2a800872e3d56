//! What the doctor refuses: exit code 4, and nothing is made.

use super::process::Running;
use super::world::in_world;

#[test]
fn what_the_doctor_refuses_is_not_begun() {
    in_world("what_the_doctor_refuses_is_not_begun", |world| {
        world.fake("kind-version", "kind v0.31.0 go1.25.1 linux/amd64\n");
        let ended = world.up().code(4);
        assert!(ended.stderr.contains("tools.kind: ") && ended.stderr.contains("0.17.0 is pinned"), "{ended}");
        let ended = Running::start(world.made_by("run")).finish().code(4);
        assert!(ended.stdout.contains("tools.kind: ") && ended.stdout.contains("0.17.0 is pinned"), "{ended}");
        world.fake("kind-version", "kind v0.17.0 go1.19.2 linux/amd64\n");

        // The program reaches another Engine than the environment names, or none.
        let mut nowhere = world.made_by("up");
        nowhere.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let ended = Running::start(nowhere).finish().code(4);
        assert!(ended.stderr.contains("docker.engine: ") && ended.stderr.contains("/nowhere/docker.sock"), "{ended}");
        assert_eq!(world.steps(), [""; 0]);
    });
}
