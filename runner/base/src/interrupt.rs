//! Being told to stop: Ctrl-C, `kill`, a closed terminal.

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

    /// Returns once one has come. Returns at once ever after.
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

    /// Whether one has come by now, while nobody waited for it.
    pub async fn has_come(&mut self) -> bool {
        // Signals are handed out by the runtime, which is given its turn first.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = self.came() => true,
            () = std::future::ready(()) => false,
        }
    }

    /// Whether one has come and been noticed.
    pub const fn noticed(&self) -> bool {
        self.seen
    }
}
