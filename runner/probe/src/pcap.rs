//! Classic pcap files (draft-ietf-opsawg-pcap), as tcpdump reads and writes them: Ethernet frames only.

#[cfg(test)]
mod tests;

use pcap_file::pcap::{PcapHeader, PcapParser, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness, PcapError as Malformed, TsResolution};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::decode::RawFrame;

/// Octets of the largest frame that is written or read: libpcap's `MAXIMUM_SNAPLEN`.
const LARGEST_FRAME: u32 = 262_144;
/// Octets of the largest file that is read: captures here last for seconds.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;
/// Octets of the file's own header and of each record's.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// The format's major version, the same since 1998.
const VERSION: u16 = 2;

/// A pcap file that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PcapError {
    /// The file cannot be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A frame cannot be held by the format.
    #[error("{}: frame {number} cannot be written: {why}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Which frame, from 1.
        number: usize,
        /// What the format asks for.
        why: String,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too large to be one of ours.
    #[error("{}: expected at most {LARGEST_FILE} octets, found more", path.display())]
    FileTooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// It is not a pcap file, or not one that this program reads.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// A record is cut off or makes no sense.
    #[error("{}: record {number}: expected {expected}, found {found}", path.display())]
    Record {
        /// Which file.
        path: PathBuf,
        /// Which record, from 1.
        number: usize,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
}

/// Writes frames to a pcap file with times in nanoseconds, replacing what was there.
///
/// # Errors
/// [`PcapError::Unwritable`] for a frame that the format cannot hold: nothing is written then;
/// [`PcapError::Write`] when the file cannot be written.
pub fn write(path: &Path, frames: &[RawFrame]) -> Result<(), PcapError> {
    let header = PcapHeader {
        snaplen: LARGEST_FRAME,
        datalink: DataLink::ETHERNET,
        ts_resolution: TsResolution::NanoSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let in_memory = |error: Malformed| PcapError::Write { path: path.to_owned(), source: io::Error::other(error) };
    let mut writer = PcapWriter::with_header(Vec::new(), header).map_err(in_memory)?;
    for (index, frame) in frames.iter().enumerate() {
        let record =
            record(frame).map_err(|why| PcapError::Unwritable { path: path.to_owned(), number: index + 1, why })?;
        writer.write_raw_packet(&record).map_err(in_memory)?;
    }
    fs::write(path, writer.into_writer()).map_err(|source| PcapError::Write { path: path.to_owned(), source })
}

/// The record of a frame, or what the format asks for and the frame has not.
fn record(frame: &RawFrame) -> Result<RawPcapPacket<'_>, String> {
    let kept = u32::try_from(frame.bytes.len())
        .ok()
        .filter(|kept| *kept <= LARGEST_FRAME)
        .ok_or_else(|| format!("expected at most {LARGEST_FRAME} octets, found {}", frame.bytes.len()))?;
    if frame.original_length < kept {
        return Err(format!("{kept} octets were kept of a frame of {}", frame.original_length));
    }
    let seconds = u32::try_from(frame.at.as_secs())
        .map_err(|_too_late| format!("its time, {} s since 1970, is after 2106", frame.at.as_secs()))?;
    Ok(RawPcapPacket {
        ts_sec: seconds,
        ts_frac: frame.at.subsec_nanos(),
        incl_len: kept,
        orig_len: frame.original_length,
        data: frame.bytes.as_slice().into(),
    })
}

