//! Resolutions.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use lab_base::clock;
use lab_base::clock::Poll;
use lab_model::observe::{MacAddr, NeighbourState, Resolution, Resolved};
use lab_model::request::{Answer, Request};
use lab_netlink::{add_neighbour, nud, set_down};

use crate::scratch::{NOBODY, Netns, ONE, TWO, address, pair};

fn request(addresses: &[Ipv4Addr], deadline: Duration) -> Request {
    Request::Resolve { device: "eth0".to_owned(), addresses: addresses.to_vec(), deadline }
}

fn resolve(netns: &Netns, addresses: &[Ipv4Addr], deadline: Duration) -> Vec<Resolved> {
    let answer = netns.answer(request(addresses, deadline));
    let Ok(Answer::Resolved(resolutions)) = answer else { panic!("{answer:?}") };
    let asked: Vec<Ipv4Addr> = resolutions.iter().map(|resolution| resolution.address).collect();
    assert_eq!(asked, addresses);
    resolutions.into_iter().map(|Resolution { outcome, .. }| outcome).collect()
}

fn mac(netns: &Netns) -> MacAddr {
    netns.view().link("eth0").and_then(|link| link.mac).unwrap()
}

#[test]
fn a_peer_answers_and_nobody_is_silent() {
    let (one, two) = pair();
    let begun = clock::now();
    let deadline = Duration::from_millis(300);
    let outcomes = resolve(&one, &[NOBODY, TWO], deadline);
    assert_eq!(outcomes, [Resolved::Silent, Resolved::Answered(mac(&two))]);
    assert!(begun.elapsed() >= deadline, "silence was not waited for");
    assert_eq!(one.view().neighbours, [], "what was asked for is forgotten");
}

#[test]
fn a_link_that_is_just_coming_up_is_waited_for() {
    for _round in 0..20 {
        let (one, two) = (Netns::new(), Netns::new());
        one.plug("eth0", ONE, &two, TWO, 1500);
        // Less than the kernel waits before it asks again.
        let outcomes = resolve(&one, &[TWO], Duration::from_millis(900));
        assert_eq!(outcomes, [Resolved::Answered(mac(&two))]);
    }
}

#[test]
fn a_peer_that_asks_has_not_answered_yet() {
    let (one, two) = pair();
    two.sysctl("ipv4/conf/eth0/arp_ignore", "8");
    let outcome = thread::scope(|scope| {
        let resolving = scope.spawn(|| resolve(&one, &[TWO], Duration::from_secs(20)));
        one.run(async |_connection| {
            let asked = async || match one.view().neighbours.first() {
                Some(entry) if entry.state == NeighbourState::Incomplete => Poll::Ready(()),
                other => Poll::NotYet(format!("{other:?}")),
            };
            let interval = Duration::from_millis(1);
            clock::until(Duration::from_secs(10), interval, "a question", asked).await.unwrap();
        });
        // Its question tells its address: the kernel takes that, and asks no more.
        assert_eq!(resolve(&two, &[ONE], Duration::from_secs(10)), [Resolved::Answered(mac(&one))]);
        two.sysctl("ipv4/conf/eth0/arp_ignore", "0");
        resolving.join().unwrap()
    });
    assert_eq!(outcome, [Resolved::Answered(mac(&two))]);
}

#[test]
fn silence_ends_with_the_kernels_own_patience() {
    let (one, _two) = pair();
    let begun = clock::now();
    assert_eq!(resolve(&one, &[NOBODY], Duration::from_mins(1)), [Resolved::Silent]);
    assert!(begun.elapsed() < Duration::from_secs(30), "the kernel gives up after three probes of a second");
}

/// Tells of a wrong address for the peer.
fn know(netns: &Netns, state: u16) {
    netns.run(async |connection| {
        let eth0 = connection.index("eth0").await.unwrap();
        connection.make(add_neighbour(eth0, TWO, [2, 0, 0, 0, 0, 1], state)).await.unwrap();
    });
}

#[test]
fn what_is_known_already_is_asked_for_anew() {
    let (one, two) = pair();
    know(&one, nud::REACHABLE);
    assert_eq!(resolve(&one, &[TWO], Duration::from_secs(10)), [Resolved::Answered(mac(&two))]);
}

#[test]
fn a_permanent_entry_is_left_alone() {
    let (one, _two) = pair();
    know(&one, nud::PERMANENT);
    let outcomes = resolve(&one, &[TWO], Duration::from_secs(10));
    let reason = "the ARP table has a permanent entry for it, 02:00:00:00:00:01";
    assert_eq!(outcomes, [Resolved::NotAsked(reason.to_owned())]);
    assert_eq!(one.view().neighbours.len(), 1);
}

#[test]
fn a_link_that_cannot_ask_says_so() {
    let (one, two) = pair();
    two.run(async |connection| connection.make(set_down("eth0")).await.unwrap());
    let not_asked = |reason: &str| [Resolved::NotAsked(reason.to_owned())];
    assert_eq!(resolve(&one, &[TWO], Duration::from_secs(10)), not_asked("link eth0 has no carrier"));
    assert_eq!(resolve(&two, &[ONE], Duration::from_secs(10)), not_asked("link eth0 is down"));
    let none = Netns::new().answer(request(&[TWO], Duration::from_secs(10)));
    assert_eq!(none, Err("there is no link eth0 in this namespace".to_owned()));
}

#[test]
fn ninety_nine_at_once_take_no_longer_than_one() {
    let (one, two) = pair();
    let addresses: Vec<Ipv4Addr> = (2..=100).map(|host| Ipv4Addr::new(192, 0, 2, host)).collect();
    two.run(async |connection| {
        for more in &addresses[1..] {
            address(&connection, "eth0", *more).await;
        }
    });
    let begun = clock::now();
    let outcomes = resolve(&one, &addresses, Duration::from_secs(20));
    assert_eq!(outcomes, vec![Resolved::Answered(mac(&two)); 99]);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}: one after the other?", begun.elapsed());
}

#[test]
fn two_that_ask_each_other_at_the_same_time_are_both_answered() {
    let (one, two) = pair();
    let (first, second) = (mac(&one), mac(&two));
    let deadline = Duration::from_secs(20);
    let asks = [one.ask(request(&[TWO], deadline)), two.ask(request(&[ONE], deadline))];
    let (_sender, stop) = tokio::sync::watch::channel(false);
    for _round in 0..50 {
        let answers = lab_probe::answers(&asks, None, || {}, &stop);
        let seen: BTreeSet<MacAddr> = answers
            .into_iter()
            .map(|answered| match answered.answer {
                Ok(Answer::Resolved(resolutions)) => match resolutions.as_slice() {
                    [Resolution { outcome: Resolved::Answered(mac), .. }] => *mac,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(seen, BTreeSet::from([first, second]));
    }
}
