//! `lab tamper`: makes the changes, and runs the servers among them until its standard input closes.

use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::undo::{self, Before};
use super::{Act, Says, TAMPERED, Tamper, UNDO, nft, routes};
use lab_base::failure::chain;
use lab_probe::nft_layout;

/// How `lab tamper` is started.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct TamperArgs {
    /// The user namespace to enter first
    #[arg(long)]
    pub userns: Option<PathBuf>,
}

/// Reads one line of JSON, makes the changes in order, writes [`TAMPERED`], and ends when standard input closes. If it has
/// read the line [`UNDO`] by then, it undoes the changes first.
pub fn main(args: &TamperArgs) -> ExitCode {
    match tamper(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab tamper: {error}");
            ExitCode::from(lab_base::failure::code::STAGE)
        }
    }
}

fn tamper(args: &TamperArgs) -> Result<(), String> {
    if let Some(userns) = &args.userns {
        enter(userns, CloneFlags::CLONE_NEWUSER)?;
    }
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| format!("cannot read the changes: {error}"))?;
    let changes: Vec<Tamper> =
        serde_json::from_str(&line).map_err(|error| format!("standard input is not a list of changes: {error}"))?;
    let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
    let mut before = Before::default();
    for change in &changes {
        let made = async {
            before.note(change).await?;
            make(change).await
        };
        runtime
            .block_on(made)
            .map_err(|why| format!("{} in {}: {why}", act_json(&change.act), change.netns.display()))?;
    }
    eprintln!("{TAMPERED}");
    let mut rest = String::new();
    // An error counts as the end of standard input.
    let _ended = input.read_to_string(&mut rest);
    if rest.trim_end() == UNDO { runtime.block_on(before.restore()) } else { Ok(()) }
}

/// The change as JSON, for errors.
fn act_json(act: &Act) -> String {
    serde_json::to_string(act).unwrap_or_else(|_unprintable| "a change".to_owned())
}

async fn make(change: &Tamper) -> Result<(), String> {
    let netns = &change.netns;
    match &change.act {
        Act::SetSysctl { key, value } => set_sysctl(netns, key, value),
        // Writing any value flushes the cache.
        Act::ForgetPaths => set_sysctl(netns, "net/ipv4/route/flush", "1"),
        Act::Serve { at, says } => serve(netns, *at, *says),
        Act::SetBackends { service, target_port, backends } => {
            let (address, port) = (*service.ip(), service.port());
            let replace = async |nftables: &lab_netlink::Socket| {
                nft_layout::replace(nftables, address, port, *target_port, backends).await
            };
            nft::forgetting(netns, replace).await
        }
        act @ (Act::RemoveServices
        | Act::AddService { .. }
        | Act::DropTo { .. }
        | Act::DropPort { .. }
        | Act::MasqueradeTo { .. }
        | Act::StopMasquerading) => {
            nft::forgetting(netns, async |nftables: &lab_netlink::Socket| nft::make(act, nftables).await).await
        }
        Act::JoinNetwork { device, address, bridge, port, .. } => {
            let other = change.other.as_deref().ok_or("nothing says where the bridge is")?;
            let opened = File::open(other).map_err(|error| format!("{}: {error}", other.display()))?;
            let route = undo::route(netns)?;
            let joined = routes::join(device, *address, &opened, (bridge, port), &route);
            joined.await.map_err(|error| chain(&error))
        }
        act => routes::make(act, &undo::route(netns)?).await.map_err(|error| chain(&error)),
    }
}

/// Writes a sysctl below `/proc/sys` of the namespace.
pub(super) fn set_sysctl(netns: &Path, key: &str, value: &str) -> Result<(), String> {
    inside(netns, || fs::write(format!("/proc/sys/{key}"), value).map_err(|error| error.to_string()))
}

fn enter(file: &Path, kind: CloneFlags) -> Result<(), String> {
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    setns(opened, kind).map_err(|errno| format!("entering {}: {}", file.display(), errno.desc()))
}

/// Runs a closure inside a namespace, on a thread of its own.
pub(super) fn inside<T: Send>(netns: &Path, work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let inside = || {
            enter(netns, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, inside).map_err(|error| no_thread(&error))?;
        thread.join().map_err(|_panic| "the thread panicked".to_owned())?
    })
}

/// Listens in the namespace, and answers on a thread until this process ends.
fn serve(netns: &Path, at: SocketAddrV4, says: Says) -> Result<(), String> {
    let listener = inside(netns, || TcpListener::bind(at).map_err(|error| format!("listening at {at}: {error}")))?;
    let answering = move || {
        for stream in listener.incoming().flatten() {
            // An error on a connection is observed by its client.
            let _client_gone = answer(stream, says);
        }
    };
    std::thread::Builder::new().spawn(answering).map(drop).map_err(|error| no_thread(&error))
}

fn no_thread(error: &io::Error) -> String {
    format!("no thread could be started: {error}")
}

fn answer(mut stream: TcpStream, says: Says) -> io::Result<()> {
    // The request is read first, because closing a connection with unread data resets it, which is another fault.
    let mut request = [0; 4096];
    let _length = stream.read(&mut request)?;
    let (status, body) = match says {
        Says::Nothing => return Ok(()),
        Says::SomethingElse => ("200 OK", "It works!\n"),
        Says::Unavailable => ("503 Service Unavailable", "no\n"),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
