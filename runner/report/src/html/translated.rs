//! What the Service's address was translated to: told by who answered.

use std::collections::BTreeMap;

use super::seen::Shown;
use super::table::{Cell, Table};
use super::way;
use lab_model::hello_app;
use lab_model::observe::{HttpOutcome, HttpReply};
use lab_model::seen::AnswersSeen;

/// Who asked, what the answer amounts to, and whether it is one.
type Key = (String, String, bool);

/// A row for each place that asked the Service and each pod that answered there. None where nobody asked.
pub(super) fn table(shown: &Shown) -> Option<Table> {
    let asked: Vec<&AnswersSeen> = shown.answers.iter().collect();
    let service = asked.iter().find_map(|seen| seen.cluster_ip)?;
    let mut counted: BTreeMap<Key, usize> = BTreeMap::new();
    for seen in asked {
        for (place, replies) in &seen.replies {
            match replies {
                Ok(replies) => {
                    for reply in replies {
                        let (what, good) = answered_by(seen, reply);
                        *counted.entry((place.to_string(), what, good)).or_default() += 1;
                    }
                }
                Err(why) => *counted.entry((place.to_string(), why.clone(), false)).or_default() += 1,
            }
        }
    }
    let row = |((place, what, good), times): (Key, usize)| {
        let what = if good { Cell::code(what) } else { Cell::of("bad", format!("✗ {what}")) };
        vec![Cell::code(place), Cell::code(service.to_string()), what, Cell::plain(times.to_string())]
    };
    Some(Table {
        caption: "Connections to the Service's address".to_owned(),
        head: vec!["Asked at", "Connected to", "Answered by", "Times"],
        rows: counted.into_iter().map(row).collect(),
    })
}

/// The pod whose name the answer has, with its address; or what came instead.
fn answered_by(seen: &AnswersSeen, reply: &HttpReply) -> (String, bool) {
    let HttpOutcome::Response { body, .. } = &reply.outcome else { return (way::outcome(&reply.outcome), false) };
    let name = hello_app::hostname(body).unwrap_or("no name in the answer");
    match seen.pods.iter().find(|pod| pod.name.0 == name) {
        Some(pod) => {
            let address = pod.address.map_or_else(|| "?".to_owned(), |address| address.to_string());
            (format!("{name}, {address}"), true)
        }
        None => (format!("{name}, which is no pod of the workload"), false),
    }
}
