//! Limits on the size of a bundle, which comes from elsewhere and is not trusted.

/// The most members without the index. A lab of 100 nodes has about 700, most of them captures.
pub(super) const MEMBERS: usize = 4096;
/// The largest index in bytes; [`MEMBERS`] entries need less.
pub(super) const INDEX_BYTES: u64 = 2 << 20;
/// The largest text member in bytes. One at a time is kept in memory. The routes of a foreign cluster of 1,000 nodes take 80
/// MiB; the evidence of a case in a lab of 100 nodes has a twentieth of this.
pub(super) const TEXT_BYTES: u64 = 128 << 20;
/// The most JSON values in a text member, which bounds the memory that parsing takes: `{"":0},` has two values and takes
/// 632 bytes of memory. The evidence of a case in a lab of 100 nodes has a quarter of this.
pub(super) const VALUES: usize = 2 << 20;
/// The largest capture in bytes. It is hashed while it is read, and not kept in memory.
pub(super) const CAPTURE_BYTES: u64 = 256 << 20;
/// The most bytes of all members together.
pub(super) const TOTAL_BYTES: u64 = 1 << 30;

/// Whether a JSON text may have more than [`VALUES`] values. Counts the characters after which a value begins, also within
/// strings.
pub(super) fn is_crowded(json: &str) -> bool {
    json.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > VALUES
}
