//! What `nft` keeps about a map beside what the kernel needs: how to show it, and how to read it back from what it
//! has shown (libnftnl, include/libnftnl/udata.h; nft, src/numgen.c and src/payload.c).

const KEY_BYTE_ORDER: u8 = 0;
const DATA_BYTE_ORDER: u8 = 1;
const KEY_TYPEOF: u8 = 3;
const DATA_TYPEOF: u8 = 4;
const DATA_INTERVAL: u8 = 6;

const HOST_ENDIAN: u32 = 1;
const BIG_ENDIAN: u32 = 2;

// Inside a `typeof`: which kind of expression, and its own values.
const EXPRESSION: u8 = 0;
const VALUES: u8 = 1;
const PAYLOAD: u32 = 7;
const NUMGEN: u32 = 23;

/// `typeof numgen random mod … : ip daddr`, as `nft` writes it for such a map.
pub(super) fn of_map(modulus: u32) -> Vec<u8> {
    let random = [word(0, 1), word(1, modulus), word(2, 0)].concat();
    // The IPv4 header, and its twelfth field as `nft` counts them.
    let destination = [word(0, 12), word(1, 12)].concat();
    [
        word(KEY_BYTE_ORDER, HOST_ENDIAN),
        word(DATA_BYTE_ORDER, BIG_ENDIAN),
        entry(KEY_TYPEOF, &[word(EXPRESSION, NUMGEN), entry(VALUES, &random)].concat()),
        entry(DATA_TYPEOF, &[word(EXPRESSION, PAYLOAD), entry(VALUES, &destination)].concat()),
        word(DATA_INTERVAL, 0),
    ]
    .concat()
}

fn entry(kind: u8, value: &[u8]) -> Vec<u8> {
    // None of them is longer than 64 octets.
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[kind, length], value].concat()
}

fn word(kind: u8, value: u32) -> Vec<u8> {
    entry(kind, &value.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_endian = "little")]
    fn it_is_what_nft_writes() {
        // nft 1.0.6 --debug=mnl, for a map of `typeof numgen random mod 2 : ip daddr`.
        let nfts = [
            0x00, 0x04, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x02, 0x00, 0x00, 0x00, 0x03, 0x1a, 0x00, 0x04, 0x17, 0x00,
            0x00, 0x00, 0x01, 0x12, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x02, 0x00, 0x00, 0x00, 0x02, 0x04,
            0x00, 0x00, 0x00, 0x00, 0x04, 0x14, 0x00, 0x04, 0x07, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x00, 0x04, 0x0c, 0x00,
            0x00, 0x00, 0x01, 0x04, 0x0c, 0x00, 0x00, 0x00, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00,
        ];
        assert_eq!(super::of_map(2), nfts);
    }
}
