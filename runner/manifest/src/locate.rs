//! Finds the line of a value in a file.
//!
//! What a parser says of a value that it read, but that was then refused, is not exact: `serde_json` has the place
//! of what follows, `serde_yaml` that of the mapping around it. So the file is read once more along the value's
//! path, and the reader fails on purpose when it is there: that error has the place.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Segment;
use std::convert::Infallible;
use std::fmt;

/// Which end of a path the place is wanted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The last key: for what a value lacks, or holds instead of text.
    Key,
    /// The last key, where it is there for the second time.
    KeyAgain,
    /// The value, which may stand on a later line than its key.
    Value,
}

/// Reads along `path` and fails at its end. It never succeeds; the error's location is the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locate<'p> {
    /// What is left of the way.
    pub(super) path: &'p [Segment],
    /// Where to fail.
    pub(super) at: At,
}

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = Infallible;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Infallible, D::Error> {
        deserializer.deserialize_any(self)
    }
}

// A scalar ends the way: the methods that are not here fail by themselves.
impl<'de> Visitor<'de> for Locate<'_> {
    type Value = Infallible;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of the path")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Infallible, A::Error> {
        let Some((Segment::Map { key }, path)) = self.path.split_first() else {
            return Err(A::Error::custom("here"));
        };
        let mut once_more = path.is_empty() && self.at == At::KeyAgain;
        loop {
            let stop = path.is_empty() && self.at != At::Value && !once_more;
            match map.next_key_seed(Key { key, stop })? {
                Some(true) if !once_more => return map.next_value_seed(Locate { path, ..self }),
                Some(found) => {
                    once_more &= !found;
                    map.next_value::<IgnoredAny>()?;
                }
                None => return Err(A::Error::custom("no such key")),
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Infallible, A::Error> {
        let Some((Segment::Seq { index }, path)) = self.path.split_first() else {
            return Err(A::Error::custom("here"));
        };
        for _earlier in 0..*index {
            seq.next_element::<IgnoredAny>()?;
        }
        match seq.next_element_seed(Locate { path, ..self })? {
            Some(never) => match never {},
            None => Err(A::Error::custom("no such element")),
        }
    }
}

/// A key on the way: tells whether it is the wanted one, or fails there.
struct Key<'p> {
    key: &'p str,
    stop: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.key {
            true if self.stop => Err(E::custom("here")),
            found => Ok(found),
        }
    }
}
