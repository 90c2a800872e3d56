//! The signals that ask this program to stop: Ctrl-C, `kill`, a closed terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGINT, SIGTERM and SIGHUP from the moment it is made.
#[derive(Debug)]
pub struct Interrupt {
    int: Signal,
    term: Signal,
    hup: Signal,
    seen: bool,
}

impl Interrupt {
    /// Begins to listen: from now on these signals do not end this process by themselves.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            seen: false,
        })
    }

    /// Waits for the first of these signals. After that it always returns at once.
    pub async fn came(&mut self) {
        if self.seen {
            return;
        }
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
        }
        self.seen = true;
    }

    /// Whether one of these signals has come by now, without waiting for it.
    pub async fn has_come(&mut self) -> bool {
        // The runtime delivers signals, so it is given its turn first.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = self.came() => true,
            () = std::future::ready(()) => false,
        }
    }

    /// Whether [`Self::came`] or [`Self::has_come`] has seen a signal.
    pub const fn noticed(&self) -> bool {
        self.seen
    }
}
