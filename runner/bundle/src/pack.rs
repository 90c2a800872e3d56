//! Makes a bundle: its members are read and hashed, then written, and then the bundle is opened again as a check.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::collect::Folder;
use super::index::BUNDLE;
use super::limits::{CAPTURE_BYTES, TEXT_BYTES};
use super::part::{InCase, Part};
use super::{BundleError, INDEX_FILE, Index, Member, SCHEMA, read};
use lab_base::new_file::NewFile;
use lab_base::redact::{redact, secret_at};
use lab_evidence::{CaseFile, EvidenceError, PARTIAL, RunFile, hashes_captures, is_id};
use lab_manifest::Sha256;
use lab_sealed::{Hashed, TarWriter};

/// The default compression level of `zstd`.
const LEVEL: i32 = 3;
/// The first four bytes of a capture file, for microseconds and nanoseconds in either byte order (pcap-savefile(5)).
const PCAP: [u32; 4] = [0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1];
/// The first four bytes of a pcapng file, in either byte order.
const PCAPNG: u32 = 0x0a0d_0d0a;

/// A bundle that is ready to be written.
#[derive(Debug)]
pub struct Packing {
    folder: Folder,
    parts: Vec<Part>,
    index: Index,
    left_out: Vec<String>,
    unhashed: bool,
}

/// Reads a run's folder and determines what goes into the bundle; nothing is written.
///
/// # Errors
/// [`BundleError`], when it is not a run's folder, or a file in it must not be passed on.
pub fn plan(path: &Path) -> Result<Packing, BundleError> {
    let folder = Folder::open(path)?;
    let mut found = folder.list()?;
    if found.parts.first() != Some(&Part::Run) {
        return Err(BundleError::NotARun { path: path.to_owned(), why: format!("there is no {} in it", Part::Run) });
    }
    let as_evidence = |source: EvidenceError| BundleError::Evidence { path: path.to_owned(), source };
    let text = folder.text(&Part::Run, TEXT_BYTES)?;
    let run = RunFile::parse(&text, Path::new(&Part::Run.to_string())).map_err(as_evidence)?;
    if !is_id(&run.id) {
        let why = format!("{:?} in {} cannot be a run's id", run.id, Part::Run);
        return Err(BundleError::NotARun { path: path.to_owned(), why });
    }
    let mut kept = Kept::default();
    let mut captures = false;
    let mut members = Vec::new();
    let mut parts = Vec::new();
    for part in std::mem::take(&mut found.parts) {
        if let Some(why) = kept.reason_to_leave_out(&folder, &part)? {
            found.left_out.push(format!("{part}: {why}"));
            continue;
        }
        let mut hash = Hashed::new(io::sink());
        pass(&folder, &part, &mut hash)?;
        let (_sink, bytes, sha256) = hash.end();
        let sha256 = Sha256::from_sha256(sha256);
        kept.compare(&folder, &part, sha256.as_str())?;
        captures |= matches!(part, Part::Case { file: InCase::Capture(_), .. });
        members.push(Member { path: part.to_string(), bytes, sha256 });
        parts.push(part);
    }
    let index = Index {
        schema: SCHEMA,
        packed_by: concat!("lab ", env!("CARGO_PKG_VERSION")).to_owned(),
        run: run.id,
        version: run.version,
        whole: !is_partial(path) && parts.contains(&Part::Report),
        members,
    };
    let unhashed = captures && !hashes_captures(run.schema);
    Ok(Packing { folder, parts, index, left_out: found.left_out, unhashed })
}

/// Whether the folder's real name says that the run was not over, whatever path leads to it.
fn is_partial(path: &Path) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_gone| path.to_owned());
    real.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PARTIAL))
}

/// The `case.json` that was read last, to compare the case's other files with.
#[derive(Debug, Default)]
struct Kept {
    case: Option<(String, CaseFile)>,
}

impl Kept {
    /// Why a file is left out although its name is one that a run writes; none if it goes into the bundle.
    fn reason_to_leave_out(&mut self, folder: &Folder, part: &Part) -> Result<Option<String>, BundleError> {
        match part {
            Part::Case { folder: name, file: InCase::Verdict } => {
                let text = folder.text(part, TEXT_BYTES)?;
                let path = folder.path_of(part);
                let case = CaseFile::parse(&text, &path)
                    .map_err(|source| BundleError::Evidence { path: path.clone(), source })?;
                self.case = Some((name.clone(), case));
            }
            Part::Case { folder: name, file } => {
                let case = self.case.as_ref().filter(|(of, _)| of == name);
                let Some((_, case)) = case else { return Ok(Some("its case has no case.json".to_owned())) };
                let InCase::Capture(_) = file else { return Ok(None) };
                let named = |report: &lab_model::report::CaseReport| report.evidence.contains(&part.to_string());
                let named = case.report.as_ref().map(named);
                if named == Some(false) {
                    return Ok(Some("its case.json does not name it".to_owned()));
                }
                let mut magic = [0; 4];
                let path = folder.path_of(part);
                let read = folder.file(part)?.take(4).read(&mut magic).map_err(BundleError::io(&path, "be read"))?;
                let magic = u32::from_le_bytes(magic);
                let is_instead = if read == 4 && magic == PCAPNG {
                    "it is a pcapng file, as Wireshark saves captures, and runs write pcap files"
                } else if read < 4 || !PCAP.contains(&magic) {
                    "it is not a capture file"
                } else {
                    return Ok(None);
                };
                if named == Some(true) {
                    let why = format!("{is_instead}: it was altered or saved again after the run");
                    return Err(BundleError::Capture { path, why });
                }
                return Ok(Some(is_instead.to_owned()));
            }
            Part::Run | Part::Report | Part::Junit | Part::Page | Part::Markdown | Part::Beside | Part::Artefact(_) => {
            }
        }
        Ok(None)
    }

