//! Servers of a test that run beside it, on a thread and a runtime of their own: the test waits for programs meanwhile.

use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A thread that serves until this is dropped.
pub(super) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Starts it. What `begin` makes is handed back, and what it has spawned goes on.
    pub(super) fn start<T: Send + 'static>(begin: impl AsyncFnOnce() -> T + Send + 'static) -> (Self, T) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (begun, made) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            lab_base::runtime().unwrap().block_on(async {
                begun.send(begin().await).unwrap();
                let _dropped = stopped.await;
            });
        });
        let made = made.recv().expect("the server starts");
        (Self { stop: Some(stop), thread: Some(thread) }, made)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a server of the test's panicked");
        }
    }
}
