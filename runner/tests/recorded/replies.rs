//! What curl and ping printed, in blocks of a title, their output and their exit code.

use lab_model::observe::{HttpOutcome, HttpReply, PingOutcome, PingReply, PodName, PodSeen};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::{Read, Recording};

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Without its `## `.
    pub(super) title: String,
    output: String,
    exit: i32,
}

/// All commands of a file.
pub(super) fn blocks(recording: Recording, file: &str) -> Read<Vec<Block>> {
    split(&recording.text(file)?).map_err(|what| recording.wrong(file, &what))
}

fn split(text: &str) -> Read<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        open = match (open, line.strip_prefix("## "), line.strip_prefix("exit=")) {
            (None, Some(title), _) => Some((title.to_owned(), String::new())),
            (Some((title, _)), Some(_), _) => return Err(format!("{title:?} has no exit code")),
            (Some((title, output)), None, Some(code)) => {
                let exit = code.parse().map_err(|error| format!("{title:?}: exit={code}: {error}"))?;
                blocks.push(Block { title, output, exit });
                None
            }
            (Some((title, output)), None, None) => Some((title, output + line + "\n")),
            (None, None, _) => return Err(format!("{line:?} belongs to no command")),
        };
    }
    open.map_or(Ok(blocks), |(title, _)| Err(format!("{title:?} has no exit code")))
}

impl Block {
    /// What came of `curl -s http://TO/`. The client's own port, the time it took and the status were not recorded;
    /// every response in the captures taken meanwhile has status 200, which a test checks.
    pub(super) fn http(&self, to: SocketAddrV4) -> HttpReply {
        let error = self.output.trim_end().to_owned();
        let outcome = match self.exit {
            0 => HttpOutcome::Response { status: 200, body: self.output.clone() },
            // curl(1), EXIT CODES: 7 failed to connect, 28 timeout, 52 got nothing.
            7 => HttpOutcome::NotConnected(error),
            28 => HttpOutcome::TimedOut(error),
            52 => HttpOutcome::Empty,
            _ => HttpOutcome::Broken(error),
        };
        HttpReply { url: format!("http://{to}/"), connection: None, outcome, elapsed: Duration::ZERO }
    }

    /// What came of `ping -c 2 -M do -s SIZE TO`.
    pub(super) fn ping(&self, to: Ipv4Addr, size: u32) -> Read<PingReply> {
        /// Octets of the IPv4 and ICMP headers around what `-s` counts.
        const HEADERS: u32 = 28;
        const TOO_LONG: &str = "ping: local error: message too long, mtu=";
        let refused = self.output.lines().find_map(|line| line.strip_prefix(TOO_LONG));
        let outcome = match (self.exit, refused) {
            (0, None) if self.output.contains("2 packets transmitted, 2 received,") => PingOutcome::Answered,
            (1, Some(mtu)) => PingOutcome::TooBig(Some(mtu.parse().map_err(|error| format!("mtu={mtu}: {error}"))?)),
            (1, None) => PingOutcome::Silent,
            _ => return Err(format!("{:?} ended in a way that is not known", self.title)),
        };
        Ok(PingReply { destination: to, length: size + HEADERS, outcome, elapsed: Duration::ZERO })
    }

    /// The words after these in the title; none if it begins otherwise.
    pub(super) fn about(&self, beginning: &str) -> Option<&str> {
        self.title.strip_prefix(beginning)
    }
}

/// A packet that was not sent: of no length, so that it decides nothing.
pub(super) fn not_pinged(to: Ipv4Addr) -> PingReply {
    let outcome = PingOutcome::Refused("not recorded".into());
    PingReply { destination: to, length: 0, outcome, elapsed: Duration::ZERO }
}

/// `pods.txt`: name, node, address. Their readiness is not in there: they are those that the recorder chose to send
/// traffic from and to, once the rollout was done.
pub(super) fn pods(recording: Recording) -> Read<Vec<PodSeen>> {
    let file = if recording.is_flat() { "pods.txt" } else { "traffic/pods.txt" };
    let pod = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [name, node, address] => Ok(PodSeen {
            name: PodName::from(name),
            node: Some(node.into()),
            address: Some(address.parse().map_err(|error| format!("{address}: {error}"))?),
            ready: true,
        }),
        _ => Err(format!("{line:?} is not NAME NODE ADDRESS")),
    };
    recording.text(file)?.lines().map(pod).collect::<Read<_>>().map_err(|what| recording.wrong(file, &what))
}

/// `service.txt`: `ClusterIP` and port.
pub(super) fn cluster_ip(recording: Recording) -> Read<SocketAddrV4> {
    let text = recording.text("service.txt")?;
    text.trim_end()
        .replace(' ', ":")
        .parse()
        .map_err(|error| recording.wrong("service.txt", &format!("{text:?}: {error}")))
}

#[test]
fn blocks_are_whole_or_refused() {
    let block = |title: &str, output: &str, exit| Block { title: title.into(), output: output.into(), exit };
    assert_eq!(split("## a\nb\n\nexit=0\n## c\nexit=28\n"), Ok(vec![block("a", "b\n\n", 0), block("c", "", 28)]));
    for text in ["b\n", "## a\nb\n", "## a\n## b\nexit=0\n", "## a\nexit=x\n"] {
        assert!(split(text).is_err(), "{text:?}");
    }
}

#[test]
fn exit_codes_tell_what_happened() {
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080);
    let outcome = |exit| Block { title: String::new(), output: "text\n".into(), exit }.http(to).outcome;
    assert_eq!(outcome(0), HttpOutcome::Response { status: 200, body: "text\n".into() });
    assert_eq!(outcome(7), HttpOutcome::NotConnected("text".into()));
    assert_eq!(outcome(28), HttpOutcome::TimedOut("text".into()));
    assert_eq!(outcome(52), HttpOutcome::Empty);
    assert_eq!(outcome(56), HttpOutcome::Broken("text".into()));
    let ping = |output: &str, exit| Block { title: String::new(), output: output.into(), exit }.ping(*to.ip(), 1472);
    assert!(ping("2 packets transmitted, 1 received, 50% packet loss\n", 0).is_err());
    assert!(
        ping("2 packets transmitted, 0 received, 100% packet loss\n", 1)
            .is_ok_and(|reply| reply.outcome == PingOutcome::Silent)
    );
}
