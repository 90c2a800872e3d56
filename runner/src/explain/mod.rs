//! Prints the explanation of each case: the article's step, what native routing has to do with it, what is observed where,
//! how to see it by hand, and what breaks it. The texts themselves are with the cases, in the crate `lab_harness`.

#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;

pub use text::{list, text};

use lab_base::failure::Failure;
use lab_harness::case::Case;
use lab_harness::cases;
use lab_harness::explanation::Explanation;
use lab_harness::{ThereExplained, explained_there, nearest};
use lab_model::BackendKind;
use lab_model::stage::Stage;
use lab_sabotage as sabotage;

/// A case together with its explanation: an element of what `lab explain --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The case's name.
    pub name: &'static str,
    /// The backends that it exists on.
    pub on: Vec<BackendKind>,
    /// The article's step that makes the claim.
    pub article: &'static str,
    /// What the case claims to hold.
    pub claim: &'static str,
    /// The state of the lab that it needs.
    pub needs: Stage,
    /// The texts of its explanation.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// What it claims, reads and expects in a cluster that is there already; none where it does not exist there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub there: Option<ThereExplained>,
    /// The faults that name it in `kills`: it must notice each of them in `lab sabotage`. Empty if its subject cannot be
    /// broken in a cluster that is up.
    pub kills: Vec<Killed>,
}

/// A fault that a case kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Killed {
    /// The labs that the fault is made in.
    pub on: BackendKind,
    /// The fault's name, for `lab sabotage`.
    pub fault: &'static str,
    /// What is done, and where.
    pub what: &'static str,
}

impl Explained {
    fn of(case: &Case) -> Self {
        let on = [BackendKind::Netns, BackendKind::Kind, BackendKind::Cluster]
            .into_iter()
            .filter(|on| case.exists_on(*on))
            .collect();
        let Case { name, article, claim, needs, explanation, .. } = *case;
        let faults = [BackendKind::Netns, BackendKind::Kind].into_iter().flat_map(sabotage::table);
        let named = faults.filter(|fault| fault.kills.contains(&name));
        let kills = named.map(|fault| Killed { on: fault.on(), fault: fault.name, what: fault.what }).collect();
        Self { name, on, article, claim, needs, explanation, there: explained_there(name), kills }
    }
}

/// The case with this name, or all cases whose names contain it, in the article's order.
///
/// # Errors
/// Exit code 2, with the nearest name, if there is none.
pub fn matching(name: &str) -> Result<Vec<Explained>, Failure> {
    let exact = cases::find(name).map(|case| vec![case]);
    let matching = exact.unwrap_or_else(|| cases::ALL.iter().filter(|case| case.name.contains(name)).collect());
    if matching.is_empty() {
        let hint = nearest(name).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        return Err(Failure::usage(format!("there is no case {name:?}{hint}; `lab explain` lists them all")));
    }
    Ok(matching.into_iter().map(Explained::of).collect())
}
