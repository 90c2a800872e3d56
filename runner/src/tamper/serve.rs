//! `lab tamper`: making the changes, and holding what needs a process.

use nix::sched::{CloneFlags, setns};
use nlink::netlink::namespace::Netns;
use nlink::{Connection, Nftables, Route};
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Act, Says, TAMPERED, Tamper, nft, routes};
use crate::failure::chain;
use crate::nft_layout;

/// How `lab tamper` is started.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct TamperArgs {
    /// The user namespace to enter first
    #[arg(long)]
    pub userns: Option<PathBuf>,
}

/// Reads one line of JSON, makes the changes in order, says [`TAMPERED`], and ends when standard input does.
pub fn main(args: &TamperArgs) -> ExitCode {
    match tamper(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab tamper: {error}");
            ExitCode::from(crate::failure::code::STAGE)
        }
    }
}

fn tamper(args: &TamperArgs) -> Result<(), String> {
    if let Some(userns) = &args.userns {
        enter(userns, CloneFlags::CLONE_NEWUSER)?;
    }
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| format!("reading the changes: {error}"))?;
    let changes: Vec<Tamper> = serde_json::from_str(&line).map_err(|error| format!("these are no changes: {error}"))?;
    let runtime = crate::runtime().map_err(|error| error.to_string())?;
    for change in &changes {
        runtime
            .block_on(make(change))
            .map_err(|why| format!("{} in {}: {why}", in_words(&change.act), change.netns.display()))?;
    }
    eprintln!("{TAMPERED}");
    let mut rest = Vec::new();
    // Whatever ends the pipe ends the fault.
    let _ended = input.read_to_end(&mut rest);
    Ok(())
}

fn in_words(act: &Act) -> String {
    serde_json::to_string(act).unwrap_or_else(|_unprintable| "a change".to_owned())
}

async fn make(change: &Tamper) -> Result<(), String> {
    let netns = Netns::from_path(&change.netns).map_err(|error| chain(&error))?;
    match &change.act {
        Act::SetSysctl { key, value } => {
            inside(&change.netns, || fs::write(format!("/proc/sys/{key}"), value).map_err(|error| error.to_string()))
        }
        Act::Serve { at, says } => serve(&change.netns, *at, *says),
        Act::SetBackends { service, target_port, backends } => {
            let nftables: Connection<Nftables> = Connection::new_in(&netns).map_err(|error| chain(&error))?;
            nft_layout::replace(&nftables, *service.ip(), service.port(), *target_port, backends)
                .await
                .map_err(|error| chain(&error))
        }
        act @ (Act::RemoveServices
        | Act::AddService { .. }
        | Act::DropTo { .. }
        | Act::DropPort { .. }
        | Act::MasqueradeTo(_)
        | Act::StopMasquerading) => {
            let nftables: Connection<Nftables> = Connection::new_in(&netns).map_err(|error| chain(&error))?;
            nft::make(act, &nftables).await.map_err(|error| chain(&error))
        }
        act => {
            let route: Connection<Route> = Connection::new_in(&netns).map_err(|error| chain(&error))?;
            routes::make(act, &route).await.map_err(|error| chain(&error))
        }
    }
}

fn enter(file: &Path, kind: CloneFlags) -> Result<(), String> {
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    setns(opened, kind).map_err(|errno| format!("entering {}: {}", file.display(), errno.desc()))
}

/// Runs a closure on a thread inside a namespace, which ends with it.
fn inside<T: Send>(netns: &Path, work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter(netns, CloneFlags::CLONE_NEWNET)?;
            work()
        });
        thread.join().map_err(|_panic| "the thread panicked".to_owned())?
    })
}

/// Listens in the namespace, and answers on a thread until this process ends.
fn serve(netns: &Path, at: SocketAddrV4, says: Says) -> Result<(), String> {
    let listener = inside(netns, || TcpListener::bind(at).map_err(|error| format!("listening at {at}: {error}")))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // What goes wrong on a connection is for its client to observe.
            let _client_gone = answer(stream, says);
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, says: Says) -> io::Result<()> {
    // The request is read first: closing with data unread would be a reset, which is another fault.
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
