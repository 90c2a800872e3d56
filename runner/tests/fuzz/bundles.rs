//! Bundles: as they are on disk, as archives, and with members that were changed and hashed anew.

use lab_bundle::{INDEX_FILE, Index, Part, Replay, replay};
use lab_report::{Style, Terminal, from_json, to_json, to_junit};
use proptest::prelude::*;
use proptest::sample::Index as At;
use std::path::Path;

use super::change::{apply, apply_to_text, bytes};
use super::documents::{Text, apply_to_json, json, text};
use super::driver::{Checked, Fate, fate, fuzz};
use super::parts::{Parts, compressed};
use super::seeds::{entries, files};

/// A bundle, and what was made of it.
struct Judged<T> {
    bundle: T,
    before: Replay,
}

fn read(bundle: &[u8]) -> Result<Replay, lab_bundle::BundleError> {
    replay(bundle, Path::new("b"))
}

fn judged(parts: Parts) -> Judged<Parts> {
    let before = read(&parts.bundle()).expect("a bundle");
    Judged { bundle: parts, before }
}

fn small() -> Vec<Judged<Parts>> {
    Parts::small().into_iter().map(judged).collect()
}

/// What is read says the same as before.
fn the_same(before: &Replay, bundle: &[u8]) -> Checked {
    let after = read(bundle);
    if let Ok(after) = &after {
        prop_assert_eq!(before, after);
    }
    Ok(fate(&after))
}

/// The same of everything that has a hash. What else the index says is not this test's business, but is written as it
/// was read.
fn the_same_but_for_the_index(before: &Replay, bundle: &[u8]) -> Checked {
    let Ok(after) = read(bundle) else { return Ok(Fate::Refused) };
    prop_assert_eq!(&before.cases, &after.cases);
    prop_assert_eq!(&before.opened.run, &after.opened.run);
    prop_assert_eq!(&before.opened.report, &after.opened.report);
    let written = serde_json::to_vec(&after.opened.index).expect("JSON");
    prop_assert_eq!(serde_json::from_slice::<Index>(&written).expect("what was written"), after.opened.index);
    Ok(Fate::Accepted)
}

/// What was believed can be shown: nothing in it steers a terminal, and the reports of it can be read.
fn shown(replay: &Replay) -> Result<(), TestCaseError> {
    let report = replay.report();
    let names = report.cases.iter().map(|case| case.name.as_str());
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, Style::PLAIN, "the bundle", names)
        .explaining(|case| lab_harness::cases::find(case).is_some());
    terminal.head(&report).expect("memory takes it");
    for case in &report.cases {
        terminal.case(case).expect("memory takes it");
    }
    let text = String::from_utf8(out).expect("a text");
    let steers = text.chars().find(|character| character.is_control() && *character != '\n');
    prop_assert_eq!(steers, None, "{:?}", text);
    let written = to_json(&report).expect("JSON");
    prop_assert!(from_json(&written).is_ok(), "{}", written);
    let junit = to_junit(&report).expect("JUnit");
    prop_assert!(quick_junit::Report::deserialize_from_str(&junit).is_ok(), "{}", junit);
    Ok(())
}

/// What was changed on its way is refused, or says the same as before.
#[test]
fn a_changed_bundle_is_refused_or_says_the_same() {
    let seeds: Vec<_> = small().iter().map(|seed| (seed.bundle.bundle(), seed.before.clone())).collect();
    fuzz("bundles", &seeds, &bytes(), |(bundle, before), changes| the_same(before, &apply(bundle, changes)));
    let real: Vec<_> =
        files("bundles", ".tar.zst").into_iter().map(|bundle| (read(&bundle).expect("a bundle"), bundle)).collect();
    fuzz("whole bundles", &real, &bytes(), |(before, bundle), changes| the_same(before, &apply(bundle, changes)));
}

/// One change of how it is compressed.
#[derive(Debug, Clone)]
enum Stream {
    Cut(At),
    Append(Vec<u8>),
    /// RFC 8878, section 3.1.2.
    Skippable(bool, Vec<u8>),
    Twice,
    Level(i32),
    Window(u32),
    NoChecksum,
    InTwoFrames(At),
}

fn stream() -> impl Strategy<Value = Vec<Stream>> {
    let octets = || proptest::collection::vec(any::<u8>(), 0..32);
    let one = prop_oneof![
        any::<At>().prop_map(Stream::Cut),
        octets().prop_map(Stream::Append),
        (any::<bool>(), octets()).prop_map(|(before, bytes)| Stream::Skippable(before, bytes)),
        Just(Stream::Twice),
        (-7..10).prop_map(Stream::Level),
        (10..28_u32).prop_map(Stream::Window),
        Just(Stream::NoChecksum),
        any::<At>().prop_map(Stream::InTwoFrames),
    ];
    proptest::collection::vec(one, 1..4)
}

