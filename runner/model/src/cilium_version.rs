//! Versions of Cilium, and those whose words this program knows.
//!
//! What a chart writes into its `ConfigMap`, what an agent runs with, what it says of itself and which program says it
//! are otherwise from version to version. What is said here of one was read in its source, cilium/cilium: v1.12.4
//! (6eaecaf87e), v1.13.2 (f4b6e8db04), and the commits from which the branches v1.14 (751fc715b9) and v1.15 (65286ceb7d)
//! were made. Run were labs with 1.12.4 alone.

use std::fmt;

/// A minor version: 1.12. Within one, patches change neither keys nor formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CiliumVersion {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
}

impl CiliumVersion {
    /// The oldest that is known: the article's.
    pub const OLDEST: Self = Self { major: 1, minor: 12 };
    /// The newest that is known. The next, 1.16, runs Envoy in pods of its own, whose image no lab brings (chart:
    /// `envoyDaemonSetEnabled`); its map of services has a key for each slot (`pkg/maps/lbmap/ipv4.go`), and its status
    /// has another word for host routing (`daemon/cmd/status.go`, `getRoutingStatus`).
    pub const NEWEST: Self = Self { major: 1, minor: 15 };
    /// The first whose chart knows `routingMode`, writes `routing-mode` in the place of `tunnel`, whose agents run with
    /// `RoutingMode`, and whose pool of pod CIDRs is a list.
    pub const ROUTING_MODE: Self = Self { major: 1, minor: 14 };
    /// The first whose chart has no `tunnel` at all, and in whose agents `cilium-dbg` is what `cilium` was.
    pub const DBG: Self = Self { major: 1, minor: 15 };

    /// Reads `1.12.4`, `v1.12.4` or `1.14.0-rc.0`. None for what is no such version.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).splitn(3, '.');
        let mut number = || numbers.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let (major, minor) = (number()?.parse().ok()?, number()?.parse().ok()?);
        let patch = numbers.next()?;
        patch.starts_with(|first: char| first.is_ascii_digit()).then_some(Self { major, minor })
    }

    /// By the tag of an agent's image: `quay.io/cilium/cilium:v1.12.4@sha256:…`. None where it has none that is a
    /// version.
    pub fn of_image(reference: &str) -> Option<Self> {
        let named = reference.split_once('@').map_or(reference, |(named, _digest)| named);
        let (_name, tag) = named.rsplit_once(':')?;
        Self::parse(tag)
    }

    /// By what an agent says of itself (`cilium status -o json`: `cilium.msg`): `1.12.4 (v1.12.4-6eaecaf)`. None where it
    /// was built without one.
    pub fn of_status(message: &str) -> Option<Self> {
        Self::parse(message.split_whitespace().next()?)
    }

    /// Whether its words are known.
    pub fn is_known(self) -> bool {
        (Self::OLDEST..=Self::NEWEST).contains(&self)
    }

    /// Those that are: `1.12 to 1.15`.
    pub fn known() -> String {
        format!("{} to {}", Self::OLDEST, Self::NEWEST)
    }

    /// The program in the agent's container that asks the agent.
    pub fn agent_program(self) -> &'static str {
        if self < Self::DBG { "cilium" } else { "cilium-dbg" }
    }
}

impl fmt::Display for CiliumVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn version(minor: u32) -> CiliumVersion {
        CiliumVersion { major: 1, minor }
    }

    #[test]
    fn versions_are_read_from_charts_images_and_agents() {
        for (text, found) in [
            ("1.12.4", Some(version(12))),
            ("v1.15.0", Some(version(15))),
            ("1.14.0-rc.0", Some(version(14))),
            ("1.9.0", Some(version(9))),
            ("1.12", None),
            ("1.x.4", None),
            ("1..4", None),
            ("+1.12.4", None),
            ("latest", None),
            ("", None),
        ] {
            assert_eq!(CiliumVersion::parse(text), found, "{text:?}");
        }
        for (reference, found) in [
            ("quay.io/cilium/cilium:v1.12.4", Some(version(12))),
            ("localhost:5000/cilium:v1.13.2@sha256:0", Some(version(13))),
            ("localhost:5000/cilium", None),
            ("cilium:dev", None),
            ("sha256:3cb54515b23d", None),
        ] {
            assert_eq!(CiliumVersion::of_image(reference), found, "{reference}");
        }
        for (message, found) in [
            ("1.12.4 (v1.12.4-6eaecaf)", Some(version(12))),
            ("1.15.1 (v1.15.1-a1b2c3d)    Kvstore service is not ready", Some(version(15))),
            (" (v-)", None),
            ("", None),
        ] {
            assert_eq!(CiliumVersion::of_status(message), found, "{message:?}");
        }
    }

    #[test]
    fn those_that_were_read_are_known_and_no_others() {
        for minor in 0..30 {
            let one = version(minor);
            assert_eq!(one.is_known(), (12..=15).contains(&minor), "{one}");
        }
        // As text 1.9 would be newer.
        assert!(version(9) < CiliumVersion::OLDEST);
        assert!(!CiliumVersion { major: 2, minor: 12 }.is_known());
        assert_eq!(CiliumVersion::known(), "1.12 to 1.15");
        let programs = [12, 14, 15].map(|minor| version(minor).agent_program());
        assert_eq!(programs, ["cilium", "cilium", "cilium-dbg"]);
    }
}
