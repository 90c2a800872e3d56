//! The image of stand-ins: some of the host's programs with their shared libraries, and files of the test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::linker::libraries;
use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt;
use lab_engine::{Engine, ProgramHeader};

use crate::owner::{DEADLINE, OWNER_LABEL, own, remove_image};

/// The programs that each stand-in has: to wait, run scripts, remove files and create network namespaces.
const PROGRAMS: [&str; 5] = ["sh", "sleep", "rm", "cat", "unshare"];
/// The folder of programs in the image.
const BIN: &str = "/bin";
/// The folder that the probe is copied into.
const LIB: &str = "/usr/local/lib";

/// The contents of an image, besides the programs of this machine that it needs.
#[derive(Debug, Clone, Default)]
pub struct ImagePlan {
    /// More programs of the host, by name or path, for example `ip`. They are put into /bin.
    pub programs: Vec<PathBuf>,
    /// Files by absolute path, with their bytes. All are executable.
    pub files: Vec<(String, Vec<u8>)>,
    /// Its configuration, as lines of a Dockerfile: `ENV ANSWER=42`.
    pub changes: Vec<String>,
}

/// An image that is removed when this value is dropped. Its containers must be removed before.
#[derive(Debug)]
pub struct Image {
    engine: Engine,
    reference: String,
    also: Vec<String>,
}

impl Image {
    /// Builds the image.
    ///
    /// # Panics
    /// When the host lacks a program, or the Engine does not take the image.
    pub async fn make(engine: &Engine, plan: &ImagePlan) -> Self {
        let archive = archive(&files(plan).await);
        let repository = format!("lab-stand-in-{:08x}", fastrand::u32(..));
        let label = own().replace('"', "\\\"");
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(&repository)
            .tag("test")
            .changes([vec![format!("LABEL {OWNER_LABEL}=\"{label}\"")], plan.changes.clone()].concat())
            .build();
        let body = bollard::body_full(archive.into());
        let mut progress = Box::pin(engine.client().create_image(Some(options), Some(body), None));
        let imported = async {
            while let Some(step) = progress.next().await {
                step?;
            }
            Ok(())
        };
        engine.call("import an image", DEADLINE, imported).await.expect("the Engine imports an image");
        Self { engine: engine.clone(), reference: format!("{repository}:test"), also: Vec::new() }
    }

    /// Gives it another tag too. Returns the name with that tag.
    ///
    /// # Panics
    /// When the Engine refuses.
    pub async fn tag(&mut self, tag: &str) -> String {
        let repository = self.reference.trim_end_matches(":test").to_owned();
        let options = TagImageOptionsBuilder::default().repo(&repository).tag(tag).build();
        let tagged = self.engine.client().tag_image(&self.reference, Some(options));
        self.engine.call("tag an image", DEADLINE, tagged).await.expect("the Engine tags an image");
        let reference = format!("{repository}:{tag}");
        self.also.push(reference.clone());
        reference
    }

    /// Its name and tag.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        crate::cluster::in_the_end(self.engine.clone(), |engine| {
            let references: Vec<String> = self.also.iter().chain([&self.reference]).cloned().collect();
            async move {
                for reference in references {
                    remove_image(&engine, &reference).await.map_err(|error| error.to_string())?;
                }
                Ok(())
            }
        });
    }
}

/// All files by path. Shared libraries have the same paths as on the host, where the dynamic linker found them.
async fn files(plan: &ImagePlan) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for program in PROGRAMS.iter().map(PathBuf::from).chain(plan.programs.iter().cloned()) {
        let found = which::which(&program);
        let path = found.unwrap_or_else(|error| panic!("{}: stand-ins need it: {error}", program.display()));
        let bytes = read(&path);
        let header = ProgramHeader::read(&bytes).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        if let Some(interpreter) = header.interpreter {
            for (_, library) in libraries(&interpreter, &path).await.expect("its libraries are known") {
                files.insert(library.clone(), read(&library));
            }
            files.insert(interpreter.clone(), read(&interpreter));
        }
        files.insert(Path::new(BIN).join(program.file_name().expect("a program has a name")), bytes);
    }
    files.extend(plan.files.iter().map(|(path, bytes)| (PathBuf::from(path), bytes.clone())));
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn archive(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut entry = |kind: tar::EntryType, path: &Path, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        let within = path.strip_prefix("/").expect("paths in an image are absolute");
        builder.append_data(&mut header, within, bytes).expect("memory does not fail");
    };
    let folders = [Path::new(LIB), Path::new("/tmp"), Path::new("/proc"), Path::new("/sys"), Path::new("/dev")];
    for folder in folders {
        entry(tar::EntryType::Directory, folder, &[]);
    }
    for (path, bytes) in files {
        entry(tar::EntryType::Regular, path, bytes);
    }
    builder.into_inner().expect("memory does not fail")
}
