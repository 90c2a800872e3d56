//! The workload's image, which the article builds itself: no registry has it under that name.

use crate::kind::input::WorkloadImage;
use crate::{Outcome, Row};
use lab_manifest::HELLO_APP_VARIABLE;

/// `docker.workload_image`.
pub(in crate::kind) fn image(image: &WorkloadImage, there: bool) -> Row {
    const ID: &str = "docker.workload_image";
    const WHY: &str = "the article builds this image itself, so it is never pulled by its name";
    let WorkloadImage { reference, archive, published } = image;
    let build = format!(
        "nix build .#hello-app && docker load --input result, or build it as the article does: docker build --tag {reference} \
         DIRECTORY"
    );
    if there {
        return Row::ok(ID, format!("the Engine has {reference}"), WHY);
    }
    match (archive, published) {
        (Some(archive), _) if archive.is_file() => {
            Row::ok(ID, format!("{reference} will be loaded from {}", archive.display()), WHY)
        }
        (Some(archive), _) => {
            let found =
                format!("the Engine has no {reference}, and {HELLO_APP_VARIABLE} names no file: {}", archive.display());
            Row::bad(Outcome::Refusal, ID, found, WHY, format!("unset {HELLO_APP_VARIABLE}, or {build}"))
        }
        (None, Some(published)) => Row::ok(ID, format!("{published} will be pulled as {reference}"), WHY),
        (None, None) => Row::bad(Outcome::Refusal, ID, format!("the Engine has no {reference}"), WHY, build),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn it_is_where_it_is_taken_from_that_decides() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hello-app.tar.gz");
        std::fs::write(&file, "").unwrap();
        let of = |archive: Option<PathBuf>, published: Option<&str>, there| {
            let published = published.map(str::to_owned);
            image(&WorkloadImage { reference: "hello-app:1.0".to_owned(), archive, published }, there)
        };
        let upstream = Some("registry.example/hello-app@sha256:00");
        let gone = folder.path().join("gone");
        assert_eq!(of(Some(gone.clone()), None, true).found, "the Engine has hello-app:1.0");
        let loaded = of(Some(file.clone()), upstream, false);
        assert_eq!(
            (loaded.outcome, loaded.found),
            (Outcome::Ok, format!("hello-app:1.0 will be loaded from {}", file.display()))
        );
        let pulled = of(None, upstream, false);
        assert_eq!(pulled.outcome, Outcome::Ok);
        assert_eq!(pulled.found, "registry.example/hello-app@sha256:00 will be pulled as hello-app:1.0");
        let refused = of(Some(gone), upstream, false);
        assert_eq!(refused.outcome, Outcome::Refusal);
        assert!(refused.remedy.starts_with("unset LAB_HELLO_APP, or nix build"), "{refused:?}");
        let refused = of(None, None, false);
        assert_eq!((refused.outcome, refused.found.as_str()), (Outcome::Refusal, "the Engine has no hello-app:1.0"));
        assert!(refused.remedy.ends_with("docker build --tag hello-app:1.0 DIRECTORY"), "{refused:?}");
    }
}
