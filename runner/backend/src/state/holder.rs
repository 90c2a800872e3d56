//! Whether the process that a lab depends on still runs.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use super::{LabState, Life, StateDir, StateError};

/// Name of the socket in the state folder on which the process that holds a lab takes orders.
pub const SOCKET_FILE: &str = "control.sock";

/// A path to the control socket within this open folder.
pub fn socket_within(folder: &File) -> PathBuf {
    within(folder, SOCKET_FILE)
}

/// A path to a socket within this open folder that is always short enough: a socket's path may have at most 107 octets
/// (unix(7)), and the folder's path may be longer.
pub fn within(folder: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

impl StateDir {
    /// Whether the process that this lab depends on still runs: its holder, which is asked first, or, for a lab that
    /// Docker will hold and that is not complete, its maker. Of a complete lab that Docker holds, always [`Life::Runs`].
    pub fn life(&self, lab: &LabState) -> Life {
        match (&lab.holder, &lab.maker) {
            (Some(_), _) if self.is_listened_to() => Life::Runs,
            (Some(holder), _) => holder.life(),
            (None, Some(maker)) if !lab.stays => maker.life(),
            (None, _) => Life::Runs,
        }
    }

    /// Whether the process that held the lab has ended; the kernel has then removed its namespaces. Always false for a
    /// lab that Docker holds.
    pub fn is_gone(&self, lab: &LabState) -> bool {
        lab.holder.is_some() && self.life(lab) == Life::Ended
    }

    /// Whether the process that made the lab died before the lab was complete. What Docker has of it is then a rest
    /// that no command works on any more.
    pub fn is_unfinished(&self, lab: &LabState) -> bool {
        lab.holder.is_none() && self.life(lab) == Life::Ended
    }

    /// The error that whether the lab's process runs cannot be told from here.
    pub fn untold(&self, why: &str) -> StateError {
        StateError::Untold { name: self.name().to_owned(), folder: self.path().to_owned(), why: why.to_owned() }
    }

    /// Whether a process listens on the control socket, in whichever namespace it lives. One that is stopped does.
    fn is_listened_to(&self) -> bool {
        // Not blocking: with a full queue of callers the answer is EAGAIN at once.
        let reached = || -> nix::Result<()> {
            let folder = File::open(self.path()).map_err(|error| errno(&error))?;
            let own =
                socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
            connect(own.as_raw_fd(), &UnixAddr::new(&socket_within(&folder))?)
        };
        matches!(reached(), Ok(()) | Err(nix::Error::EAGAIN))
    }
}

fn errno(error: &io::Error) -> nix::Error {
    nix::Error::from_raw(error.raw_os_error().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::{ProcessId, STATE_FILE};
    use super::*;
    use lab_model::Routing;
    use std::os::unix::net::UnixListener;

    #[test]
    fn who_listens_on_the_socket_is_alive_whatever_the_numbers_say() {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::claim_in(root.path(), "x").unwrap();
        let own = ProcessId::of(std::process::id().cast_signed()).unwrap();
        let ended = ProcessId { start_ticks: own.start_ticks + 1, ..own.clone() };
        let elsewhere = ProcessId { pid_namespace: Some(1), ..own };
        let lives = |holder: &ProcessId| state.life(&LabState::held("x", Routing::Native, holder.clone(), false));
        assert_eq!(lives(&ended), Life::Ended);
        assert!(matches!(lives(&elsewhere), Life::Untold(_)));
        let listener = UnixListener::bind(state.path().join(SOCKET_FILE)).unwrap();
        assert_eq!((lives(&ended), lives(&elsewhere)), (Life::Runs, Life::Runs));
        // The socket outlives who listened on it.
        drop(listener);
        assert!(state.path().join(SOCKET_FILE).exists());
        assert_eq!(lives(&ended), Life::Ended);
        assert!(matches!(lives(&elsewhere), Life::Untold(_)));
    }

    #[test]
    fn the_name_of_a_lab_of_which_nothing_can_be_told_is_not_free() {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::claim_in(root.path(), "x").unwrap();
        let own = ProcessId::of(std::process::id().cast_signed()).unwrap();
        let elsewhere = ProcessId { pid_namespace: Some(1), pid: i32::MAX, ..own.clone() };
        state.write(&LabState::held("x", Routing::Native, elsewhere, false)).unwrap();
        assert!(matches!(StateDir::claim_in(root.path(), "x"), Err(StateError::Taken { .. })));
        assert!(state.path().join(STATE_FILE).exists());
        state.write(&LabState::held("x", Routing::Native, ProcessId { pid: i32::MAX, ..own }, false)).unwrap();
        StateDir::claim_in(root.path(), "x").unwrap();
        assert!(!state.path().join(STATE_FILE).exists(), "the folder is new");
    }
}
