//! The table: what each case expects of a cluster with this configuration, or that it does not exist there, or that
//! nobody knows. `docs/cluster.md` shows it, and a test compares both.

mod rows;

use self::rows::{OTHER_MODE, OTHER_WORDS};
use lab_model::CiliumVersion;
use lab_model::foreign::{Configuration, Mode};

pub use self::rows::{CASES, PROBED, ROWS};

/// What a row says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It is judged; what is expected.
    Expects(&'static str),
    /// It does not exist there; why.
    NotThere(&'static str),
    /// Nobody knows what to expect; why.
    NobodyKnows(&'static str),
}

impl Says {
    /// In words, as the page has it.
    pub fn in_words(self) -> String {
        match self {
            Self::Expects(what) => what.to_owned(),
            Self::NotThere(why) => format!("does not exist there: {why}"),
            Self::NobodyKnows(why) => format!("nobody knows: {why}"),
        }
    }
}

/// A row: the first that applies and has the case decides it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What was read, as the page has it.
    pub read: &'static str,
    /// Whether that is what was read.
    pub applies: fn(&Configuration) -> bool,
    /// What it says, by case.
    pub cases: &'static [(&'static str, Says)],
}

/// What the table says of a case, with the configuration's own words filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is judged.
    Expects(&'static str),
    /// It does not exist there; why.
    NotThere(String),
    /// Nobody knows what to expect; why.
    NobodyKnows(String),
}

