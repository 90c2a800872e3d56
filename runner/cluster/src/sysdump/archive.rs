//! The file itself: a zip, of which a few members are read, each within bounds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use lab_base::failure::{Failure, chain};

/// How far what is read may grow when it is unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How many members there may be: a bugtool has some hundreds, and there is one for each node.
    pub(super) members: usize,
    /// The octets of one member.
    pub(super) member: u64,
    /// The octets of all that are read.
    pub(super) all: u64,
}

/// Thirty thousand pods are 400 MiB of YAML.
pub(super) const BOUNDS: Bounds = Bounds { members: 1_000_000, member: 1 << 29, all: 1 << 34 };
/// The object that each sysdump has: it collects nothing where there are no nodes.
const NODES: &str = "k8s-nodes";

/// A sysdump that is open.
#[derive(Debug)]
pub(super) struct Archive {
    file: PathBuf,
    zip: RefCell<ZipArchive<File>>,
    /// The number of each member, by its path within the sysdump's folder.
    members: BTreeMap<String, usize>,
    bounds: Bounds,
    left: Cell<u64>,
}

impl Archive {
    /// Opens it.
    ///
    /// # Errors
    /// Exit code 2 where it cannot be read, is no zip, or is no sysdump.
    pub(super) fn open(file: &Path, bounds: Bounds) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::usage(format!("--sysdump {}: {what}", file.display()));
        let opened = File::open(file).map_err(|error| wrong(error.to_string()))?;
        if opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(wrong("it is a folder; the zip that `cilium sysdump` writes is meant".to_owned()));
        }
        let zip = ZipArchive::new(opened)
            .map_err(|error| wrong(format!("it is no zip, or not a whole one: {}", chain(&error))))?;
        if zip.len() > bounds.members {
            return Err(wrong(format!("it has {} members, and at most {} are read", zip.len(), bounds.members)));
        }
        let names: Vec<String> = zip
            .file_names()
            .map(|name| name.map(Into::into))
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(format!("a name in it cannot be read: {}", chain(&error))))?;
        let is_nodes = |name: &&String| {
            let (_folder, file) = name.rsplit_once('/').unwrap_or(("", name.as_str()));
            is_of(file, NODES, ".yaml")
        };
        let found: Vec<&String> = names.iter().filter(is_nodes).collect();
        let root = match found[..] {
            [only] => only.rsplit_once('/').map(|(folder, _file)| format!("{folder}/")).unwrap_or_default(),
            [] => return Err(wrong(format!("it is no sysdump of Cilium's: it has no {NODES}-DATE-TIME.yaml"))),
            [first, second, ..] => return Err(wrong(format!("it has {first} and {second}; one sysdump is meant"))),
        };
        let within = |(number, name): (usize, &String)| Some((name.strip_prefix(&root)?.to_owned(), number));
        let members = names.iter().enumerate().filter_map(within).collect();
        Ok(Self { file: file.to_owned(), zip: RefCell::new(zip), members, bounds, left: Cell::new(bounds.all) })
    }

    /// Which file it is.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The members whose paths begin so.
    pub(super) fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.members.range(with.to_owned()..);
        from.map(|(path, _number)| path.as_str()).take_while(move |path| path.starts_with(with))
    }

    /// The text of `STEM-DATE-TIME.EXTENSION`; none where it is not there.
    ///
    /// # Errors
    /// As [`Self::text`], and where it is there twice.
    pub(super) fn object(&self, stem: &str, extension: &str) -> Result<Option<String>, String> {
        let found: Vec<&str> = self.beginning(stem).filter(|path| is_of(path, stem, extension)).collect();
        match found[..] {
            [] => Ok(None),
            [only] => self.text(only).map(Some),
            [first, second, ..] => Err(format!("it has {first} and {second}, and which of them counts is not known")),
        }
    }

    /// The text of a member.
    ///
    /// # Errors
    /// A text with the member's name that says why: it is not there, is damaged, is no text, or grows beyond the bounds.
    pub(super) fn text(&self, path: &str) -> Result<String, String> {
        let number = *self.members.get(path).ok_or_else(|| format!("the sysdump has no {path}"))?;
        let wrong = |what: String| format!("{path} in the sysdump: {what}");
        let mut zip = self.zip.borrow_mut();
        let member = zip.by_index(number).map_err(|error| wrong(chain(&error)))?;
        let bound = self.bounds.member.min(self.left.get());
        let mut octets = Vec::new();
        let read = member.take(bound + 1).read_to_end(&mut octets).map_err(|error| wrong(chain(&error)))?;
        let read = read as u64;
        if read > bound {
            return Err(wrong(format!("it is larger than {bound} octets when it is unpacked, and is not read")));
        }
        self.left.set(self.left.get() - read);
        String::from_utf8(octets).map_err(|error| wrong(error.to_string()))
    }
}

