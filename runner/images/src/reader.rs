//! Connects asynchronous streams with the library that reads archives, which blocks and so has a thread of its own: a
//! stream of the Engine becomes a reader there ([`feed`]), and a writer there feeds several asynchronous receivers
//! ([`tee`]). Queues are bounded, so no side gets ahead of the others by more than a few chunks.

use bytes::{Buf, Bytes, BytesMut};
use std::io::{self, ErrorKind, Read, Write};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The most chunks from the Engine that wait for the reader.
const FED: usize = 16;
/// The size of a chunk for a node, in bytes.
const CHUNK: usize = 256 << 10;
/// The most chunks that wait for a slow node.
const AHEAD: usize = 16;

/// The asynchronous end, which chunks are given to.
#[derive(Debug)]
pub struct Feed(Sender<io::Result<Bytes>>);

/// The blocking end, which is read.
#[derive(Debug)]
pub struct Fed {
    chunks: Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

/// Makes the two ends of a stream.
pub fn feed() -> (Feed, Fed) {
    let (give, chunks) = channel(FED);
    (Feed(give), Fed { chunks, chunk: Bytes::new() })
}

impl Feed {
    /// Passes a chunk on. Returns false when the reader is gone.
    pub async fn give(&self, bytes: Bytes) -> bool {
        self.0.send(Ok(bytes)).await.is_ok()
    }

    /// Makes the reader's next read fail with this reason.
    pub async fn break_off(&self, why: &str) {
        let _nobody_reads = self.0.send(Err(io::Error::other(why.to_owned()))).await;
    }
}

impl Read for Fed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                None => return Ok(0),
                Some(chunk) => self.chunk = chunk?,
            }
        }
        let length = into.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

/// A writer whose bytes go to all receivers that still exist. It blocks while the slowest of them is behind.
#[derive(Debug)]
pub struct Tee {
    takers: Vec<Sender<Bytes>>,
    chunk: BytesMut,
}

/// Makes a tee with this many receivers.
pub fn tee(takers: usize) -> (Tee, Vec<Receiver<Bytes>>) {
    let (takers, ends) = (0..takers).map(|_| channel(AHEAD)).unzip();
    (Tee { takers, chunk: BytesMut::with_capacity(CHUNK) }, ends)
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..length]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.split().freeze();
        self.chunk.reserve(CHUNK);
        self.takers.retain(|taker| taker.blocking_send(chunk.clone()).is_ok());
        if self.takers.is_empty() {
            return Err(io::Error::new(ErrorKind::BrokenPipe, "all receivers have stopped reading"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        lab_base::runtime().unwrap().block_on(future)
    }

    #[test]
    fn what_is_fed_is_read_and_a_break_is_an_error() {
        run(async {
            let (feed, mut fed) = feed();
            let reading = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                (fed.read_to_end(&mut all).map_err(|error| error.to_string()), all)
            });
            for chunk in ["one ", "", "two"] {
                assert!(feed.give(Bytes::from(chunk)).await);
            }
            feed.break_off("the Engine is gone").await;
            let (read, all) = reading.await.unwrap();
            assert_eq!((read, all.as_slice()), (Err("the Engine is gone".to_owned()), b"one two".as_slice()));
            assert!(!feed.give(Bytes::from("more")).await);
        });
    }

    #[test]
    fn a_tee_waits_for_the_slowest_and_goes_on_without_who_left() {
        run(async {
            let (mut tee, mut ends) = tee(2);
            let content: Vec<u8> = (0..u8::MAX).cycle().take(AHEAD * CHUNK * 2 + 7).collect();
            let (sent, last) = (content.clone(), ends.pop().unwrap());
            drop(ends);
            let writing = tokio::task::spawn_blocking(move || {
                tee.write_all(&sent).unwrap();
                tee.flush().unwrap();
                tee
            });
            let mut last = last;
            let mut taken = Vec::new();
            while taken.len() < content.len() {
                taken.extend_from_slice(&last.recv().await.unwrap());
                assert!(last.len() <= AHEAD);
            }
            assert!(taken == content);
            let mut tee = writing.await.unwrap();
            drop(last);
            let left = tokio::task::spawn_blocking(move || tee.write_all(b"x").and_then(|()| tee.flush()));
            assert_eq!(left.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
        });
    }
}
