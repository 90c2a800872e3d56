//! Who has a name: one of two labs, and whoever was there before.

use lab_stand_in::{Cluster, Plan};
use nix::sys::signal::Signal;
use std::sync::mpsc;

use super::process::{DEADLINE, Running};
use super::scripts;
use super::world::in_world;

#[test]
fn the_second_lab_of_a_name_is_refused() {
    in_world("the_second_lab_of_a_name_is_refused", |world| {
        world.fake("at-begin", "sleep 1000\n");
        let mut first = Running::start(world.made_by("up"));
        first.stop_reading();
        world.wait_for("kind begin");
        let (name, folder) = (&world.name, world.state());
        let taken = format!(
            "a lab named {name} exists already ({}); enter it with `lab shell --name {name} NODE`, remove it with \
             `lab down --name {name}`, or choose another `--name`",
            folder.display()
        );
        Running::start(world.made_by("up")).finish().code(2).says(&taken);
        Running::start(world.made_by("run")).finish().code(2).mentions(&["exists already", "another `--name`"]);
        first.signal(Signal::SIGTERM);
        first.finish().code(130);
    });
}

#[test]
fn of_two_labs_of_a_name_that_begin_at_once_one_is_refused() {
    in_world("of_two_labs_of_a_name_that_begin_at_once_one_is_refused", |world| {
        world.fake("at-begin", "while [ ! -e \"$FAKES/go-on\" ]; do sleep 0.05; done; say 'it ends here'; exit 1\n");
        let (end, ended) = mpsc::channel();
        std::thread::scope(|scope| {
            for command in ["run", "up"] {
                let end = end.clone();
                let made = world.made_by(command);
                scope.spawn(move || end.send(Running::start(made).finish()));
            }
            let loser = ended.recv_timeout(DEADLINE).unwrap();
            world.fake("go-on", "");
            let winner = ended.recv_timeout(DEADLINE).unwrap();
            let taken = format!("a lab named {} exists already", world.name);
            assert!(loser.stderr.contains(&taken), "{loser}");
            loser.code(2);
            winner.code(5);
        });
        assert_eq!(world.steps(), ["kind begin"]);
    });
}

#[test]
fn a_foreign_cluster_of_the_name_is_refused_and_left_alone() {
    in_world("a_foreign_cluster_of_the_name_is_refused_and_left_alone", |world| {
        let plan = Plan { name: Some(world.name.clone()), ..scripts::one() };
        let foreign = world.ask(Cluster::make(&world.engine, plan));
        let before = world.members();
        let ended = world.up().code(4);
        for part in
            ["cluster.name: a cluster that lab did not make has the name ", "choose another name: lab up --name NAME"]
        {
            assert!(ended.stderr.contains(part), "{ended}");
        }
        world
            .run(&["down", "--name", &world.name])
            .code(0)
            .quiet()
            .prints(&format!("there is no lab named {}; nothing to do\n", world.name));
        assert_eq!(world.members(), before);
        assert_eq!(world.steps(), [""; 0]);
        drop(foreign);
    });
}