fn streamed(archive: &[u8], changes: &[Stream]) -> Vec<u8> {
    let (mut level, mut window, mut checksum, mut parts) = (-7, None, true, vec![archive]);
    for change in changes {
        match change {
            Stream::Level(other) => level = *other,
            Stream::Window(log) => window = Some(*log),
            Stream::NoChecksum => checksum = false,
            Stream::InTwoFrames(at) => parts = <[&[u8]; 2]>::from(archive.split_at(at.index(archive.len()))).into(),
            _ => {}
        }
    }
    let frame = |part: &[u8]| {
        let mut encoder = zstd::Encoder::new(Vec::new(), level).expect("an encoder");
        encoder.include_checksum(checksum).expect("a checksum");
        if let Some(log) = window {
            encoder.window_log(log).expect("a window");
        }
        std::io::copy(&mut &part[..], &mut encoder).expect("compressed");
        encoder.finish().expect("compressed")
    };
    let mut stream: Vec<u8> = parts.into_iter().flat_map(frame).collect();
    for change in changes {
        match change {
            Stream::Cut(at) if !stream.is_empty() => stream.truncate(at.index(stream.len())),
            Stream::Append(bytes) => stream.extend_from_slice(bytes),
            Stream::Twice => stream = stream.repeat(2),
            Stream::Skippable(before, bytes) => {
                let length = u32::try_from(bytes.len()).expect("a few").to_le_bytes();
                let frame = [&[0x50, 0x2a, 0x4d, 0x18], &length[..], bytes].concat();
                stream = if *before { [frame, stream].concat() } else { [stream, frame].concat() };
            }
            _ => {}
        }
    }
    stream
}

#[test]
fn however_an_archive_is_compressed_it_says_the_same() {
    let seeds: Vec<_> = small().iter().map(|seed| (seed.bundle.archive(|_, _| {}), seed.before.clone())).collect();
    fuzz("compressed streams", &seeds, &stream(), |(archive, before), changes| {
        the_same(before, &streamed(archive, changes))
    });
}

#[test]
fn a_changed_archive_within_a_bundle_is_read() {
    let seeds: Vec<_> = small().iter().map(|seed| (seed.bundle.archive(|_, _| {}), seed.before.clone())).collect();
    fuzz("archives of bundles", &seeds, &bytes(), |(archive, before), changes| {
        the_same_but_for_the_index(before, &compressed(&apply(archive, changes)))
    });
}

/// A field of a header: where it begins, its length, and what is written there. The sum is right.
fn field() -> impl Strategy<Value = Vec<(At, At, Vec<u8>)>> {
    let text = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..16),
        proptest::sample::select(vec![
            &b"0"[..],
            b"1",
            b"2",
            b"5",
            b"L",
            b"x",
            b"g",
            b"S",
            b"/",
            b"../",
            b"\x80\0\0\0",
            b"77777777777"
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    proptest::collection::vec((any::<At>(), any::<At>(), text), 1..3)
}

#[test]
fn a_header_is_what_lab_writes() {
    // POSIX.1-2017, pax, "ustar Interchange Format".
    const FIELDS: [usize; 16] = [0, 100, 108, 116, 124, 136, 148, 156, 157, 257, 263, 265, 297, 329, 337, 345];
    fuzz("headers in bundles", &small(), &field(), |seed, changes| {
        let members = seed.bundle.0.len();
        let archive = seed.bundle.archive(|number, header| {
            for (_member, at, text) in changes.iter().filter(|(member, ..)| member.index(members) == number) {
                let begin = FIELDS[at.index(FIELDS.len())];
                let end = (begin + text.len()).min(512);
                header.as_mut_bytes()[begin..end].copy_from_slice(&text[..end - begin]);
            }
        });
        the_same(&seed.before, &compressed(&archive))
    });
}

#[test]
fn a_changed_index_is_held_against_what_is_there() {
    fuzz("indexes of bundles", &small(), &text(), |seed, changes| {
        let mut parts = seed.bundle.clone();
        let index = String::from_utf8(parts.0[0].1.clone()).expect("a text");
        parts.0[0].1 = Text::all([index])[0].changed(changes).into_bytes();
        the_same_but_for_the_index(&seed.before, &parts.bundle())
    });
}

/// As one does who wants to be believed: the index fits.
#[test]
fn a_bundle_of_changed_members_is_read_and_judged() {
    let changes = (any::<At>().prop_map(Some), text());
    fuzz("members of bundles", &Parts::small(), &changes, |parts, (at, changes)| {
        let mut parts = parts.clone();
        if let Some(at) = at {
            let at = 1 + at.index(parts.0.len() - 1);
            let member = &mut parts.0[at].1;
            *member = match String::from_utf8(member.clone()) {
                Ok(document) => Text::all([document])[0].changed(changes).into_bytes(),
                Err(_) => apply(member, &changes.0),
            };
        }
        let after = read(&parts.indexed().bundle());
        if let Ok(after) = &after {
            shown(after)?;
        }
        Ok(fate(&after))
    });
}

/// And all hashes of evidence fit, too: this goes to the judges.
#[test]
fn a_bundle_of_other_evidence_is_judged() {
    fuzz("evidence in bundles", &Parts::small(), &(any::<u8>(), json()), |parts, (which, changes)| {
        let names = parts.named("evidence.jsonl");
        let name = &names[usize::from(*which) % names.len()];
        let seen = apply_to_json(&parts.seen(name), changes);
        let after = read(&parts.clone().with_seen(name, &seen).indexed().bundle());
        if let Ok(after) = &after {
            shown(after)?;
        }
        Ok(fate(&after))
    });
}

/// A name that is known is written as it was read.
#[test]
fn names_of_members_read_back() {
    let all = files("bundles", ".tar.zst");
    let names = all.iter().flat_map(|bundle| entries(bundle)).map(|(name, _)| name);
    let names: Vec<String> = names.filter(|name| *name != INDEX_FILE).collect();
    fuzz("names", &names, &bytes(), |name, changes| {
        let name = apply_to_text(name, changes);
        let Some(part) = Part::parse(&name) else { return Ok(Fate::Refused) };
        prop_assert_eq!(part.to_string(), name.clone());
        prop_assert!(!name.contains("..") && !name.starts_with('/'));
        Ok(Fate::Accepted)
    });
}
