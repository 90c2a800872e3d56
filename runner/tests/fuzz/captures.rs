//! Captures and the frames in them.

use lab_probe::decode;
use lab_probe::decode::RawFrame;
use lab_probe::pcap;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

use super::change::{apply, bytes};
use super::driver::{Fate, fate, fuzz, reads_back};
use super::seeds::files;

fn read(folder: &tempfile::TempDir, bytes: &[u8]) -> Result<Vec<RawFrame>, pcap::PcapError> {
    let path = folder.path().join("x.pcap");
    std::fs::write(&path, bytes).expect("a file");
    pcap::read(&path)
}

#[test]
fn a_changed_capture_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    fuzz("captures", &files("recordings", ".pcap"), &bytes(), |capture, changes| {
        let frames = read(&folder, &apply(capture, changes));
        if let Ok(frames) = &frames {
            // The others are of the same kinds.
            reads_back(&decode::frames(&frames[..frames.len().min(8)]))?;
        }
        Ok(fate(&frames))
    });
}

#[test]
fn a_changed_frame_is_decoded() {
    let folder = tempfile::tempdir().expect("a folder");
    let captures = files("recordings", ".pcap");
    let frames = captures.iter().flat_map(|capture| read(&folder, capture).expect("a capture"));
    let frames: Vec<Vec<u8>> = frames.map(|frame| frame.bytes).collect();
    fuzz("frames", &frames, &bytes(), |frame, changes| {
        let Some(frame) = decode::frame(&apply(frame, changes), Duration::ZERO) else { return Ok(Fate::Refused) };
        reads_back(&frame)?;
        Ok(Fate::Accepted)
    });
}

#[test]
fn frames_that_are_written_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = (any::<u32>(), 0..1_000_000_000_u32, vec(any::<u8>(), 0..128), 0..100_u32).prop_map(
        |(seconds, nanoseconds, bytes, more)| RawFrame {
            at: Duration::new(seconds.into(), nanoseconds),
            original_length: u32::try_from(bytes.len()).expect("a small one") + more,
            bytes,
        },
    );
    let path = folder.path().join("x.pcap");
    fuzz("written captures", &[()], &vec(frame, 0..8), |(), frames| {
        pcap::write(&path, frames).expect("what the format can hold");
        prop_assert_eq!(&pcap::read(&path).expect("what was written"), frames);
        Ok(Fate::Accepted)
    });
}
