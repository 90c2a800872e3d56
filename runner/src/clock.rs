//! The one place that reads the clock and that waits.
