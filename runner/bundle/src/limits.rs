//! How much a bundle may have. Whoever opens one did not make it.

/// Members, the index not counted: a lab of 100 nodes has some 700, most of them captures.
pub(super) const MEMBERS: usize = 4096;
/// Bytes of the index: [`MEMBERS`] entries have less.
pub(super) const INDEX_BYTES: u64 = 2 << 20;
/// Bytes of a text. They are held in memory one at a time; the evidence of a case in a lab of 100 nodes has a tenth.
pub(super) const TEXT_BYTES: u64 = 64 << 20;
/// Values in the JSON of a text. What `{"":0},` becomes, which has two, takes 632 bytes of memory. The evidence of a case in
/// a lab of 100 nodes has a quarter of that many.
pub(super) const VALUES: usize = 2 << 20;
/// Bytes of a capture. It is hashed as it passes.
pub(super) const CAPTURE_BYTES: u64 = 256 << 20;
/// Bytes of all members.
pub(super) const TOTAL_BYTES: u64 = 1 << 30;

/// Whether it may have more than [`VALUES`]: what values begin after is counted, in strings too.
pub(super) fn is_crowded(json: &str) -> bool {
    json.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > VALUES
}
