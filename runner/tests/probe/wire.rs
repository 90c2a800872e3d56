//! Pings and captures.

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use lab_base::clock;
use lab_base::exec::Invocation;
use lab_model::observe::{Capture, Payload, PingOutcome, RouteKind};
use lab_model::request::{Answer, Answered, CaptureFilter, Request};
use lab_netlink::{NewRoute, delete_link, set_down};
use lab_probe::pcap;
use nix::libc::{RTN_PROHIBIT, RTN_UNREACHABLE};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, sendto, socket};
use tokio::sync::watch;

use crate::scratch::{NOBODY, Netns, ONE, TWO, pair};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
/// Behind the router.
const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

fn ping(netns: &Netns, destination: Ipv4Addr, lengths: &[u32], deadline: Duration) -> Vec<PingOutcome> {
    let answer = netns.answer(Request::Ping { destination, lengths: lengths.to_vec(), deadline });
    let Ok(Answer::Pinged(replies)) = answer else { panic!("{answer:?}") };
    assert_eq!(replies.iter().map(|reply| reply.length).collect::<Vec<_>>(), lengths);
    replies.into_iter().map(|reply| reply.outcome).collect()
}

/// `one`, a router, and `far` behind it, over a link of this MTU.
fn routed(mtu: u32) -> (Netns, Netns, Netns) {
    let ((one, router), far) = (pair(), Netns::new());
    router.connect("eth1", Ipv4Addr::new(198, 51, 100, 1), &far, FAR, mtu);
    router.sysctl("ipv4/ip_forward", "1");
    one.route(NewRoute::default_via(TWO));
    far.route(NewRoute::default_via(Ipv4Addr::new(198, 51, 100, 1)));
    (one, router, far)
}

fn narrow(mtu: u32) -> NewRoute {
    NewRoute { mtu: Some(mtu), ..NewRoute::to_host(FAR) }
}

#[test]
fn a_packet_of_the_links_mtu_passes_and_one_more_octet_does_not() {
    let (one, _two) = pair();
    let outcomes = ping(&one, TWO, &[28, 84, 1500, 1501], LONG);
    assert_eq!(outcomes[..3], [const { PingOutcome::Answered }; 3]);
    assert_eq!(outcomes[3], PingOutcome::TooBig(Some(1500)));
}

#[test]
fn a_narrow_link_behind_a_router_is_told_by_the_router() {
    let (one, _router, _far) = routed(1400);
    let outcomes = ping(&one, FAR, &[1400, 1401], LONG);
    assert_eq!(outcomes, [PingOutcome::Answered, PingOutcome::TooBig(Some(1400))]);
    // Now this host knows, and says so itself; what it has learned is no route.
    assert_eq!(ping(&one, FAR, &[1500], LONG), [PingOutcome::TooBig(Some(1400))]);
    let learned = one.view().routes.into_iter().filter(|route| route.destination.addr() == FAR);
    assert_eq!(learned.count(), 0);
}

#[test]
fn a_narrow_route_on_a_wide_link_is_too_narrow() {
    let (one, router, _far) = routed(1500);
    assert_eq!(ping(&one, FAR, &[1500], LONG), [PingOutcome::Answered]);
    // On the way.
    router.route_by("eth1", narrow(1450));
    assert_eq!(ping(&one, FAR, &[1450, 1451], LONG), [PingOutcome::Answered, PingOutcome::TooBig(Some(1450))]);
    // On this host.
    let (one, _router, _far) = routed(1500);
    one.route(narrow(1450).via(TWO));
    assert_eq!(ping(&one, FAR, &[1450, 1451], LONG), [PingOutcome::Answered, PingOutcome::TooBig(Some(1450))]);
}

#[test]
fn refusals_are_told_and_silence_is_silence() {
    let (one, router, _far) = routed(1500);
    assert_eq!(ping(&one, NOBODY, &[84], SHORT), [PingOutcome::Silent]);
    router.route(NewRoute { kind: RTN_PROHIBIT, ..NewRoute::to_host(FAR) });
    let refused = |text: &str| [PingOutcome::Refused(text.to_owned())];
    let prohibited = "prohibited by a filter (ICMP type 3 code 13), from 192.0.2.2";
    assert_eq!(ping(&one, FAR, &[84], LONG), refused(prohibited));
    one.route(NewRoute { kind: RTN_UNREACHABLE, ..NewRoute::to_host(FAR) });
    assert_eq!(ping(&one, FAR, &[84], LONG), refused("no route to host"));
    let too_short = one.answer(Request::Ping { destination: TWO, lengths: vec![27], deadline: LONG });
    assert_eq!(too_short, Err("an echo request cannot have 27 octets: at least 28, at most 65535".to_owned()));
}

fn capture(netns: &Netns, filter: CaptureFilter, deadline: Duration, pcap: Option<PathBuf>) -> lab_model::request::Ask {
    netns.ask(Request::Capture { device: "eth0".to_owned(), filter, deadline, pcap })
}

