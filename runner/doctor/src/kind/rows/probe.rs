//! A row about the probe, the program that is copied into the nodes to observe them.

use crate::kind::facts::DockerSeen;
use crate::kind::input::ProbeSeen;
use crate::{Outcome, Row};

/// Go's name of an architecture, for the kernel's name of it (uname(2)).
fn goarch(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `tools.probe`.
pub(in crate::kind) fn probe(seen: &Result<ProbeSeen, String>, docker: Option<&DockerSeen>) -> Row {
    const ID: &str = "tools.probe";
    const WHY: &str = "lab observes nodes with a static program that it copies into them";
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => return Row::bad(Outcome::Refusal, ID, "there is no probe that can run in the nodes", WHY, why),
    };
    let ProbeSeen { architecture, octets } = seen;
    let found = format!("{architecture}, {}.{} MB", octets / 1_000_000, octets / 100_000 % 10);
    let wanted = docker.and_then(|docker| docker.engine.architecture.as_deref()).map(goarch);
    match wanted {
        Some(wanted) if wanted != architecture => Row::bad(
            Outcome::Refusal,
            ID,
            format!("{found}; the Engine's host is {wanted}"),
            WHY,
            format!("set LAB_PROBE to the path of a static lab-probe for {wanted}, for example the one of a release"),
        ),
        _ => Row::ok(ID, found, WHY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::docker;

    fn of(architecture: &str) -> ProbeSeen {
        ProbeSeen { architecture: architecture.to_owned(), octets: 2_345_678 }
    }

    #[test]
    fn a_probe_of_the_engines_architecture_is_good() {
        let row = probe(&Ok(of("amd64")), Some(&docker()));
        assert_eq!((row.outcome, row.found.as_str()), (Outcome::Ok, "amd64, 2.3 MB"));
        assert_eq!(probe(&Ok(of("arm64")), None).outcome, Outcome::Ok, "there is no Engine to fit");
    }

    #[test]
    fn one_of_another_architecture_and_none_at_all_are_refused_with_what_to_do() {
        let row = probe(&Ok(of("arm64")), Some(&docker()));
        assert_eq!((row.outcome, row.found.as_str()), (Outcome::Refusal, "arm64, 2.3 MB; the Engine's host is amd64"));
        assert!(row.remedy.contains("LAB_PROBE"), "{}", row.remedy);
        let row = probe(&Err("install the static C library".to_owned()), Some(&docker()));
        assert_eq!((row.outcome, row.remedy.as_str()), (Outcome::Refusal, "install the static C library"));
    }
}
