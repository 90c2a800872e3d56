//! The probe on a real kernel: what it must see, and what it must not.

#[path = "probe/scratch.rs"]
mod scratch;

mod look {
    use super::scratch::*;
    use lab::observe::*;
    use lab::probe::{Answer, Request};

    #[test]
    fn smoke() {
        let (one, _two) = pair();
        println!("{:#?}", one.answer(Request::View));
        for (destination, source, iif) in
            [(TWO, None, None), ([8, 8, 8, 8].into(), None, None), (TWO, Some(NOBODY), Some("eth0".into()))]
        {
            println!("{:?}", one.answer(Request::Lookups(vec![LookupQuery { destination, source, iif }])));
        }
        let d = std::time::Duration::from_secs(5);
        println!(
            "{:?}",
            one.answer(Request::Resolve { device: "eth0".into(), addresses: vec![TWO, NOBODY, ONE], deadline: d })
        );
        println!(
            "{:?}",
            one.answer(Request::Ping { destination: TWO, lengths: vec![84, 1500, 1501, 9000], deadline: d })
        );
        println!("{:?}", one.answer(Request::ServiceTable));
        println!(
            "{:?}",
            one.answer(Request::Http(lab::probe::HttpAsk {
                to: std::net::SocketAddrV4::new(TWO, 80),
                path: "/".into(),
                until_bodies: 2,
                attempts: 3,
                attempt_deadline: d,
                deadline: d
            }))
        );
    }
}
