//! What the judge found about requests to the outside, in words. The page decides nothing about them.

use std::net::SocketAddrV4;

use super::standing::Standing;
use super::topology::in_words;
use super::way::Verdict;
use lab_model::leaving::{Leaving, Left};
use lab_model::observe::HttpReply;
use lab_model::report::Report;

/// What was found about the request that this pod made.
pub(super) fn of<'a>(report: &'a Report, from: &lab_model::observe::PodName, http: &HttpReply) -> Option<&'a Leaving> {
    let mut found = report.cases.iter().flat_map(|case| &case.found.leaving);
    found.find(|leaving| leaving.from == *from && leaving.url == http.url)
}

/// With which source it left its node, as far as that was found.
pub(super) const fn source(leaving: &Leaving) -> Option<SocketAddrV4> {
    match leaving.left {
        Left::AsTheNode { source } | Left::AsAnother { source, .. } => Some(source),
        Left::Undecided { .. } => None,
    }
}

/// What there is to say for and against it. Whether an answer came is no part of that.
pub(super) fn verdict(leaving: Option<&Leaving>) -> Verdict {
    let Some(leaving) = leaving else {
        return Verdict { standing: Standing::Open, words: "not judged".to_owned(), note: None };
    };
    match &leaving.left {
        Left::AsTheNode { .. } => Verdict {
            standing: Standing::Good,
            words: "left with the node's address".to_owned(),
            note: (!leaving.answered)
                .then(|| "No answer came, and none is needed: what counts is the address it left with.".to_owned()),
        },
        Left::AsAnother { reason, source, observed } => Verdict {
            standing: Standing::Bad,
            words: format!("left with {}", source.ip()),
            note: Some(format!("{}: {observed}.", in_words(*reason))),
        },
        Left::Undecided { missing } => Verdict {
            standing: Standing::Open,
            words: "not known how it left".to_owned(),
            note: Some(format!("{missing}.")),
        },
    }
}