/// Reads a pcap file of Ethernet frames, of either byte order, with times in microseconds or nanoseconds.
///
/// # Errors
/// Every [`PcapError`] but those of writing. A file that ends within a record is refused whole: it was cut off,
/// and what is missing could be what matters.
pub fn read(path: &Path) -> Result<Vec<RawFrame>, PcapError> {
    let unreadable = |source| PcapError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > LARGEST_FILE) {
        return Err(PcapError::FileTooLarge { path: path.to_owned() });
    }
    let (mut rest, parser) = open(path, &bytes)?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let wrong =
            |expected, found| PcapError::Record { path: path.to_owned(), number: frames.len() + 1, expected, found };
        check_lengths(rest, parser.header().endianness).map_err(|(expected, found)| wrong(expected, found))?;
        let (after, raw) = parser.next_raw_packet(rest).map_err(|error| wrong("a record".into(), error.to_string()))?;
        let frame = frame(&raw, parser.header().ts_resolution).map_err(|(expected, found)| wrong(expected, found))?;
        frames.push(frame);
        rest = after;
    }
    Ok(frames)
}

/// The records, and a parser that knows their byte order.
fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<(&'a [u8], PcapParser), PcapError> {
    let wrong = |expected: String, found: String| PcapError::Header { path: path.to_owned(), expected, found };
    if bytes.len() < FILE_HEADER {
        return Err(wrong(format!("a pcap header of {FILE_HEADER} octets"), format!("{} octets", bytes.len())));
    }
    let (rest, parser) = PcapParser::new(bytes).map_err(|_only_the_magic_number_can_be_wrong| {
        let found = match bytes.first_chunk().map_or(0, |magic| u32::from_be_bytes(*magic)) {
            0x0a0d_0d0a => "a pcapng file".to_owned(),
            other => format!("0x{other:08x}"),
        };
        wrong("a classic pcap file (0xa1b2c3d4 or 0xa1b23c4d in either byte order)".into(), found)
    })?;
    let header = parser.header();
    if header.version_major != VERSION {
        let found = format!("{}.{}", header.version_major, header.version_minor);
        return Err(wrong(format!("pcap version {VERSION}"), found));
    }
    if header.datalink != DataLink::ETHERNET {
        let found = format!("link type {}", u32::from(header.datalink));
        return Err(wrong("link type 1 (Ethernet)".into(), found));
    }
    Ok((rest, parser))
}

/// What should be there and what is.
type Mismatch = (String, String);

/// Whether a record's header is whole and its length is one that a frame can have and that is there.
fn check_lengths(record: &[u8], endianness: Endianness) -> Result<(), Mismatch> {
    let Some((&[_, _, _, _, _, _, _, _, a, b, c, d, _, _, _, _], rest)) = record.split_first_chunk::<RECORD_HEADER>()
    else {
        return Err((format!("a header of {RECORD_HEADER} octets"), format!("{} octets", record.len())));
    };
    let kept = match endianness {
        Endianness::Big => u32::from_be_bytes([a, b, c, d]),
        Endianness::Little => u32::from_le_bytes([a, b, c, d]),
    };
    if kept > LARGEST_FRAME {
        return Err((format!("a frame of at most {LARGEST_FRAME} octets"), format!("a length of {kept}")));
    }
    if usize::try_from(kept).map_or(true, |kept| kept > rest.len()) {
        return Err((format!("a frame of {kept} octets"), format!("the file's end after {}", rest.len())));
    }
    Ok(())
}

fn frame(raw: &RawPcapPacket<'_>, resolution: TsResolution) -> Result<RawFrame, Mismatch> {
    let (per_second, nanoseconds) = match resolution {
        TsResolution::MicroSecond => (1_000_000, 1_000),
        TsResolution::NanoSecond => (1_000_000_000, 1),
    };
    if raw.ts_frac >= per_second {
        return Err((format!("a fraction of a second below {per_second}"), raw.ts_frac.to_string()));
    }
    if raw.orig_len < raw.incl_len {
        let expected = format!("an original length of at least the {} octets kept", raw.incl_len);
        return Err((expected, raw.orig_len.to_string()));
    }
    Ok(RawFrame {
        at: Duration::new(raw.ts_sec.into(), raw.ts_frac * nanoseconds),
        bytes: raw.data.to_vec(),
        original_length: raw.orig_len,
    })
}
