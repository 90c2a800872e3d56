//! Asking BIRD of a router, over its control socket.

use std::fs::File;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use lab_base::clock;
use lab_bird::{Line, ROUTES, Reply, SESSIONS};
use lab_model::observe::{DaemonSeen, Place};

/// The deadline for all questions to one daemon.
const DEADLINE: Duration = Duration::from_secs(5);
/// Answers longer than this are not BIRD's of a lab: some 300 octets for each of a hundred nodes' routes.
const LONGEST: usize = 4 << 20;

/// What BIRD of a router says, asked over its control socket in this state folder.
///
/// # Errors
/// Why it could not be asked, or what it said that is not understood.
pub(crate) async fn daemon(state: &Path, place: &Place) -> Result<DaemonSeen, String> {
    let what = format!("BIRD of {place} answering");
    let asked = clock::within(DEADLINE, &what, async {
        let mut stream = connect(state, place).await?;
        let greeting = answer(&mut stream).await?;
        let sessions = ask(&mut stream, SESSIONS).await?;
        let routes = ask(&mut stream, ROUTES).await?;
        lab_bird::daemon(&greeting, &sessions, &routes)
    });
    asked.await.map_err(|passed| passed.to_string())?
}

/// Puts another text into a router's configuration, in place of each that is there, and has BIRD read that.
///
/// # Errors
/// When the configuration does not have the text, cannot be written, or is refused.
pub(crate) async fn reconfigure(state: &Path, place: &Place, text: &str, instead: &str) -> Result<(), String> {
    let path = state.join(super::file_name(place));
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let config = std::fs::read_to_string(&path).map_err(failed)?;
    if !config.contains(text) {
        return Err(format!("{}: there is no {text:?} in it", path.display()));
    }
    std::fs::write(&path, config.replace(text, instead)).map_err(failed)?;
    let what = format!("BIRD of {place} reading its configuration");
    let asked = clock::within(DEADLINE, &what, async {
        let mut stream = connect(state, place).await?;
        answer(&mut stream).await?;
        ask(&mut stream, "configure").await
    });
    asked.await.map_err(|passed| passed.to_string())?.map(drop)
}

async fn connect(state: &Path, place: &Place) -> Result<BufReader<UnixStream>, String> {
    let folder = File::open(state).map_err(|error| format!("{}: {error}", state.display()))?;
    // Through a descriptor, since the path of a socket may be no longer than 107 octets.
    let path = lab_backend::state::within(&folder, &super::socket_name(place));
    let stream = UnixStream::connect(path).await;
    let stream = stream.map_err(|error| format!("the control socket of BIRD at {place}: {error}"))?;
    Ok(BufReader::new(stream))
}

async fn ask(stream: &mut BufReader<UnixStream>, question: &str) -> Result<Vec<Line>, String> {
    let sent = stream.get_mut().write_all(format!("{question}\n").as_bytes()).await;
    sent.map_err(|error| format!("asking BIRD `{question}`: {error}"))?;
    answer(stream).await.map_err(|error| format!("BIRD's answer to `{question}`: {error}"))
}

async fn answer(stream: &mut BufReader<UnixStream>) -> Result<Vec<Line>, String> {
    let mut reply = Reply::default();
    let mut octets = 0;
    loop {
        let mut text = String::new();
        let read = stream.read_line(&mut text).await.map_err(|error| error.to_string())?;
        octets += read;
        if read == 0 || octets > LONGEST {
            return Err(if read == 0 { "it ended too early" } else { "it does not end" }.to_owned());
        }
        reply.push(text.trim_end_matches('\n'))?;
        if let Some(lines) = reply.whole() {
            return Ok(lines);
        }
    }
}