/// What the table says of a case.
pub fn says(case: &str, read: &Configuration) -> Said {
    let rows = ROWS.iter().filter(|row| (row.applies)(read));
    let found = rows.flat_map(|row| row.cases).find(|(name, _says)| *name == case).map(|(_name, says)| *says);
    match found {
        Some(Says::Expects(what)) => Said::Expects(what),
        Some(Says::NotThere(why)) => Said::NotThere(why.to_owned()),
        Some(Says::NobodyKnows(why)) => Said::NobodyKnows(match (why, read.unknown_version(), &read.mode) {
            (_, Some(version), _) if found == Some(OTHER_WORDS) => {
                let known = CiliumVersion::known();
                format!("an agent is Cilium {version}, outside of {known}, the versions whose words are known")
            }
            (_, _, Mode::Unknown(word)) if found == Some(OTHER_MODE) => format!("{why}: {word:?}"),
            _ => why.to_owned(),
        }),
        None => Said::NotThere(
            "it is about what this program builds, or needs a destination of its own outside of the cluster".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::rows::{DIRECT, OWN, TUNNEL};
    use super::*;
    use crate::foreign::fixture::configured;
    use crate::foreign::read;

    /// What is said of each case, by a word: `+` expected, `-` not there, `?` nobody knows.
    fn marks(read: &Configuration) -> String {
        let mark = |case: &&str| match says(case, read) {
            Said::Expects(_) => '+',
            Said::NotThere(_) => '-',
            Said::NobodyKnows(_) => '?',
        };
        CASES.iter().map(mark).collect()
    }

    #[test]
    fn each_configuration_has_its_own_expectations() {
        for (settings, expected) in [
            // In the order of CASES.
            (&[][..], "+++++++++++++++++"),
            (&[("tunnel", "vxlan")], "-----------------"),
            (&[("tunnel", "gre")], "++?+????+++++??+?"),
            (&[("auto-direct-node-routes", "false")], "++-+++++++++++-++"),
            (&[("auto-direct-node-routes", "false"), ("enable-bgp-control-plane", "true")], "++-+++++++++++-++"),
            (&[("enable-bgp-control-plane", "true")], "+++++++++++++++++"),
            (&[("ipam", "eni")], "++-++-+++++++--+-"),
            (&[("ipam", "azure")], "++-++-+++++++--+-"),
            (&[("ipam", "crd")], "+++++?+++++++++++"),
            (&[("ipam", "kubernetes")], "+++++++++++++++++"),
            (&[("enable-endpoint-routes", "true")], "+++++++++++++++++"),
            (&[("enable-wireguard", "true")], "+++++++++++++--+-"),
            (&[("enable-ipsec", "true")], "+++++++++++++--+-"),
            (&[("kube-proxy-replacement", "disabled")], "+-+++++++++++++++"),
            (&[("kube-proxy-replacement", "partial")], "+-+++++++++++++++"),
            (&[("enable-ipv6", "true")], "+++++++++++++++++"),
            (&[("enable-ipv4", "false"), ("enable-ipv6", "true")], "++?++?+??????????"),
            (&[("cni-chaining-mode", "aws-cni")], "++?++?+?+++++????"),
            (&[("enable-policy", "always")], "++++++++++???????"),
        ] {
            assert_eq!(marks(&configured(settings)), expected, "{settings:?}");
        }
        let newer = read(&crate::foreign::fixture::config(&[("routing-mode", "native")]), &["c:v1.17.1".to_owned()]);
        assert_eq!(marks(&newer), "+???????+?+++????");
        let why = "an agent is Cilium 1.17.1, outside of 1.12 to 1.15, the versions whose words are known";
        assert_eq!(says(DIRECT, &newer), Said::NobodyKnows(why.to_owned()));
        let other = says(DIRECT, &configured(&[("tunnel", "gre")]));
        assert_eq!(other, Said::NobodyKnows("the routing mode is not known: \"gre\"".to_owned()));
        // What nobody knows for another reason is told by that alone.
        let (no_v4, v6, policed) = (("enable-ipv4", "false"), ("enable-ipv6", "true"), ("enable-policy", "always"));
        let newer = crate::foreign::fixture::config(&[("routing-mode", "native"), no_v4, v6]);
        for (case, plain, with_more) in [
            (CASES[10], configured(&[no_v4, v6]), read(&newer, &["c:v1.17.1".to_owned()])),
            (CASES[10], configured(&[policed]), configured(&[policed, ("tunnel", "gre")])),
        ] {
            assert!(matches!(says(case, &plain), Said::NobodyKnows(_)), "{case}");
            assert_eq!(says(case, &plain), says(case, &with_more));
        }
    }

    #[test]
    fn what_a_row_says_is_told_with_what_it_means() {
        assert_eq!(Says::Expects("a route").in_words(), "a route");
        assert_eq!(Says::NotThere("no CIDR").in_words(), "does not exist there: no CIDR");
        assert_eq!(Says::NobodyKnows("no IPv4").in_words(), "nobody knows: no IPv4");
    }

    #[test]
    fn what_is_expected_depends_on_who_makes_the_routes() {
        let of = |settings: &[(&str, &str)], case| match says(case, &configured(settings)) {
            Said::Expects(what) => what,
            other => panic!("{other:?}"),
        };
        assert!(of(&[], DIRECT).contains("to the peer itself, by the link"));
        assert!(of(&[("auto-direct-node-routes", "false")], DIRECT).contains("or to a router"));
        assert!(of(&[("enable-bgp-control-plane", "true")], DIRECT).contains("in the same subnet"));
        assert!(of(&[("enable-wireguard", "true")], TUNNEL).contains("cilium_wg0"));
        assert!(of(&[("ipam", "eni")], OWN).contains("each pod"));
        assert!(of(&[("enable-endpoint-routes", "true")], OWN).contains("each pod"));
        assert!(of(&[], OWN).contains("own pod CIDR"));
    }

    #[test]
    fn a_case_of_no_row_does_not_exist_there() {
        for case in
            ["cluster::docker_engine_answers", "wire::nothing_leaks_to_the_uplink", "routing::only_base_routes_before"]
        {
            assert!(matches!(says(case, &configured(&[])), Said::NotThere(_)), "{case}");
        }
        // The last row has all cases but the one that depends on who makes the routes.
        let last = ROWS.last().map(|row| row.cases.len());
        assert_eq!(last, Some(CASES.len() - 1));
        assert!(PROBED.iter().all(|case| CASES.contains(case)));
        for row in ROWS {
            assert!(row.cases.iter().all(|(case, _)| CASES.contains(case)), "{}", row.read);
        }
    }
}