fn captured(answered: &Answered) -> &Capture {
    match &answered.answer {
        Ok(Answer::Captured(capture)) => capture,
        other => panic!("{other:?}"),
    }
}

/// Captures while this is done.
fn while_capturing(asks: &[lab_model::request::Ask], body: impl FnOnce() + Send) -> Vec<Answered> {
    let (stop, stopped) = watch::channel(false);
    std::thread::scope(|scope| {
        let during = || {
            scope.spawn(move || {
                body();
                stop.send(true).unwrap();
            });
        };
        lab_probe::answers(asks, None, during, &stopped)
    })
}

/// Echo requests and replies, as source and destination.
fn echoes(capture: &Capture, kind: u8) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let packets = capture.frames.iter().filter_map(|frame| frame.ip.as_ref());
    let echoes = packets.filter(|ip| matches!(&ip.payload, Payload::Icmp(icmp) if icmp.kind == kind));
    echoes.map(|ip| (ip.source, ip.destination)).collect()
}

#[test]
fn captures_see_both_ways_at_both_ends_and_are_kept() {
    let (one, two) = pair();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.pcap");
    let asks = [
        capture(&one, CaptureFilter::Ipv4AndArp, LONG, None),
        capture(&two, CaptureFilter::Ipv4AndArp, LONG, Some(file.clone())),
    ];
    let before = clock::unix_now();
    let answers = while_capturing(&asks, || {
        assert_eq!(ping(&one, TWO, &[84, 1500], LONG), [PingOutcome::Answered, PingOutcome::Answered]);
    });
    for answered in &answers {
        let capture = captured(answered);
        assert_eq!(echoes(capture, 8), [(ONE, TWO), (ONE, TWO)], "{capture:#?}");
        assert_eq!(echoes(capture, 0), [(TWO, ONE), (TWO, ONE)]);
        assert_eq!((capture.lost, capture.device.as_str()), (0, "eth0"));
        let arp = capture.frames.iter().filter(|frame| frame.ethertype == 0x0806);
        assert!(arp.count() >= 2, "a question and an answer: {capture:#?}");
    }
    assert_eq!(captured(&answers[1]).pcap.as_deref(), Some(file.as_path()));
    let kept = pcap::read(&file).unwrap();
    assert_eq!(kept.len(), captured(&answers[1]).frames.len());
    assert!(kept.iter().all(|frame| (before..=clock::unix_now()).contains(&frame.at)));
    assert!(kept.iter().any(|frame| frame.original_length == 1514 && frame.bytes.len() == 1514));
}

