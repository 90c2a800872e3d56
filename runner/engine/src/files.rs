//! Files in containers, as tar archives through the Engine's API (`/containers/{id}/archive`).
//!
//! This API does not see files in a tmpfs that is mounted in the container, such as /tmp and /run in a kind node.

use async_recursion::async_recursion as boxed;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::io::Read;
use std::time::Duration;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;

/// The deadline of one transfer: tens of megabytes on a busy machine.
const TRANSFER_DEADLINE: Duration = Duration::from_mins(2);
/// The largest archive that is downloaded, in octets: captures and configuration, not images.
const LARGEST: usize = 512 * 1024 * 1024;

impl Engine {
    /// Unpacks a tar archive in a folder of a container, which must exist. The container need not run.
    ///
    /// # Errors
    /// [`EngineError::Answered`] when the container or the folder does not exist (404), or the disk is full.
    pub async fn upload(&self, container: &str, folder: &str, tar: impl Into<Bytes>) -> Result<(), EngineError> {
        let doing = format!("unpack an archive in {folder} of {container}");
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let body = bollard::body_full(tar.into());
        self.call(&doing, TRANSFER_DEADLINE, self.docker.upload_to_container(container, Some(options), body)).await
    }

    /// Downloads a file or a folder of a container as a tar archive.
    ///
    /// # Errors
    /// [`EngineError::Answered`] when there is none (404), [`EngineError::TooLarge`] when it has more than 512 MiB.
    #[boxed(?Send)]
    pub async fn download(&self, container: &str, path: &str) -> Result<Vec<u8>, EngineError> {
        let doing = format!("read {path} of {container}");
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = Box::pin(self.docker.download_from_container(container, Some(options)));
        let receive = async {
            let mut tar = Vec::new();
            while let Some(chunk) = stream.next().await {
                tar.extend_from_slice(&chunk?);
                if tar.len() > LARGEST {
                    return Ok(None);
                }
            }
            Ok(Some(tar))
        };
        let tar = self.call(&doing, TRANSFER_DEADLINE, receive).await?;
        tar.ok_or_else(|| EngineError::TooLarge { what: format!("{path} of {container}"), most: LARGEST })
    }

    /// Reads one file of a container.
    ///
    /// # Errors
    /// As [`Engine::download`]; [`EngineError::Broken`] when the path is not a regular file.
    pub async fn read_file(&self, container: &str, path: &str) -> Result<Vec<u8>, EngineError> {
        let archive = self.download(container, path).await?;
        only_file(&archive).map_err(|why| EngineError::Broken {
            endpoint: self.endpoint(),
            doing: format!("read {path} of {container}"),
            why,
        })
    }

    /// Whether there is a file or folder of this name in a container.
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn exists(&self, container: &str, path: &str) -> Result<bool, EngineError> {
        let doing = format!("look for {path} in {container}");
        let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
        let asked = self.docker.get_container_archive_info(container, Some(options));
        match self.call(&doing, ASK_DEADLINE, asked).await {
            Ok(_stat) => Ok(true),
            // The answer to a HEAD request has no message, so a missing container looks like a missing file here. It is
            // noticed by the next call.
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The bytes of the one file that an archive holds.
fn only_file(archive: &[u8]) -> Result<Vec<u8>, String> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries().map_err(|error| error.to_string())?;
    let Some(entry) = entries.next() else { return Err("the archive is empty".to_owned()) };
    let mut entry = entry.map_err(|error| format!("the archive cannot be read: {error}"))?;
    if !entry.header().entry_type().is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| format!("the archive cannot be read: {error}"))?;
    // Checked here, because the library takes the end of a cut-off archive for the end of the file.
    let (size, came) = (entry.size(), bytes.len());
    if came as u64 == size { Ok(bytes) } else { Err(format!("the archive is cut off: it has {came} of {size} octets")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(kind: tar::EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, "name", bytes).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn the_one_file_of_an_archive_is_read_and_nothing_else_passes_for_one() {
        assert_eq!(only_file(&archive(tar::EntryType::Regular, b"words")), Ok(b"words".to_vec()));
        assert_eq!(only_file(&archive(tar::EntryType::Directory, b"")), Err("it is not a regular file".to_owned()));
        assert_eq!(only_file(b""), Err("the archive is empty".to_owned()));
        let cut = &archive(tar::EntryType::Regular, &[7; 2000])[..1024];
        assert_eq!(only_file(cut), Err("the archive is cut off: it has 512 of 2000 octets".to_owned()));
        assert!(only_file(&[7; 1024]).unwrap_err().starts_with("the archive cannot be read: "));
    }
}
