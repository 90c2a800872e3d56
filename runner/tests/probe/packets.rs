//! A packet socket on a loopback: which frames it takes, and what it says of those that it had no room for.

use std::net::UdpSocket;
use std::time::Duration;

use lab_base::clock;
use lab_model::request::CaptureFilter;
use lab_probe::packet_socket::PacketSocket;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use socket2::SockRef;

use super::scratch::Netns;

/// What a body does with a packet socket on the loopback of a network namespace of its own.
fn on_loopback<T: Send>(body: impl AsyncFnOnce(PacketSocket) -> T + Send) -> T {
    Netns::new().run(async |_rtnetlink| body(PacketSocket::open("lo", CaptureFilter::Ipv4AndArp).unwrap()).await)
}

#[test]
fn a_frame_that_is_dated_when_it_is_read_is_taken_and_one_that_came_much_later_is_not() {
    let (late, much_later) = on_loopback(async |mut socket| {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut taken = |dated: bool, until: Duration| {
            setsockopt(&socket, ReceiveTimestampns, &dated).unwrap();
            sender.send_to(&[0; 10], receiver.local_addr().unwrap()).unwrap();
            let mut frames = Vec::new();
            socket.drain(&mut frames, until).unwrap();
            frames.len()
        };
        // The clock of this host is set: 1970 was long ago.
        (taken(false, clock::unix_now()), taken(true, Duration::ZERO))
    });
    // Each is seen going out and coming in.
    assert_eq!((late, much_later), (2, 0));
}

#[test]
fn frames_without_room_are_counted_also_after_the_last_that_had_room() {
    let (kept, told, lost) = on_loopback(async |mut socket| {
        SockRef::from(&socket).set_recv_buffer_size(64 << 10).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Without somebody who listens each refusal would be a frame too.
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _datagram in 0..500 {
            sender.send_to(&[0; 1000], receiver.local_addr().unwrap()).unwrap();
        }
        let mut frames = Vec::new();
        socket.drain(&mut frames, clock::unix_now()).unwrap();
        (frames.len(), socket.told_lost(), socket.lost().await)
    });
    assert_eq!(told, 0, "all that was kept came before the first loss");
    // Each is seen twice on the loopback: going out, and coming in.
    assert_eq!(kept + usize::try_from(lost).unwrap(), 1000, "{kept} kept, {lost} lost");
    assert!(lost > 0);
}
