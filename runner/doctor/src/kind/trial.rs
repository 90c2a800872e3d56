//! Runs a privileged container, because no setting of an Engine says whether it can.
//!
//! Its image is made here, with one program of two machine instructions, so that no image has to be pulled. The image and
//! the container have a label, and both are removed again, also those that an earlier attempt could not remove.

use async_recursion::async_recursion as boxed;
use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    ListImagesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, StartContainerOptions,
    WaitContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};
use std::time::Duration;

use super::facts::Tried;
use lab_base::clock;
use lab_model::observe::Privileged;

/// The label of the image and the container of an attempt.
pub const LABEL: &str = "lab.doctor";
/// The label's value.
const VALUE: &str = "privileged";
/// The deadline for making, running and removing them. It usually takes less than a second; a loaded host takes longer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Leftovers of earlier attempts are removed after this time, when that attempt can no longer be running.
const OLD: Duration = Duration::from_mins(1);

/// `ET_EXEC`, `PT_LOAD` and so on: the ELF-64 specification, "ELF Header" and "Program Header".
const ELF_HEADER: u16 = 64;
const PROGRAM_HEADER: u16 = 56;
/// The address that the program is loaded at.
const BASE: u64 = 0x40_0000;
/// The largest page that a kernel of these architectures has.
const ALIGNMENT: u64 = 0x1_0000;

/// An ELF program that exits with code 0; none for an architecture other than these two.
fn program(architecture: &str) -> Option<Vec<u8>> {
    let (machine, code): (u16, &[u8]) = match architecture {
        // EM_X86_64: xor edi, edi; mov eax, 60 (exit); syscall
        "x86_64" | "amd64" => (62, &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]),
        // EM_AARCH64: mov x0, #0; mov x8, #93 (exit); svc #0
        "aarch64" | "arm64" => (183, &[0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0, 0, 0xd4]),
        _ => return None,
    };
    let begin = ELF_HEADER + PROGRAM_HEADER;
    let length = u64::from(begin) + code.len() as u64;
    // Magic, 64 bits, little-endian, version 1, System V.
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for half in [2, machine] {
        elf.extend(half.to_le_bytes());
    }
    elf.extend(1u32.to_le_bytes());
    for address in [BASE + u64::from(begin), u64::from(ELF_HEADER), 0] {
        elf.extend(address.to_le_bytes());
    }
    elf.extend(0u32.to_le_bytes());
    for half in [ELF_HEADER, PROGRAM_HEADER, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    // One segment: PT_LOAD, readable and executable, the whole file.
    for word in [1u32, 5] {
        elf.extend(word.to_le_bytes());
    }
    for field in [0, BASE, BASE, length, length, ALIGNMENT] {
        elf.extend(field.to_le_bytes());
    }
    elf.extend(code);
    Some(elf)
}

/// The only layer of the image, as a tar archive.
fn archive(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "exit", program)?;
    archive.into_inner()
}

/// The result when no container could be tried, with the reason.
pub(super) fn not_tried(why: impl Into<String>) -> Tried {
    Tried { privileged: Privileged::NotTried(why.into()), cgroupns: None }
}

/// Tries a container with the privileges of a node. `remapped` says that the Engine maps the users of containers to other
/// users (userns-remap), from which a privileged container must be excepted.
#[boxed(?Send)]
pub async fn privileged(docker: &Docker, architecture: Option<&str>, remapped: bool) -> Tried {
    // As kind v0.17.0 starts nodes (`runArgsForNode`, `commonArgs`).
    let as_a_node = HostConfig {
        privileged: Some(true),
        security_opt: Some(vec!["seccomp=unconfined".to_owned(), "apparmor=unconfined".to_owned()]),
        userns_mode: remapped.then(|| "host".to_owned()),
        ..HostConfig::default()
    };
    Box::pin(container(docker, architecture, as_a_node)).await
}

/// Tries a container with this configuration, without a network.
#[boxed(?Send)]
pub async fn container(docker: &Docker, architecture: Option<&str>, host: HostConfig) -> Tried {
    let Some(architecture) = architecture else {
        return not_tried("the Engine does not report its architecture");
    };
    let layer = match program(architecture).map(|program| archive(&program)) {
        Some(Ok(layer)) => layer,
        Some(Err(error)) => return not_tried(error.to_string()),
        None => return not_tried(format!("lab has no test program for {architecture}")),
    };
    let host = HostConfig { network_mode: Some("none".to_owned()), ..host };
    match clock::within(DEADLINE, "trying a container", Box::pin(try_container(docker, layer, host))).await {
        Ok(Ok(tried)) => tried,
        Ok(Err(error)) => not_tried(engine_text(error)),
        Err(passed) => not_tried(passed.to_string()),
    }
}

