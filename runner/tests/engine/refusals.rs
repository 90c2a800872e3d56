//! Engines that are not there, or not for this user.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use lab_base::exec::Invocation;
use lab_engine::{Endpoint, Engine, EngineError};

/// Anybody: Debian's `nobody`.
const NOBODY: &str = "65534";
/// The socket that the test which starts itself again as nobody has made.
const SOCKET: &str = "LAB_TEST_SHUT_SOCKET";

fn refused(host: &str) -> EngineError {
    let endpoint = Endpoint::parse(host, None, "DOCKER_HOST").unwrap();
    lab_base::runtime().unwrap().block_on(Engine::connect_to(endpoint)).unwrap_err()
}

#[test]
fn no_socket_says_how_to_get_an_engine() {
    let error = refused("unix:///lab/no/such.sock");
    assert!(matches!(error, EngineError::NoSocket { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("no Docker Engine at unix:///lab/no/such.sock: there is no such socket; install Docker"));
    assert!(text.contains("sudo systemctl start docker"), "{text}");
}

#[test]
fn a_socket_that_nobody_listens_at_says_how_to_start_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = refused(&format!("unix://{}", socket.display()));
    assert!(matches!(error, EngineError::Refused { .. }), "{error}");
    assert!(error.to_string().ends_with("nothing listens there; start it, `sudo systemctl start docker`"), "{error}");
    // The same by TCP: a port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refused(&format!("tcp://127.0.0.1:{port}"));
    assert!(matches!(error, EngineError::Refused { .. }), "{error}");
}

#[test]
fn a_host_without_an_address_is_told_with_the_resolvers_reason() {
    let error = refused("tcp://engine.invalid:2375");
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("no Docker Engine at tcp://engine.invalid:2375: "), "{error}");
}

/// Permissions do not stop root, so that root's run of this starts it again as nobody.
#[test]
fn a_socket_of_others_says_how_to_join_its_group() {
    if let Ok(socket) = std::env::var(SOCKET) {
        return names_the_group(Path::new(&socket));
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        std::fs::set_permissions(&socket, Permissions::from_mode(0o000)).unwrap();
        return names_the_group(&socket);
    }
    let program = folder.path().join("this-test");
    let runtime = lab_base::runtime().unwrap();
    // By a program of its own: what this process has open for writing, programs that other tests start here may hold
    // open too, and then it cannot be run (ETXTBSY).
    let copy = Invocation::new("cp").args([&std::env::current_exe().unwrap(), &program]);
    assert!(runtime.block_on(copy.run(Duration::from_mins(1))).unwrap().success());
    let args = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
    let again = Invocation::new("setpriv").args(args).args([&program]).env(SOCKET, &socket);
    let again = again.args(["--exact", "refusals::a_socket_of_others_says_how_to_join_its_group"]);
    let finished = runtime.block_on(again.run(Duration::from_mins(1))).unwrap();
    let said = finished.stdout_text();
    assert!(finished.success() && said.contains("1 passed"), "{said}{}", finished.stderr_text());
}

fn names_the_group(socket: &Path) {
    let error = refused(&format!("unix://{}", socket.display()));
    assert!(matches!(error, EngineError::Permission { .. }), "{error}");
    assert!(error.to_string().contains("`sudo usermod -aG docker $USER`, and log in anew"), "{error}");
}
