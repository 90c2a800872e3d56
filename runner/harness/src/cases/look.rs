//! Looks that several cases share.

use std::collections::BTreeMap;

use crate::lab::Lab;
use lab_backend::LabError;
use lab_judge::routing::kernel_questions;
use lab_model::observe::{Lookup, LookupQuery, NetnsView, NodeName, Place};
use lab_model::request::{Answer, Request};
use lab_model::seen::{NodeAnswer, RoutingSeen};

/// A look that broke, in words.
pub(super) fn broke(error: &LabError) -> String {
    error.to_string()
}

/// What each node of the lab answers to a look.
pub(super) async fn node_answers(lab: &Lab) -> Result<Vec<NodeAnswer>, LabError> {
    let asks = lab.nodes().iter().map(|(name, _)| (Place::Node(name.clone()), Request::View)).collect();
    let answers = lab.ask(asks).await?;
    Ok(lab
        .nodes()
        .iter()
        .zip(answers)
        .map(|((name, role), answered)| NodeAnswer {
            name: name.clone(),
            role: *role,
            view: answered.answer.and_then(|answer| match answer {
                Answer::View(view) => Ok(view),
                other => Err(other.not("a view")),
            }),
        })
        .collect())
}

/// A look into every node; all must answer.
pub(super) async fn node_views(lab: &Lab) -> Result<BTreeMap<NodeName, NetnsView>, String> {
    let answers = node_answers(lab).await.map_err(|error| broke(&error))?;
    answers
        .into_iter()
        .map(|node| match node.view {
            Ok(view) => Ok((node.name, view)),
            Err(why) => Err(format!("{} could not be looked into: {why}", node.name)),
        })
        .collect()
}

/// Routing as it is now, with the kernel's own decisions where they are asked for.
pub(super) async fn routing(lab: &Lab, with_lookups: bool) -> Result<RoutingSeen, String> {
    let nodes = node_views(lab).await?;
    let pod_cidrs = lab.pod_cidrs(&nodes).await.map_err(|error| broke(&error))?;
    let questions = if with_lookups { kernel_questions(&nodes, &pod_cidrs) } else { BTreeMap::new() };
    let lookups = lookups(lab, questions).await?;
    Ok(RoutingSeen { nodes, pod_cidrs, lookups })
}

/// Each kernel's own decisions on what it is asked.
pub(super) async fn lookups(
    lab: &Lab,
    questions: BTreeMap<NodeName, Vec<LookupQuery>>,
) -> Result<BTreeMap<NodeName, Vec<Lookup>>, String> {
    if questions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asks = questions
        .iter()
        .map(|(name, questions)| (Place::Node(name.clone()), Request::Lookups(questions.clone())))
        .collect();
    let answers = lab.ask(asks).await.map_err(|error| broke(&error))?;
    questions
        .into_keys()
        .zip(answers)
        .map(|(name, answered)| match answered.answer {
            Ok(Answer::Lookups(lookups)) => Ok((name, lookups)),
            Ok(other) => Err(other.not("lookups")),
            Err(why) => Err(format!("{name}: the kernel's routing could not be asked: {why}")),
        })
        .collect()
}