#[test]
fn tcpdump_can_read_a_capture() {
    let (one, two) = pair();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.pcap");
    while_capturing(&[capture(&two, CaptureFilter::Ipv4AndArp, LONG, Some(file.clone()))], || {
        assert_eq!(ping(&one, TWO, &[84], LONG), [PingOutcome::Answered]);
    });
    let tcpdump = Invocation::new("tcpdump").args(["-nr"]).args([&file]).args(["icmp"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read = runtime.block_on(tcpdump.run(LONG)).unwrap();
    assert!(read.success(), "{}", read.stderr_text());
    let text = read.stdout_text();
    assert_eq!(text.matches("192.0.2.1 > 192.0.2.2: ICMP echo request").count(), 1, "{text}");
    assert_eq!(text.matches("192.0.2.2 > 192.0.2.1: ICMP echo reply").count(), 1, "{text}");
}

#[test]
fn a_capture_sees_its_own_link_and_no_other() {
    let ((one, _two), other) = (pair(), Netns::new());
    one.connect("eth1", Ipv4Addr::new(198, 51, 100, 1), &other, FAR, 1500);
    let answers = while_capturing(&[capture(&one, CaptureFilter::All, LONG, None)], || {
        assert_eq!(ping(&one, FAR, &[84], LONG), [PingOutcome::Answered]);
        assert_eq!(ping(&one, ONE, &[84], LONG), [PingOutcome::Answered], "over the loopback");
        assert_eq!(ping(&one, TWO, &[84], LONG), [PingOutcome::Answered]);
    });
    assert_eq!(echoes(captured(&answers[0]), 8), [(ONE, TWO)]);
}

/// An Ethernet type that is free for experiments (IEEE 802, 0x88b5).
const EXPERIMENT: u16 = 0x88b5;

fn send_experiment(netns: &Netns) {
    netns.run(async |_connection| {
        let mut links = nix::ifaddrs::getifaddrs().unwrap().filter(|link| link.interface_name == "eth0");
        let link = links.find_map(|link| link.address.and_then(|address| address.as_link_addr().copied())).unwrap();
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).unwrap();
        let mut frame = vec![0xff; 12];
        frame.extend(EXPERIMENT.to_be_bytes());
        frame.extend([0; 46]);
        sendto(socket.as_raw_fd(), &frame, &link, MsgFlags::empty()).unwrap();
    });
}

#[test]
fn the_filter_drops_what_is_neither_ipv4_nor_arp() {
    let (one, two) = pair();
    let asks = [capture(&two, CaptureFilter::All, LONG, None), capture(&two, CaptureFilter::Ipv4AndArp, LONG, None)];
    let answers = while_capturing(&asks, || {
        send_experiment(&one);
        assert_eq!(ping(&one, TWO, &[84], LONG), [PingOutcome::Answered]);
    });
    let has = |answered: &Answered| captured(answered).frames.iter().any(|frame| frame.ethertype == EXPERIMENT);
    assert!(has(&answers[0]));
    assert!(!has(&answers[1]));
    assert_eq!(echoes(captured(&answers[1]), 8), [(ONE, TWO)]);
    let types = captured(&answers[1]).frames.iter().map(|frame| frame.ethertype);
    assert!(types.clone().all(|kind| [0x0800, 0x0806].contains(&kind)), "{:x?}", types.collect::<Vec<_>>());
}

#[test]
fn a_capture_of_nothing_is_empty_and_ends_at_its_deadline() {
    let (one, _two) = pair();
    let begun = clock::now();
    let (_stop, stopped) = watch::channel(false);
    let asks = [capture(&one, CaptureFilter::Ipv4AndArp, SHORT, None)];
    let answers = lab_probe::answers(&asks, None, || {}, &stopped);
    assert_eq!(captured(&answers[0]).frames, []);
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn other_questions_are_asked_while_captures_run() {
    let (one, two) = pair();
    let asks = [
        one.ask(Request::Ping { destination: TWO, lengths: vec![84], deadline: LONG }),
        capture(&two, CaptureFilter::Ipv4AndArp, SHORT, None),
        two.ask(Request::View),
    ];
    let (_stop, stopped) = watch::channel(false);
    let answers = lab_probe::answers(&asks, None, || {}, &stopped);
    assert_eq!(echoes(captured(&answers[1]), 8), [(ONE, TWO)], "{answers:#?}");
    let Ok(Answer::View(view)) = &answers[2].answer else { panic!("{answers:#?}") };
    assert!(view.routes.iter().any(|route| route.kind == RouteKind::Local));
}

#[test]
fn captures_run_all_or_none() {
    let (one, two) = pair();
    two.run(async |connection| connection.make(delete_link("eth0")).await.unwrap());
    let (three, _four) = pair();
    let asks = [
        capture(&three, CaptureFilter::All, Duration::from_mins(10), None),
        capture(&one, CaptureFilter::All, Duration::from_mins(10), None),
        three.ask(Request::View),
    ];
    let (_stop, stopped) = watch::channel(false);
    let answers = lab_probe::answers(&asks, None, || panic!("one of them cannot run"), &stopped);
    assert_eq!(answers[1].answer, Err("there is no link eth0 in this namespace".to_owned()));
    assert_eq!(answers[2].answer, Err("not asked, because a capture could not begin".to_owned()));
    assert_eq!(captured(&answers[0]).device, "eth0");
}

#[test]
fn a_link_that_goes_down_ends_its_capture_with_an_error() {
    let (one, _two) = pair();
    let answers = while_capturing(&[capture(&one, CaptureFilter::All, LONG, None)], || {
        one.run(async |connection| connection.make(set_down("eth0")).await.unwrap());
    });
    assert_eq!(answers[0].answer, Err("cannot read frames: Network is down (os error 100)".to_owned()));
}

#[test]
fn on_a_link_that_others_use_only_the_given_addresses_are_captured_and_only_their_headers() {
    let (one, router, far) = routed(1500);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers.pcap");
    let ask = router.ask(Request::Capture {
        device: "eth1".to_owned(),
        filter: CaptureFilter::Headers(vec![ONE, NOBODY]),
        deadline: LONG,
        pcap: Some(file.clone()),
    });
    let answers = while_capturing(&[ask], || {
        assert_eq!(ping(&one, FAR, &[1500], LONG), [PingOutcome::Answered]);
        // Between two others, of which the link carries as much.
        assert_eq!(ping(&far, Ipv4Addr::new(198, 51, 100, 1), &[84], LONG), [PingOutcome::Answered]);
    });
    let seen = captured(&answers[0]);
    let packets: Vec<_> = seen.frames.iter().filter_map(|frame| frame.ip.as_ref()).collect();
    assert_eq!(packets.len(), 2, "{packets:?}");
    assert!(packets.iter().all(|ip| ip.length == 1500 && (ip.source == ONE || ip.destination == ONE)));
    let kept = pcap::read(&file).unwrap();
    let headers = usize::from(lab_model::request::HEADERS);
    assert!(kept.iter().all(|frame| frame.bytes.len() == headers), "{kept:?}");
}
