//! Durations as a number of seconds, to the microsecond.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use std::time::Duration;

/// As a number.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let micros = duration.subsec_micros();
    serializer.serialize_f64(Duration::new(duration.as_secs(), micros * 1000).as_secs_f64())
}

/// From a number that is not negative.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
}
