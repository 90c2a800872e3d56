//! The frames on a link, until it is told to stop.

use std::path::Path;
use std::time::Duration;

use super::look::LookError;
use super::packet_socket::PacketSocket;
use super::{decode, pcap};
use lab_base::clock;
use lab_model::observe::{Capture, Place};
use lab_model::request::CaptureFilter;

/// What a capture is asked for.
pub(super) struct Wanted<'a> {
    pub(super) place: &'a Place,
    pub(super) device: &'a str,
    pub(super) filter: &'a CaptureFilter,
    pub(super) deadline: Duration,
    pub(super) pcap: Option<&'a Path>,
}

/// Captures from now on, says so, and goes on until `stop` ends, or the deadline. What was queued by then is still
/// taken.
pub(super) async fn capture(
    wanted: Wanted<'_>,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()>,
) -> Result<Capture, LookError> {
    let mut socket = PacketSocket::open(wanted.device, wanted.filter.clone())?;
    let mut raw = Vec::new();
    ready();
    let fill = async {
        loop {
            socket.wait(&mut raw).await?;
        }
    };
    let until_stopped = async {
        tokio::select! {
            broken = fill => broken,
            () = stop => Ok::<(), LookError>(()),
        }
    };
    // The deadline is an end like any other: nothing that was captured by then is worth less.
    clock::within(wanted.deadline, "the end of a capture", until_stopped).await.unwrap_or(Ok(()))?;
    socket.drain(&mut raw, clock::unix_now())?;
    let lost = socket.lost().await;
    if let Some(path) = wanted.pcap {
        pcap::write(path, &raw).map_err(LookError::Pcap)?;
    }
    Ok(Capture {
        place: wanted.place.clone(),
        device: wanted.device.to_owned(),
        frames: decode::frames(&raw),
        lost,
        pcap: wanted.pcap.map(Path::to_owned),
    })
}
