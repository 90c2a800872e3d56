//! Changes of JSON by its structure.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::change::{Bytes, WORDS, apply_to_text, bytes};

/// A text, and the document that it is, if it is one.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    text: String,
    document: Option<Value>,
}

impl Text {
    /// All of these.
    pub(crate) fn all(texts: impl IntoIterator<Item = String>) -> Vec<Self> {
        let read = |text: String| Self { document: serde_json::from_str(&text).ok(), text };
        texts.into_iter().map(read).collect()
    }

    /// Changed as a document where it is one, unless it is to be changed as a text.
    pub(crate) fn changed(&self, (flips, changes, by_bytes): &TextChanges) -> String {
        match self.document.as_ref().filter(|_| !by_bytes) {
            Some(document) => apply_to_json(document, changes).to_string(),
            None => apply_to_text(&self.text, flips),
        }
    }
}

/// Changes of a [`Text`].
pub(crate) type TextChanges = (Vec<Bytes>, Vec<Json>, bool);

/// Some changes of a [`Text`].
pub(crate) fn text() -> impl Strategy<Value = TextChanges> {
    (bytes(), json(), any::<bool>())
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
    let one = (any::<Index>(), becomes).prop_map(|(at, becomes)| Json(at, becomes)).boxed();
    prop_oneof![2 => vec(one.clone(), 1..2), 1 => vec(one, 2..6)]
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