    /// Compares a capture with the hash in its case's `case.json`, if it has one.
    fn compare(&self, folder: &Folder, part: &Part, found: &str) -> Result<(), BundleError> {
        let Some((_, case)) = &self.case else { return Ok(()) };
        let recorded = case.captures_sha256.as_ref().and_then(|captures| captures.get(&part.to_string()));
        match recorded.filter(|recorded| *recorded != found) {
            None => Ok(()),
            Some(recorded) => Err(BundleError::Capture {
                path: folder.path_of(part),
                why: format!("altered after it was written: it has sha256 {found}, case.json says {recorded}"),
            }),
        }
    }
}

/// Writes the content of a member to `out`. Secrets are removed from artefacts. In other files a secret is an error,
/// because their hashes are recorded elsewhere.
fn pass(folder: &Folder, part: &Part, out: &mut dyn Write) -> Result<(), BundleError> {
    let path = folder.path_of(part);
    let broken = |error| BundleError::io(&path, "be read")(error);
    if !part.is_text() {
        let file = folder.file(part)?;
        let copied = io::copy(&mut file.take(CAPTURE_BYTES + 1), out).map_err(broken)?;
        return if copied > CAPTURE_BYTES {
            Err(broken(io::Error::other(format!("it has more than {CAPTURE_BYTES} bytes"))))
        } else {
            Ok(())
        };
    }
    let text = folder.text(part, TEXT_BYTES)?;
    if let Part::Artefact(_) = part {
        return out.write_all(redact(&text).as_bytes()).map_err(broken);
    }
    match secret_at(&text) {
        Some(line) => Err(BundleError::Secret { path: path.clone(), line }),
        None => out.write_all(text.as_bytes()).map_err(broken),
    }
}

impl Packing {
    /// The index of the bundle.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// The other files in the folder, each with the reason why it is left out.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Whether the run's captures were not hashed when they were written, because an older version made the run.
    pub const fn has_captures_without_hash(&self) -> bool {
        self.unhashed
    }

    /// The default name of the bundle: `lab-2fxf.tar.zst`, `lab-2fxf.anonymised.tar.zst`.
    pub fn default_name(&self, anonymised: bool) -> PathBuf {
        let whole = if self.index.whole { "" } else { PARTIAL };
        let anonymised = if anonymised { ".anonymised" } else { "" };
        PathBuf::from(format!("lab-{}{whole}{anonymised}.tar.zst", self.index.run))
    }

    /// Writes the bundle. Returns its size in bytes.
    ///
    /// # Errors
    /// When a file of that name exists, unless `force`; [`BundleError::Changed`] when the folder changes meanwhile; and
    /// every error of opening the finished bundle. No file is left then.
    pub fn write(&self, path: &Path, force: bool) -> Result<u64, BundleError> {
        let out = NewFile::begin(path, force).map_err(|error| BUNDLE.not_made(error))?;
        self.write_to(out.file(), path)?;
        let mut file = out.file();
        let bytes = file.stream_position().map_err(BundleError::io(path, "be written"))?;
        file.seek(SeekFrom::Start(0)).map_err(BundleError::io(path, "be read"))?;
        read(file, path, &mut |_run, _evidence| {})?;
        out.place().map_err(|error| BUNDLE.not_made(error))?;
        Ok(bytes)
    }

    /// Writes the bundle to any writer, without the check of opening it; `path` is what errors name.
    ///
    /// # Errors
    /// See [`write`](Self::write).
    pub fn write_to(&self, out: impl Write, path: &Path) -> Result<(), BundleError> {
        let broken = || BundleError::io(path, "be written");
        let index = serde_json::to_vec_pretty(&self.index).map_err(|error| BUNDLE.unusable(path, &error))?;
        let mut encoder = zstd::Encoder::new(BufWriter::new(out), LEVEL).map_err(broken())?;
        // The checksum of the compressed frame protects the index, which no hash does.
        encoder.include_checksum(true).map_err(broken())?;
        let mut archive = TarWriter::new(encoder);
        archive.file(INDEX_FILE, &index).map_err(broken())?;
        for (part, member) in self.parts.iter().zip(&self.index.members) {
            archive.begin(&member.path, member.bytes).map_err(broken())?;
            let mut through = Hashed::new(&mut archive);
            let passed = pass(&self.folder, part, &mut through);
            let (_archive, bytes, sha256) = through.end();
            let changed = || BundleError::Changed { path: self.folder.path_of(part) };
            // The content is longer than it was when it was hashed.
            if bytes >= member.bytes && passed.is_err() {
                return Err(changed());
            }
            passed?;
            if bytes != member.bytes || Sha256::from_sha256(sha256) != member.sha256 {
                return Err(changed());
            }
        }
        let mut out = archive.finish().and_then(zstd::Encoder::finish).map_err(broken())?;
        out.flush().map_err(broken())
    }
}