/// The Engine's message in an error.
fn engine_text(error: Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message,
        other => other.to_string(),
    }
}

fn labelled() -> HashMap<String, String> {
    HashMap::from([(LABEL.to_owned(), VALUE.to_owned())])
}

/// Makes the image, runs the container and removes both. An error means that the container could not be tried; whether it
/// ran is in the result.
async fn try_container(docker: &Docker, layer: Vec<u8>, host: HostConfig) -> Result<Tried, Error> {
    sweep(docker).await;
    let options =
        CreateImageOptionsBuilder::new().from_src("-").changes(vec![format!("LABEL {LABEL}={VALUE}")]).build();
    let made: Vec<_> =
        docker.create_image(Some(options), Some(bollard::body_full(layer.into())), None).try_collect().await?;
    let image = made.into_iter().filter_map(|progress| progress.status).next_back().unwrap_or_default();
    let tried = with_image(docker, &image, host).await;
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    // If this fails, the next attempt removes the image.
    let _ = docker.remove_image(&image, Some(options), None).await;
    tried
}

async fn with_image(docker: &Docker, image: &str, host: HostConfig) -> Result<Tried, Error> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["/exit".to_owned()]),
        labels: Some(labelled()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    };
    let created = docker.create_container(None::<CreateContainerOptions>, body).await;
    let id = match created {
        Ok(created) => created.id,
        // Authorization plugins refuse at this point.
        Err(error @ Error::DockerResponseServerError { .. }) => {
            return Ok(Tried { privileged: Privileged::Refused(engine_text(error)), cgroupns: None });
        }
        Err(error) => return Err(error),
    };
    let tried = run(docker, &id).await;
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let _ = docker.remove_container(&id, Some(options)).await;
    tried
}

async fn run(docker: &Docker, id: &str) -> Result<Tried, Error> {
    let inspected = docker.inspect_container(id, None::<InspectContainerOptions>).await?;
    let cgroupns = inspected.host_config.and_then(|host| host.cgroupns_mode).map(|mode| mode.to_string());
    let refused = |error: Error| Privileged::Refused(engine_text(error));
    let privileged = match docker.start_container(id, None::<StartContainerOptions>).await {
        Err(error) => refused(error),
        Ok(()) => match docker.wait_container(id, None::<WaitContainerOptions>).next().await {
            Some(Ok(_ended)) => Privileged::Runs("a program of two instructions, in an image made for it".to_owned()),
            Some(Err(error)) => refused(error),
            None => Privileged::NotTried("the Engine did not report how the container ended".to_owned()),
        },
    };
    Ok(Tried { privileged, cgroupns })
}

/// Removes containers and images that earlier attempts could not remove.
async fn sweep(docker: &Docker) {
    let before = i64::try_from(clock::unix_now().saturating_sub(OLD).as_secs()).unwrap_or(i64::MAX);
    let filters = HashMap::from([("label", vec![format!("{LABEL}={VALUE}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for container in docker.list_containers(Some(options)).await.unwrap_or_default() {
        if let (Some(id), true) = (container.id, container.created.is_some_and(|created| created < before)) {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let _ = docker.remove_container(&id, Some(options)).await;
        }
    }
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    for image in docker.list_images(Some(options)).await.unwrap_or_default() {
        if image.created < before {
            let _ = docker.remove_image(&image.id, None::<bollard::query_parameters::RemoveImageOptions>, None).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_base::exec::{Exit, Invocation};

    #[test]
    fn the_program_runs_and_ends_with_0() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exit");
        let elf = program(std::env::consts::ARCH).expect("this test needs x86_64 or aarch64");
        // The shell writes the file, because a file that this process has open for writing cannot be executed.
        let script = "cat > \"$1\" && chmod 755 \"$1\" && exec \"$1\"";
        let run = Invocation::new("sh").args(["-c", script, "sh", file.to_str().unwrap()]).stdin(elf);
        let finished = lab_base::runtime().unwrap().block_on(run.run(DEADLINE)).unwrap();
        assert_eq!((finished.exit, finished.stderr_text()), (Exit::Code(0), String::new()));
    }

    #[test]
    fn both_architectures_have_one_and_others_have_none() {
        for name in ["x86_64", "amd64", "aarch64", "arm64"] {
            let elf = program(name).unwrap();
            assert_eq!(&elf[..4], b"\x7fELF", "{name}");
            let segment = u64::from_le_bytes(elf[64 + 32..64 + 40].try_into().unwrap());
            assert_eq!(segment, elf.len() as u64, "{name}: the segment is the whole file");
        }
        assert_eq!(program("riscv64"), None);
    }
}
