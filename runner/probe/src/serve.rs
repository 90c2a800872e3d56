//! `lab probe`: questions on standard input, answers on standard output.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::ExitCode;

use nix::sched::CloneFlags;
use tokio::sync::watch;

use super::enter::{EnterError, answers, enter};
use super::hello::serve_hello;
use lab_base::failure::chain;
use lab_model::request::{Answered, Ask, CAPTURE_READY, Request};

/// This process's user namespace.
const OWN_USERNS: &str = "/proc/self/ns/user";

/// Wrong input, as for every command of this program.
const USAGE: u8 = 2;

/// What a probe is started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeArgs {
    /// `--userns PATH`: the user namespace to join first, the one that owns the network namespaces.
    pub userns: Option<PathBuf>,
    /// `--netns PATH`: the network namespace of the questions that name none.
    pub netns: Option<PathBuf>,
    /// `--hello PORT NAME`: in place of being asked, hello-app's three lines are answered there, by this name.
    pub hello: Option<(u16, String)>,
}

impl ProbeArgs {
    /// Reads them, without the program's name.
    ///
    /// # Errors
    /// What is no option of the probe's, or lacks its path.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut read = Self::default();
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            if option == "--hello" {
                let mut word = || args.next().and_then(|word| word.into_string().ok());
                let port = word().and_then(|port| port.parse().ok());
                let hello = port.zip(word());
                read.hello = Some(hello.ok_or("--hello: expected a port and a name after it")?);
                continue;
            }
            let value = match option.to_str() {
                Some("--userns") => &mut read.userns,
                Some("--netns") => &mut read.netns,
                _ => {
                    return Err(format!(
                        "{}: expected --userns PATH, --netns PATH or --hello PORT NAME",
                        option.display()
                    ));
                }
            };
            let path = args.next().ok_or_else(|| format!("{}: expected a path after it", option.display()))?;
            *value = Some(path.into());
        }
        Ok(read)
    }
}

/// Why a probe has no answers at all.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The questions cannot be read.
    #[error("standard input cannot be read")]
    Read(#[source] io::Error),
    /// They are not what they should be.
    #[error("standard input is no list of questions")]
    Questions(#[source] serde_path_to_error::Error<serde_json::Error>),
    /// Something follows them.
    #[error("standard input has more than a list of questions")]
    More(#[source] serde_json::Error),
    /// By the time that they were read, the captures should have ended.
    #[error("questions with a capture must be on one line, and standard input stay open until it is to end")]
    CaptureNotOnOneLine,
    /// The user namespace is shut, or this process has threads.
    #[error("the user namespace cannot be joined")]
    Userns(#[source] EnterError),
    /// A limit of processes is reached.
    #[error("no thread could be started")]
    Thread(#[source] io::Error),
    /// Nobody reads the answers.
    #[error("the answers cannot be written to standard output")]
    Write(#[source] io::Error),
}

/// Reads the questions, asks them, writes the answers.
///
/// The questions are all of standard input. Only where one of them is a capture, they are its first line, and the end
/// of standard input ends the captures; the line [`CAPTURE_READY`] on standard error says that they all run.
///
/// Exit code 0 when answers were written, whatever they say; 2 for input that is no list of questions; 1 when they
/// could not be asked or answered at all. The reason is on standard error.
///
/// It must be called before this process has a second thread, since only such a process can join a user namespace.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match ProbeArgs::parse(args) {
        Ok(args) => args,
        Err(error) => {
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(io::stderr(), "lab-probe: {error}");
            return ExitCode::from(USAGE);
        }
    };
    if let Some((port, name)) = args.hello {
        return match serve_hello(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port), name) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Nobody is left to tell that standard error is closed.
                let _ = writeln!(io::stderr(), "lab-probe: port {port}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    match serve(&args, BufReader::new(io::stdin()), io::stdout(), io::stderr()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match error {
                ServeError::Questions(_) | ServeError::More(_) | ServeError::CaptureNotOnOneLine => {
                    ExitCode::from(USAGE)
                }
                ServeError::Read(_) | ServeError::Userns(_) | ServeError::Thread(_) | ServeError::Write(_) => {
                    ExitCode::FAILURE
                }
            };
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(io::stderr(), "lab-probe: {}", chain(&error));
            code
        }
    }
}

/// What [`main`] does, with any input and output.
///
/// # Errors
/// [`ServeError`]. Questions that could not be answered are answers, not errors.
pub fn serve(
    args: &ProbeArgs,
    mut input: impl BufRead + Send + 'static,
    mut output: impl Write,
    mut errors: impl Write,
) -> Result<(), ServeError> {
    let asks = questions(&mut input)?;
    if let Some(userns) = &args.userns {
        enter(userns, CloneFlags::CLONE_NEWUSER, OWN_USERNS).map_err(ServeError::Userns)?;
    }
    let (stop, stopped) = watch::channel(false);
    if asks.iter().any(is_capture) {
        // Not joined: a capture may reach its deadline while standard input is still open.
        let waiting = move || {
            // An input that breaks is one that has ended.
            let _ = io::copy(&mut input, &mut io::sink());
            let _ = stop.send(true);
        };
        std::thread::Builder::new().spawn(waiting).map_err(ServeError::Thread)?;
    }
    let ready = || {
        // Whoever does not read it does not wait for it either.
        let _ = writeln!(errors, "{CAPTURE_READY}").and_then(|()| errors.flush());
    };
    let answers: Vec<Answered> = answers(&asks, args.netns.as_deref(), ready, &stopped);
    serde_json::to_writer(&mut output, &answers).map_err(|error| ServeError::Write(error.into()))?;
    writeln!(output).and_then(|()| output.flush()).map_err(ServeError::Write)
}

fn is_capture(ask: &Ask) -> bool {
    matches!(ask.request, Request::Capture { .. })
}

/// The questions: the first line when they are whole there and one of them is a capture, else everything.
fn questions(input: &mut impl BufRead) -> Result<Vec<Ask>, ServeError> {
    let mut text = Vec::new();
    input.read_until(b'\n', &mut text).map_err(ServeError::Read)?;
    if let Ok(asks) = parse(&text)
        && asks.iter().any(is_capture)
    {
        return Ok(asks);
    }
    input.read_to_end(&mut text).map_err(ServeError::Read)?;
    let asks = parse(&text)?;
    if asks.iter().any(is_capture) { Err(ServeError::CaptureNotOnOneLine) } else { Ok(asks) }
}

fn parse(text: &[u8]) -> Result<Vec<Ask>, ServeError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let asks = serde_path_to_error::deserialize(&mut json).map_err(ServeError::Questions)?;
    json.end().map_err(ServeError::More)?;
    Ok(asks)
}
