//! Changes to real inputs: of bytes, and of JSON by its structure.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Words that mean something to one parser or another.
const WORDS: &[&str] = &[
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
    vec(one(), 1..8)
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

/// One change of a JSON document: which value of it, and what becomes of that.
#[derive(Debug, Clone)]
pub(crate) struct Json(Index, Become);

#[derive(Debug, Clone)]
enum Become {
    Other(Value),
    /// A copy of this one.
    Copy(Index),
    Gone,
    Twice,
    Reversed,
    /// A number by so much more, a text with this in it.
    Near(i64, &'static str),
}

/// Some changes of a JSON document.
pub(crate) fn json() -> impl Strategy<Value = Vec<Json>> {
    let odd = select(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(255),
        json!(1e300),
        json!(0.1),
        json!(""),
        json!([]),
        json!({}),
        json!("0.0.0.0/0"),
        json!("10.0.0.0/8"),
        json!("255.255.255.255"),
        json!("00:00:00:00:00:00"),
        json!("kind-worker"),
        json!({"secs": u64::MAX, "nanos": 999_999_999}),
        json!({"Ok": null}),
        json!({"Err": "no"}),
        json!("1970-01-01T00:00:00Z"),
        json!("+262142-12-31T23:59:59.999999999Z"),
        json!("x".repeat(5000)),
        json!([[[[[[]]]]]]),
    ]);
    let becomes = prop_oneof![
        3 => odd.prop_map(Become::Other),
        4 => any::<Index>().prop_map(Become::Copy),
        2 => Just(Become::Gone),
        1 => Just(Become::Twice),
        1 => Just(Become::Reversed),
        3 => (select(&[-1, 1, 2, 127, -1000, i64::MAX][..]), select(WORDS)).prop_map(|(by, word)| Become::Near(by, word)),
    ];
    vec((any::<Index>(), becomes).prop_map(|(at, becomes)| Json(at, becomes)), 1..6)
}

/// The document after these changes.
pub(crate) fn apply_to_json(document: &Value, changes: &[Json]) -> Value {
    let mut document = document.clone();
    for Json(at, becomes) in changes {
        let count = count(&document);
        let copy = match becomes {
            Become::Copy(of) => nth(&mut document, &mut of.index(count)).cloned(),
            _ => None,
        };
        // The top itself is left: what is no document at all is what bytes are changed for.
        if count < 2 {
            continue;
        }
        let mut index = 1 + at.index(count - 1);
        match becomes {
            Become::Gone | Become::Twice => lengthen(&mut document, &mut index, matches!(becomes, Become::Twice)),
            _ => {
                let Some(value) = nth(&mut document, &mut index) else { continue };
                match becomes {
                    Become::Other(other) => *value = other.clone(),
                    Become::Copy(_) => *value = copy.unwrap_or(Value::Null),
                    Become::Near(by, word) => near(value, *by, word),
                    _ => {
                        if let Value::Array(items) = value {
                            items.reverse();
                        }
                    }
                }
            }
        }
    }
    document
}

fn near(value: &mut Value, by: i64, word: &str) {
    match value {
        Value::Number(number) => {
            let more = number.as_i64().map(|number| json!(number.wrapping_add(by)));
            *value = more.unwrap_or_else(|| json!(by));
        }
        Value::String(text) => {
            let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(middle, word);
        }
        Value::Bool(is) => *is = !*is,
        _ => {}
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(entries) => Box::new(entries.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn count(value: &Value) -> usize {
    1 + children(value).map(count).sum::<usize>()
}

fn nth<'a>(value: &'a mut Value, index: &mut usize) -> Option<&'a mut Value> {
    if *index == 0 {
        return Some(value);
    }
    *index -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, index)),
        Value::Object(entries) => entries.values_mut().find_map(|entry| nth(entry, index)),
        _ => None,
    }
}

/// Takes a value out of what it is in, or, in a list, puts it there twice.
fn lengthen(value: &mut Value, index: &mut usize, twice: bool) {
    let mut here = None;
    let found = |at: usize, child: &mut Value, index: &mut usize, here: &mut Option<usize>| {
        *index -= 1;
        if *index == 0 {
            *here = Some(at);
            return true;
        }
        lengthen(child, index, twice);
        *index == 0
    };
    match value {
        Value::Array(items) => {
            items.iter_mut().enumerate().any(|(at, item)| *index == 0 || found(at, item, index, &mut here));
            match here {
                Some(at) if twice => items.insert(at, items[at].clone()),
                Some(at) => drop(items.remove(at)),
                None => {}
            }
        }
        Value::Object(entries) => {
            entries.values_mut().enumerate().any(|(at, entry)| *index == 0 || found(at, entry, index, &mut here));
            if let Some(at) = here {
                let kept = std::mem::take(entries);
                *entries = kept
                    .into_iter()
                    .enumerate()
                    .filter(|(own, _)| *own != at)
                    .map(|(_, entry)| entry)
                    .collect::<Map<_, _>>();
            }
        }
        _ => {}
    }
}