/// Whether a name is `STEM-DATE-TIMEEXTENSION`; cilium-cli writes the time as `20060102-150405`.
pub(super) fn is_of(name: &str, stem: &str, extension: &str) -> bool {
    let time =
        name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(extension));
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|octet| octet.is_ascii_digit());
    time.and_then(|time| time.split_once('-')).is_some_and(|(date, time)| digits(date, 8) && digits(time, 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn zip(members: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ZipWriter::new(file.reopen().unwrap());
        for (name, octets) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(octets).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    const MEMBERS: [(&str, &[u8]); 3] = [
        ("cilium-sysdump-20221201-101112/k8s-nodes-20221201-101112.yaml", b"items: []\n"),
        ("cilium-sysdump-20221201-101112/k8s-pods-20221201-101112.yaml", b"items:\n"),
        ("cilium-sysdump-20221201-101112/k8s-pods-20221201-101112.txt", b"NAME\n"),
    ];

    #[test]
    fn members_are_found_by_their_stems() {
        let file = zip(&MEMBERS);
        let archive = Archive::open(file.path(), BOUNDS).unwrap();
        assert_eq!(archive.object("k8s-nodes", ".yaml").unwrap().as_deref(), Some("items: []\n"));
        assert_eq!(archive.object("k8s-pods", ".yaml").unwrap().as_deref(), Some("items:\n"));
        assert_eq!(archive.object("k8s", ".yaml").unwrap(), None);
        assert_eq!(archive.beginning("k8s-pods").count(), 2);
        assert!(archive.text("k8s-pods").unwrap_err().contains("has no k8s-pods"));
        // The same without a folder around it.
        let bare = zip(&[("k8s-nodes-20221201-101112.yaml", b"items: []\n")]);
        assert!(Archive::open(bare.path(), BOUNDS).is_ok_and(|archive| archive.beginning("k8s").count() == 1));
    }

    #[test]
    fn what_is_no_sysdump_is_refused() {
        let refused = |file: &Path, bounds: Bounds| {
            let failure = Archive::open(file, bounds).unwrap_err();
            assert_eq!(failure.code, lab_base::failure::code::USAGE);
            failure.message
        };
        let plain = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(plain.path(), "no zip at all").unwrap();
        assert!(refused(plain.path(), BOUNDS).contains("it is no zip"));
        std::fs::write(plain.path(), "").unwrap();
        assert!(refused(plain.path(), BOUNDS).contains("it is no zip"));
        assert!(refused(Path::new("/nowhere/at-all.zip"), BOUNDS).contains("No such file"));
        assert!(refused(&std::env::temp_dir(), BOUNDS).contains("it is a folder"));
        let other = zip(&[("readme.txt", b"hello")]);
        assert!(refused(other.path(), BOUNDS).contains("it has no k8s-nodes-DATE-TIME.yaml"));
        let twice = zip(&[MEMBERS[0], ("b/k8s-nodes-20221201-101113.yaml", b"items: []\n")]);
        assert!(refused(twice.path(), BOUNDS).contains("one sysdump is meant"));
        let whole = std::fs::read(zip(&MEMBERS).path()).unwrap();
        std::fs::write(plain.path(), &whole[..whole.len() - 40]).unwrap();
        assert!(refused(plain.path(), BOUNDS).contains("not a whole one"));
        let few = Bounds { members: 2, ..BOUNDS };
        assert!(refused(zip(&MEMBERS).path(), few).contains("has 3 members"));
    }

    #[test]
    fn what_grows_beyond_the_bounds_is_not_read() {
        let large = vec![b' '; 100_000];
        let file = zip(&[MEMBERS[0], ("cilium-sysdump-20221201-101112/a", &large), MEMBERS[1]]);
        assert!(file.path().metadata().unwrap().len() < 2_000, "it is packed well");
        let bounds = Bounds { member: 50_000, ..BOUNDS };
        let archive = Archive::open(file.path(), bounds).unwrap();
        assert!(archive.text("a").unwrap_err().contains("larger than 50000 octets"));
        assert!(archive.object("k8s-pods", ".yaml").is_ok());
        // The bound for all that is read counts too.
        let archive = Archive::open(file.path(), Bounds { all: 100_005, ..BOUNDS }).unwrap();
        assert!(archive.text("a").is_ok());
        assert!(archive.object("k8s-nodes", ".yaml").unwrap_err().contains("larger than 5 octets"));
    }

    #[test]
    fn damage_is_told() {
        let file = zip(&[MEMBERS[0], ("cilium-sysdump-20221201-101112/a", b"0123456789abcdefghijklmnopqrstuvwxyz")]);
        let mut octets = std::fs::read(file.path()).unwrap();
        let name = b"101112/a";
        let at = octets.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        octets[at + 3] ^= 0x20;
        std::fs::write(file.path(), &octets).unwrap();
        let archive = Archive::open(file.path(), BOUNDS).unwrap();
        assert!(archive.text("a").unwrap_err().starts_with("a in the sysdump: "));
    }
}
