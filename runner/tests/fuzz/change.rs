//! Changes of bytes and texts.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Words that mean something to one parser or another.
pub(crate) const WORDS: &[&str] = &[
    "\0",
    "\n",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "'",
    "- ",
    "&a",
    "*a",
    "<<: ",
    "!!",
    "---\n",
    "|",
    ">",
    "\t",
    "::",
    "/",
    "..",
    "@",
    "0",
    "-1",
    "4294967296",
    "18446744073709551616",
    "1e999",
    "null",
    "true",
    "0.0.0.0/0",
    "255.255.255.255",
    "10.0.0.0/33",
    "sha256:",
    "\u{fffd}",
    "é",
    "\u{202e}",
    "\u{1b}[2J",
    "ustar",
    "#",
    " \\n",
    "<script>",
    "]]>",
    "\u{9b}",
];

/// One change of bytes.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    Flip(Index, u8),
    Set(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Insert(Index, Vec<u8>),
    Word(Index, &'static str),
    Cut(Index),
    Number(Index, u32, bool),
}

fn one() -> impl Strategy<Value = Bytes> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Bytes::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Bytes::Set(at, byte)),
        (at(), 1..64_usize).prop_map(|(at, length)| Bytes::Remove(at, length)),
        (at(), 1..64_usize, 1..32_usize).prop_map(|(at, length, times)| Bytes::Repeat(at, length, times)),
        (at(), vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Bytes::Insert(at, bytes)),
        (at(), select(WORDS)).prop_map(|(at, word)| Bytes::Word(at, word)),
        at().prop_map(Bytes::Cut),
        (at(), select(&[0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff][..]), any::<bool>())
            .prop_map(|(at, number, big)| Bytes::Number(at, number, big)),
    ]
}

/// Some changes.
pub(crate) fn bytes() -> impl Strategy<Value = Vec<Bytes>> {
    // One is what most often leaves something to be read.
    prop_oneof![2 => vec(one(), 1..2), 1 => vec(one(), 2..8)]
}

/// The input after these changes.
pub(crate) fn apply(input: &[u8], changes: &[Bytes]) -> Vec<u8> {
    let mut input = input.to_vec();
    for change in changes {
        if input.is_empty() {
            input.push(0);
        }
        let length = input.len();
        let range = |at: &Index, wanted: usize| {
            let at = at.index(length);
            at..(at + wanted).min(length)
        };
        match change {
            Bytes::Flip(at, bit) => input[at.index(length)] ^= 1 << bit,
            Bytes::Set(at, byte) => input[at.index(length)] = *byte,
            Bytes::Remove(at, wanted) => drop(input.drain(range(at, *wanted))),
            Bytes::Repeat(at, wanted, times) => {
                let part = input[range(at, *wanted)].repeat(*times);
                let at = at.index(length);
                input.splice(at..at, part);
            }
            Bytes::Insert(at, bytes) => {
                let at = at.index(length);
                input.splice(at..at, bytes.iter().copied());
            }
            Bytes::Word(at, word) => {
                let at = at.index(length);
                input.splice(at..at, word.bytes());
            }
            Bytes::Cut(at) => input.truncate(at.index(length)),
            Bytes::Number(at, number, big) => {
                let bytes = if *big { number.to_be_bytes() } else { number.to_le_bytes() };
                let range = range(at, 4);
                let length = range.len();
                input[range].copy_from_slice(&bytes[..length]);
            }
        }
    }
    input
}

/// The same of a text; what is no UTF-8 any more is replaced.
pub(crate) fn apply_to_text(input: &str, changes: &[Bytes]) -> String {
    String::from_utf8_lossy(&apply(input.as_bytes(), changes)).into_owned()
}
