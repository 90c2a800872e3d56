//! What agents printed, as it was, for a reader beside the evidence: what is judged was parsed from it. A large cluster prints
//! more than a run's folder should have, so that what comes first is kept.

use std::cell::RefCell;

use super::reading::Needs;
use lab_kube::api::PodOutput;
use lab_model::observe::{NodeName, Place};
use lab_model::said::Said;

/// How many octets are kept of one command's output, and of all of one sort.
const ONE: usize = 64 << 10;
const ALL: usize = 2 << 20;

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Raw {
    kept: RefCell<Vec<(Needs, Said)>>,
    sizes: RefCell<Vec<(Needs, usize)>>,
}

impl Raw {
    /// Keeps what a command printed on a node, while there is room for its sort.
    pub(super) fn keep(&self, sort: Needs, node: &NodeName, command: String, output: &PodOutput) {
        let (stdout, stderr) = (cut(&output.stdout), cut(&output.stderr));
        let mut sizes = self.sizes.borrow_mut();
        let at = sizes.iter().position(|(known, _size)| *known == sort).unwrap_or_else(|| {
            sizes.push((sort, 0));
            sizes.len() - 1
        });
        let size = &mut sizes[at].1;
        if *size + stdout.len() + stderr.len() > ALL {
            return;
        }
        *size += stdout.len() + stderr.len();
        let place = Place::Node(node.clone());
        self.kept.borrow_mut().push((sort, Said { place, command, code: Some(output.code.into()), stdout, stderr }));
    }

    /// What was kept of these sorts, node by node.
    pub(super) fn of(&self, needs: Needs) -> Vec<Said> {
        let mut found: Vec<Said> = self
            .kept
            .borrow()
            .iter()
            .filter(|(sort, _said)| needs.meets(*sort))
            .map(|(_sort, said)| said.clone())
            .collect();
        found.sort_by_key(|said| said.place.to_string());
        found
    }
}

fn cut(text: &str) -> String {
    if text.len() <= ONE {
        return text.to_owned();
    }
    let end = (0..=ONE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}\n… and {} octets more", &text[..end], text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_kept_by_their_sorts_within_bounds() {
        let raw = Raw::default();
        let printed = |stdout: String| PodOutput { code: 0, stdout, stderr: String::new() };
        let keep =
            |sort, node: &str, stdout: String| raw.keep(sort, &node.into(), "ip route".to_owned(), &printed(stdout));
        keep(Needs::TABLES, "b", "routes".to_owned());
        keep(Needs::TABLES, "a", format!("{}é", "x".repeat(ONE - 1)));
        keep(Needs::CONFIGS, "a", "settings".to_owned());
        let told = raw.of(Needs::TABLES);
        assert_eq!(told.iter().map(|said| said.place.to_string()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(told[0].stdout.ends_with("x\n… and 2 octets more"), "cut between characters");
        assert_eq!(raw.of(Needs::CONFIGS).len(), 1);
        for _ in 0..40 {
            keep(Needs::TABLES, "c", "y".repeat(ONE));
        }
        let octets: usize = raw.of(Needs::TABLES).iter().map(|said| said.stdout.len()).sum();
        assert!(octets <= ALL && raw.of(Needs::TABLES).len() < 42 && raw.of(Needs::CONFIGS).len() == 1);
    }
}
