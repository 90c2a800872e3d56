//! Selects the cases to run.

use crate::case::Case;
use crate::cases;
use lab_base::failure::Failure;
use lab_model::{BackendKind, Ground};

/// Filters with the meaning that they have in libtest.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// A selected name contains one of these; empty means all names.
    pub filter: Vec<String>,
    /// Filters must equal the whole name.
    pub exact: bool,
    /// A selected name contains none of these.
    pub skip: Vec<String>,
}

impl Selection {
    /// Whether this name is selected.
    pub fn takes(&self, name: &str) -> bool {
        let matches = |pattern: &String| if self.exact { name == pattern } else { name.contains(pattern.as_str()) };
        (self.filter.is_empty() || self.filter.iter().any(matches)) && !self.skip.iter().any(matches)
    }
}

/// The selected cases in the article's order, including those that do not exist on the backend.
///
/// # Errors
/// Exit code 2 when there are none, or none that exists on this backend: running nothing must not look like success.
pub fn selected(selection: &Selection, ground: impl Into<Ground>) -> Result<Vec<&'static Case>, Failure> {
    let ground = ground.into();
    let meant: Vec<&Case> = cases::offered(ground).filter(|case| selection.takes(case.name)).collect();
    if meant.is_empty() {
        if let Some(second) = cases::SECOND.iter().find(|case| selection.takes(case.name)) {
            return Err(Failure::usage(format!("{} exists in racks alone: give `--topology racks`", second.name)));
        }
        let nearest = selection.filter.first().and_then(|filter| nearest(filter));
        let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        return Err(Failure::usage(format!(
            "no case is selected by {}{hint}; `lab verify --list` shows them all",
            describe_selection(selection)
        )));
    }
    if meant.iter().all(|case| case.body(ground).is_none()) {
        let names: Vec<&str> = meant.iter().map(|case| case.name).collect();
        if meant.iter().all(|case| case.of_another_topology(ground)) {
            return Err(Failure::usage(format!(
                "none of the selected cases exists with BGP between racks: {} {} about nodes on one L2 network",
                names.join(", "),
                if names.len() == 1 { "is" } else { "are" }
            )));
        }
        let backend = ground.backend;
        if backend == BackendKind::Cluster {
            let which = if names.len() == 1 { "it is" } else { "they are" };
            return Err(Failure::usage(format!(
                "none of the selected cases exists on cluster: {}; {which} about what this program builds, or needs more than reading",
                names.join(", ")
            )));
        }
        return Err(Failure::usage(format!(
            "none of the selected cases exists on {backend}: {} {} about Kubernetes, Helm or Cilium",
            names.join(", "),
            if names.len() == 1 { "is" } else { "are" }
        )));
    }
    Ok(meant)
}

fn describe_selection(selection: &Selection) -> String {
    let quoted = |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" ");
    let filter = if selection.filter.is_empty() { "no filter".to_owned() } else { quoted(&selection.filter) };
    let skip = if selection.skip.is_empty() { String::new() } else { format!(" without {}", quoted(&selection.skip)) };
    format!("{filter}{}{skip}", if selection.exact { " exactly" } else { "" })
}

/// The case whose name shares the longest run of characters with the filter, if that is at least half of the filter.
pub fn nearest(filter: &str) -> Option<&'static str> {
    nearest_of(filter, cases::ALL.iter().map(|case| case.name))
}

/// The name that shares the longest run of characters with the filter, if that is at least half of the filter.
pub fn nearest_of(filter: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let shared = |name: &str| {
        (0..filter.len())
            .filter_map(|start| {
                let rest = filter.get(start..)?;
                (1..=rest.len()).rev().find(|length| rest.get(..*length).is_some_and(|part| name.contains(part)))
            })
            .max()
            .unwrap_or(0)
    };
    let best = names.map(|name| (shared(name), name)).max_by_key(|(length, _)| *length)?;
    (best.0 * 2 >= filter.len() && best.0 >= 3).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(filter: &[&str], exact: bool, skip: &[&str]) -> Selection {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Selection { filter: owned(filter), exact, skip: owned(skip) }
    }

    #[test]
    fn filters_are_parts_of_names_unless_exact() {
        assert!(of(&["mtu"], false, &[]).takes("wire::full_mtu_fits"));
        assert!(!of(&["mtu"], true, &[]).takes("wire::full_mtu_fits"));
        assert!(of(&["wire::full_mtu_fits"], true, &[]).takes("wire::full_mtu_fits"));
        assert!(!of(&[], false, &["mtu"]).takes("wire::full_mtu_fits"));
    }

    #[test]
    fn nothing_selected_is_a_usage_error_that_names_the_filter() {
        let failure = selected(&of(&["no_tunel_device"], false, &[]), BackendKind::Netns).unwrap_err();
        assert_eq!(failure.code, 2);
        assert_eq!(
            failure.message,
            "no case is selected by \"no_tunel_device\"; did you mean routing::no_tunnel_device?; `lab verify --list` shows them all"
        );
    }

    #[test]
    fn cases_that_do_not_exist_on_the_backend_do_not_make_a_green_run() {
        let failure = selected(&of(&["cilium::"], false, &[]), BackendKind::Netns).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(
            failure.message.starts_with("none of the selected cases exists on netns: cilium::"),
            "{}",
            failure.message
        );
    }
}
