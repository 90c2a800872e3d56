//! HTTP requests.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use lab_model::observe::{HttpOutcome, HttpReply};
use lab_model::request::{Answer, HttpAsk, Request};
use lab_probe::hello;

use crate::scratch::{NOBODY, Netns, TWO, pair};

pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const PORT: u16 = 8080;

/// Serves each connection, counted from 0, inside a namespace, for as long as the test runs.
pub(crate) fn serve(netns: &Netns, serve: impl Fn(usize, TcpStream) + Send + 'static) {
    let listener = netns.run(async |_connection| TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap());
    // It ends with the process: nothing connects to it once the test's namespaces are gone.
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap());
        }
    });
}

/// Reads the request's head and answers with this body.
pub(crate) fn respond(mut stream: TcpStream, body: &str) {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap() == 1 {
        head.push(octet[0]);
    }
    assert!(head.starts_with(b"GET /path?query HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
    assert!(String::from_utf8_lossy(&head).to_lowercase().contains("connection: close"));
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

pub(crate) fn ask(to: Ipv4Addr) -> HttpAsk {
    HttpAsk {
        to: SocketAddrV4::new(to, PORT),
        path: "/path?query".to_owned(),
        ttl: None,
        until_bodies: 1,
        attempts: 1,
        attempt_deadline: LONG,
        deadline: LONG,
    }
}

pub(crate) fn replies(netns: &Netns, ask: HttpAsk) -> Vec<HttpReply> {
    let answer = netns.answer(Request::Http(ask));
    let Ok(Answer::Http(replies)) = answer else { panic!("{answer:?}") };
    replies
}

fn one(netns: &Netns, ask: HttpAsk) -> HttpReply {
    let mut replies = replies(netns, ask);
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

#[test]
fn a_response_is_whole_and_names_both_ends() {
    let (client, server) = pair();
    serve(&server, |_number, stream| respond(stream, "Hello, world!\n"));
    let reply = one(&client, ask(TWO));
    let body = "Hello, world!\n".to_owned();
    assert_eq!(reply.outcome, HttpOutcome::Response { status: 200, body });
    assert_eq!(reply.url, "http://192.0.2.2:8080/path?query");
    let connection = reply.connection.unwrap();
    assert_eq!(connection.local.ip(), &crate::scratch::ONE);
    let asked = SocketAddrV4::new(TWO, PORT);
    assert_eq!((connection.remote, connection.peer), (asked, Some(asked)));
}

#[test]
fn the_probes_own_server_answers_with_the_three_lines_of_its_name() {
    let (client, server) = pair();
    let listener = server.run(async |_connection| TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap());
    listener.set_nonblocking(true).unwrap();
    thread::spawn(|| {
        lab_base::runtime().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            hello::serve(listener, hello::Says::Hello { hostname: "client-1".to_owned() }).await;
        });
    });
    let body = "Hello, world!\nVersion: 1.0.0\nHostname: client-1\n".to_owned();
    assert_eq!(one(&client, ask(TWO)).outcome, HttpOutcome::Response { status: 200, body });
}

/// Asked for the address 0.0.0.0, Linux connects to the loopback (net/ipv4/route.c, `ip_route_output_key_hash_rcu()`).
#[test]
fn the_end_that_a_socket_has_is_told_beside_the_one_that_was_asked() {
    let (_client, server) = pair();
    serve(&server, |_number, stream| respond(stream, "me\n"));
    let connection = one(&server, ask(Ipv4Addr::UNSPECIFIED)).connection.unwrap();
    assert_eq!(connection.remote, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT));
    assert_eq!(connection.peer, Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT)));
}

#[test]
fn it_stops_once_enough_different_bodies_have_come() {
    let (client, server) = pair();
    serve(&server, |number, stream| respond(stream, if number % 2 == 0 { "even" } else { "odd" }));
    let asked = HttpAsk { until_bodies: 2, attempts: 64, ..ask(TWO) };
    assert_eq!(replies(&client, asked.clone()).len(), 8, "one wave");
    assert_eq!(replies(&client, HttpAsk { until_bodies: 3, attempts: 20, ..asked }).len(), 20, "there is no third");
}

#[test]
fn nothing_is_begun_after_the_deadline() {
    let (client, server) = pair();
    serve(&server, |_number, stream| respond(stream, "the same"));
    let asked = HttpAsk { until_bodies: 2, attempts: 1_000_000, deadline: Duration::from_millis(100), ..ask(TWO) };
    let count = replies(&client, asked).len();
    assert!((8..1_000_000).contains(&count), "{count}");
}

#[test]
fn every_kind_of_failure_is_told() {
    let (client, server) = pair();
    let kinds = AtomicUsize::new(0);
    serve(&server, move |_number, mut stream| match kinds.fetch_add(1, Ordering::SeqCst) {
        0 => {
            // All of the request, so that the close is not a reset.
            let _ = stream.read(&mut [0; 4096]).unwrap();
        }
        1 => {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap();
        }
        2 => {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70_000));
        }
        3 => {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\nno backend").unwrap();
        }
        _ => {
            // Until the client gives up.
            while !matches!(stream.read(&mut [0; 4096]), Ok(0) | Err(_)) {}
        }
    });
    assert_eq!(one(&client, ask(TWO)).outcome, HttpOutcome::Empty);
    let ssh = one(&client, ask(TWO)).outcome;
    assert!(matches!(&ssh, HttpOutcome::Broken(why) if why.contains("parsed")), "{ssh:?}");
    let large = one(&client, ask(TWO)).outcome;
    assert_eq!(large, HttpOutcome::Broken("status 200, and a body of more than 65536 octets".to_owned()));
    let unavailable = one(&client, ask(TWO)).outcome;
    assert_eq!(unavailable, HttpOutcome::Response { status: 503, body: "no backend".to_owned() });
    let impatient = HttpAsk { attempt_deadline: Duration::from_millis(100), ..ask(TWO) };
    let reply = one(&client, impatient.clone());
    assert_eq!(reply.outcome, HttpOutcome::TimedOut("connected, waiting for the response".to_owned()));
    assert!(reply.connection.is_some() && reply.elapsed >= impatient.attempt_deadline);
    let nobody = one(&client, HttpAsk { to: SocketAddrV4::new(NOBODY, PORT), ..impatient });
    assert_eq!((nobody.outcome, nobody.connection), (HttpOutcome::TimedOut("connecting".to_owned()), None));
    let refused = one(&client, HttpAsk { to: SocketAddrV4::new(TWO, PORT + 1), ..ask(TWO) });
    assert_eq!(refused.outcome, HttpOutcome::NotConnected("connection refused".to_owned()));
    let unreachable = one(&client, ask(Ipv4Addr::new(198, 51, 100, 1)));
    assert_eq!(unreachable.outcome, HttpOutcome::NotConnected("network is unreachable".to_owned()));
}
