use super::*;

fn frame(nanoseconds: u32, bytes: &[u8], original_length: u32) -> RawFrame {
    RawFrame { at: Duration::new(1_795_415_981, nanoseconds), bytes: bytes.to_vec(), original_length }
}

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("eth0.pcap")
    }

    /// The error of reading these octets.
    fn refusal(&self, bytes: &[u8]) -> String {
        fs::write(self.path(), bytes).expect("the scratch file");
        let text = read(&self.path()).expect_err("should be refused").to_string();
        let file = self.path().display().to_string();
        text.strip_prefix(&format!("{file}: ")).unwrap_or_else(|| panic!("{text} does not name {file}")).to_owned()
    }
}

/// A file's header: magic number, version 2.4, no corrections, link type.
fn header(magic: u32, link_type: u32) -> Vec<u8> {
    let version = [2, 0, 4, 0];
    [&magic.to_le_bytes()[..], &version, &[0; 8], &262_144_u32.to_le_bytes(), &link_type.to_le_bytes()].concat()
}

fn record(fraction: u32, kept: u32, original: u32, bytes: &[u8]) -> Vec<u8> {
    let fields = [7, fraction, kept, original];
    [fields.map(u32::to_le_bytes).concat(), bytes.to_vec()].concat()
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;

#[test]
fn what_is_written_reads_back() {
    let scratch = Scratch::new();
    let frames = [frame(1, &[1; 60], 60), frame(999_999_999, &[2; 96], 1514), frame(0, &[], 0)];
    write(&scratch.path(), &frames).expect("written");
    assert_eq!(read(&scratch.path()).expect("read"), frames);
    write(&scratch.path(), &[]).expect("written");
    assert_eq!(read(&scratch.path()).expect("an empty capture is a file too"), []);
}

#[test]
fn the_file_is_laid_out_as_the_format_says() {
    let scratch = Scratch::new();
    write(&scratch.path(), &[frame(5, &[0xaa, 0xbb], 60)]).expect("written");
    let expected = [header(0xa1b2_3c4d, 1), [1_795_415_981, 5, 2, 60].map(u32::to_le_bytes).concat(), vec![0xaa, 0xbb]];
    assert_eq!(fs::read(scratch.path()).expect("the file"), expected.concat());
}

#[test]
fn microseconds_and_the_other_byte_order_are_read() {
    let scratch = Scratch::new();
    let fields = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1, 7, 999_999, 1, 70_000_u32];
    fs::write(scratch.path(), [fields.map(u32::to_be_bytes).concat(), vec![9]].concat()).expect("the scratch file");
    let expected = RawFrame { at: Duration::new(7, 999_999_000), bytes: vec![9], original_length: 70_000 };
    assert_eq!(read(&scratch.path()).expect("read"), [expected], "longer than the snap length is what that is for");
}

#[test]
fn other_formats_are_refused() {
    let scratch = Scratch::new();
    assert_eq!(scratch.refusal(&[0; 23]), "expected a pcap header of 24 octets, found 23 octets");
    let magic = "expected a classic pcap file (0xa1b2c3d4 or 0xa1b23c4d in either byte order), found ";
    assert_eq!(
        scratch.refusal(&[0x0a0d_0d0a_u32.to_be_bytes().to_vec(), vec![0; 24]].concat()),
        format!("{magic}a pcapng file")
    );
    assert_eq!(scratch.refusal(&[b'x'; 30]), format!("{magic}0x78787878"));
    assert_eq!(scratch.refusal(&header(MICROSECONDS, 113)), "expected link type 1 (Ethernet), found link type 113");
    let mut version_3 = header(MICROSECONDS, 1);
    version_3[4] = 3;
    assert_eq!(scratch.refusal(&version_3), "expected pcap version 2, found 3.4");
}

#[test]
fn wrong_records_are_refused() {
    let scratch = Scratch::new();
    let after_a_good_one = |bytes: Vec<u8>| [header(MICROSECONDS, 1), record(0, 1, 1, &[1]), bytes].concat();
    let cases = [
        (record(0, 9, 9, &[1; 8]), "record 2: expected a frame of 9 octets, found the file's end after 8"),
        (vec![0; 15], "record 2: expected a header of 16 octets, found 15 octets"),
        (
            record(0, 262_145, 262_145, &[1; 8]),
            "record 2: expected a frame of at most 262144 octets, found a length of 262145",
        ),
        (
            record(0, u32::MAX, 1, &[]),
            "record 2: expected a frame of at most 262144 octets, found a length of 4294967295",
        ),
        (record(1_000_000, 1, 1, &[1]), "record 2: expected a fraction of a second below 1000000, found 1000000"),
        (record(0, 2, 1, &[1; 2]), "record 2: expected an original length of at least the 2 octets kept, found 1"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(scratch.refusal(&after_a_good_one(bytes)), expected);
    }
}

#[test]
fn a_huge_file_is_refused_by_its_size() {
    let scratch = Scratch::new();
    let file = fs::File::create(scratch.path()).expect("the scratch file");
    file.set_len(LARGEST_FILE + 1).expect("a sparse file");
    let text = read(&scratch.path()).expect_err("should be refused").to_string();
    assert!(text.ends_with("expected at most 268435456 octets, found more"), "{text}");
}

#[test]
fn what_the_format_cannot_hold_is_not_written() {
    let scratch = Scratch::new();
    let too_late = RawFrame { at: Duration::from_secs(1 << 32), ..frame(0, &[1], 1) };
    let too_long = frame(0, &vec![0; 262_145], 262_145);
    let cases = [
        (too_late, "its time, 4294967296 s since 1970, is after 2106"),
        (too_long, "expected at most 262144 octets, found 262145"),
        (frame(0, &[1, 2], 1), "2 octets were kept of a frame of 1"),
    ];
    for (bad, why) in cases {
        let error = write(&scratch.path(), &[frame(0, &[1], 1), bad]).expect_err("should be refused");
        assert!(error.to_string().ends_with(&format!("frame 2 cannot be written: {why}")), "{error}");
        assert!(!scratch.path().exists());
    }
}

#[test]
fn a_missing_file_and_a_missing_folder_are_named() {
    let scratch = Scratch::new();
    let path = scratch.path().join("none.pcap");
    assert!(matches!(read(&path), Err(PcapError::Read { path: named, .. }) if named == path));
    assert!(matches!(write(&path, &[]), Err(PcapError::Write { path: named, .. }) if named == path));
}
