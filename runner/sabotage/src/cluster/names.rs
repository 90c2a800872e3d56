//! Translates the names of a cluster's nodes and pods to those that the tables of faults use.

use std::collections::BTreeMap;

use super::who::own_name;
use crate::members::{CONTROL_PLANE, POD1, POD2, WORKER, WORKER2};
use lab_model::observe::{NodeName, Place, PodName, PodSeen};
use lab_model::{Finding, Judgement, NotHeld};

/// The translation. In the tables of faults, nodes are `kind-worker` and so on, the pod on the first worker is
/// `hello-app-1`, the one on the second `hello-app-2`. Unknown names are not translated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    own: BTreeMap<String, &'static str>,
}

impl Names {
    /// The translation for a cluster and its workload's pods.
    pub fn of(cluster: &str, pods: &[PodSeen]) -> Self {
        let nodes = [CONTROL_PLANE, WORKER, WORKER2];
        let mut own: BTreeMap<String, &'static str> =
            nodes.into_iter().map(|article| (own_name(cluster, article), article)).collect();
        for (worker, article) in [(WORKER, POD1), (WORKER2, POD2)] {
            let node = NodeName(own_name(cluster, worker));
            own.extend(
                pods.iter().filter(|pod| pod.node.as_ref() == Some(&node)).map(|pod| (pod.name.0.clone(), article)),
            );
        }
        Self { own }
    }

    /// A judgement with its names translated.
    pub fn judgement(&self, judgement: &Judgement) -> Judgement {
        match judgement {
            Ok(proof) => Ok(proof.clone()),
            Err(NotHeld::Unobserved(missing)) => Err(NotHeld::Unobserved(self.text(missing))),
            Err(NotHeld::Refuted(findings)) => {
                let renamed = |finding: &Finding| Finding { place: self.place(&finding.place), ..finding.clone() };
                Err(NotHeld::Refuted(findings.iter().map(renamed).collect()))
            }
        }
    }

    fn place(&self, place: &Place) -> Place {
        let known = |name: &str| self.own.get(name).copied().unwrap_or(name).to_owned();
        match place {
            Place::Bridge | Place::Router(_) => place.clone(),
            Place::Node(name) => Place::Node(NodeName(known(&name.0))),
            Place::Pod(name) => Place::Pod(PodName(known(&name.0))),
        }
    }

    fn text(&self, text: &str) -> String {
        // Longest names first, because one name may begin with another.
        let mut own: Vec<(&String, &&str)> = self.own.iter().collect();
        own.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        own.into_iter().fold(text.to_owned(), |text, (name, article)| text.replace(name.as_str(), article))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::{Proof, Reason};

    fn pod(name: &str, node: &str) -> PodSeen {
        PodSeen { name: PodName::from(name), node: Some(NodeName::from(node)), address: None, ready: true }
    }

    fn names() -> Names {
        Names::of("mine", &[pod("hello-app-f00-x", "mine-worker2"), pod("hello-app-f00-y", "mine-worker")])
    }

    fn finding(place: Place) -> Finding {
        let words = String::new;
        Finding { reason: Reason::RouteMissing, place, expected: words(), observed: words(), by_hand: None }
    }

    #[test]
    fn pods_are_named_after_their_workers_and_nodes_after_the_article() {
        let own = [
            Place::Node(NodeName::from("mine-worker")),
            Place::Pod(PodName::from("hello-app-f00-x")),
            Place::Pod(PodName::from("stranger")),
            Place::Bridge,
        ];
        let renamed = names().judgement(&Err(NotHeld::Refuted(own.into_iter().map(finding).collect())));
        let Err(NotHeld::Refuted(findings)) = renamed else { panic!("{renamed:?}") };
        let places: Vec<String> = findings.iter().map(|finding| finding.place.to_string()).collect();
        assert_eq!(places, [WORKER, POD2, "stranger", "bridge"]);
    }

    #[test]
    fn what_is_missing_is_told_in_the_articles_names_too() {
        let missing = NotHeld::Unobserved("mine-worker2 and mine-worker: hello-app-f00-y is silent".to_owned());
        let renamed = names().judgement(&Err(missing));
        let expected = NotHeld::Unobserved("kind-worker2 and kind-worker: hello-app-1 is silent".to_owned());
        assert_eq!(renamed, Err(expected));
        let held = Ok(Proof::new("mine-worker"));
        assert_eq!(names().judgement(&held), held);
    }
}
