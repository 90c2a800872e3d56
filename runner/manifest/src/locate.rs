//! Finds the line of a value in a file.
//!
//! If a parser accepts a value, but its type refuses it, the place in the error is not exact: `serde_json` gives the place
//! after the value, `serde_yaml` that of the mapping around it. So the file is read a second time along the value's path by
//! a reader that fails on purpose at its end; the parser's error then has the exact place.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Segment;
use std::convert::Infallible;
use std::fmt;

/// Which place at the end of a path is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The last key, for problems such as a missing field or a mapping in place of a text.
    Key,
    /// The second occurrence of the last key.
    KeyAgain,
    /// The value, which may be on a later line than its key.
    Value,
}

/// Reads along `path` and fails on purpose at its end, so that the error's location is the place. It never succeeds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locate<'p> {
    /// The rest of the path.
    pub(super) path: &'p [Segment],
    /// The place at the path's end where it fails.
    pub(super) at: At,
}

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = Infallible;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Infallible, D::Error> {
        deserializer.deserialize_any(self)
    }
}

// A scalar can only be the end of the path; serde's default methods fail for it.
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

/// Reads a key of a mapping and returns whether it is the wanted one; if `stop` is set, fails at the wanted one.
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
