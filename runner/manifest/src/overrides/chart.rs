//! Reads the archive of a Helm chart (`--chart FILE`).

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lab_base::sha256;

/// Why a file cannot be used as a chart.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The file cannot be read.
    #[error("--chart {}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is longer than a chart can be.
    #[error("--chart {}: expected a Helm chart of {} MiB at most, found more", path.display(), LONGEST / MIB)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is not an archive, or is truncated.
    #[error(
        "--chart {}: expected a Helm chart as `helm pull` or `helm package` writes it (a tar archive, compressed with gzip): {source}",
        path.display()
    )]
    NoArchive {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: io::Error,
    },
    /// The archive contains no chart.
    #[error("--chart {}: expected a Helm chart, found an archive without a file CHART/Chart.yaml", path.display())]
    NoChart {
        /// The file.
        path: PathBuf,
    },
    /// `Chart.yaml` is not valid.
    #[error("--chart {}: Chart.yaml: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        problem: String,
    },
    /// The chart has another name.
    #[error("--chart {}: Chart.yaml: expected the chart {expected}, found {found}", path.display())]
    OtherChart {
        /// The file.
        path: PathBuf,
        /// The chart's name in cilium.yaml.
        expected: String,
        /// The name in the archive.
        found: String,
    },
}

/// A chart's archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChartFile {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of the file: 64 hex digits.
    pub sha256: String,
    /// `name` in its `Chart.yaml`.
    pub name: String,
    /// `version` in its `Chart.yaml`.
    pub version: String,
}

const MIB: u64 = 1 << 20;
/// The greatest size of an archive. Chart 1.12.4 has 125 KiB, and Helm refuses releases of more than 1 MiB.
const LONGEST: u64 = 16 * MIB;
/// The greatest size of a decompressed archive.
const LONGEST_INSIDE: u64 = 256 * MIB;
/// The greatest size of `Chart.yaml`. That of 1.12.4 has 4 KiB.
const LONGEST_METADATA: u64 = MIB;

/// The fields of `Chart.yaml` that are read (<https://helm.sh/docs/topics/charts/#the-chartyaml-file>).
#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

impl ChartFile {
    /// Reads a chart's archive. The chart must have this name.
    ///
    /// # Errors
    /// When the file cannot be read, is not a chart, or is another chart.
    pub fn read(path: &Path, name: &str) -> Result<Self, ChartError> {
        let path = path.to_owned();
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
        match read {
            Err(source) => return Err(ChartError::Unreadable { path, source }),
            Ok(length) if length as u64 > LONGEST => return Err(ChartError::TooLong { path }),
            Ok(_) => {}
        }
        let metadata = metadata(&bytes).map_err(|source| ChartError::NoArchive { path: path.clone(), source })?;
        let Some(metadata) = metadata else { return Err(ChartError::NoChart { path }) };
        let metadata: Metadata = match serde_yaml::from_str(&metadata) {
            Ok(metadata) => metadata,
            Err(error) => return Err(ChartError::Malformed { path, problem: error.to_string() }),
        };
        if metadata.name != name {
            return Err(ChartError::OtherChart { path, expected: name.to_owned(), found: metadata.name });
        }
        Ok(Self { path, sha256: sha256(&bytes), name: metadata.name, version: metadata.version })
    }
}

/// The text of `CHART/Chart.yaml`. The archive is read to its end, so that a truncated one is noticed.
fn metadata(archive: &[u8]) -> io::Result<Option<String>> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive).take(LONGEST_INSIDE));
    let mut found = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if found.is_none() && path.components().count() == 2 && path.ends_with("Chart.yaml") {
            let mut text = String::new();
            entry.by_ref().take(LONGEST_METADATA).read_to_string(&mut text)?;
            found = Some(text);
        }
    }
    // gzip's checksum comes after tar's end mark, and is checked only if it is read.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::Write as _;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, content.as_bytes()).expect("memory takes it");
        }
        tar.into_inner().and_then(GzEncoder::finish).expect("memory takes it")
    }

    fn read(bytes: &[u8]) -> Result<ChartFile, ChartError> {
        let mut file = tempfile::NamedTempFile::new().expect("there is a folder for temporary files");
        file.write_all(bytes).expect("it takes it");
        ChartFile::read(file.path(), "cilium")
    }

    const CHART: &str = "apiVersion: v2\nname: cilium\nversion: 1.12.5\nappVersion: 1.12.5\n";

    #[test]
    fn a_chart_tells_its_name_and_version() {
        // A chart within it has a file of the same name, further down.
        let bytes = packed(&[("cilium/charts/x/Chart.yaml", "name: x\nversion: 1\n"), ("cilium/Chart.yaml", CHART)]);
        let chart = read(&bytes).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((chart.name.as_str(), chart.version.as_str()), ("cilium", "1.12.5"));
        assert_eq!(chart.sha256, sha256(&bytes));
    }

    #[test]
    fn what_is_no_chart_is_refused_for_what_it_is() {
        let whole = packed(&[("cilium/Chart.yaml", CHART), ("cilium/values.yaml", &"# …\n".repeat(5000))]);
        let mut flipped = whole.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        let table: [(&[u8], &str); 8] = [
            (b"", "expected a Helm chart as "),
            (b"name: cilium\nversion: 1.12.4\n", "expected a Helm chart as "),
            (&whole[..whole.len() - 9], "expected a Helm chart as "),
            (&flipped, "expected a Helm chart as "),
            (&packed(&[("cilium/values.yaml", "")]), "expected a Helm chart, found an archive without a file "),
            (&packed(&[("Chart.yaml", CHART)]), "expected a Helm chart, found an archive without a file "),
            (&packed(&[("cilium/Chart.yaml", "name: cilium\n")]), "Chart.yaml: missing field `version`"),
            (
                &packed(&[("x/Chart.yaml", "name: x\nversion: 1.0.0\n")]),
                "Chart.yaml: expected the chart cilium, found x",
            ),
        ];
        for (number, (bytes, problem)) in table.into_iter().enumerate() {
            let error = read(bytes).expect_err("it is none").to_string();
            let (_, said) = error.split_once(": ").expect("the file is named first");
            assert!(error.starts_with("--chart /") && said.starts_with(problem), "{number}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let missing = folder.path().join("cilium.tgz");
        let error = ChartFile::read(&missing, "cilium").expect_err("it is not there").to_string();
        assert_eq!(
            error,
            format!("--chart {}: cannot be read: No such file or directory (os error 2)", missing.display())
        );
        assert!(matches!(ChartFile::read(folder.path(), "cilium"), Err(ChartError::Unreadable { .. })));
        fs::File::create(&missing).and_then(|file| file.set_len(LONGEST + 1)).expect("a sparse file takes no room");
        assert!(matches!(ChartFile::read(&missing, "cilium"), Err(ChartError::TooLong { .. })));
    }
}
