//! Which link-layer address nodes have for their peers. No entry of a node's is made to go: Cilium keeps some for itself. So
//! something is sent to each peer, and the kernel's own entry is read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Probe;
use crate::survey::Survey;
use lab_backend::Doing;
use lab_kube::api::Api;
use lab_model::foreign::ForeignAdjacencySeen;
use lab_model::observe::{LookupQuery, Neighbour, NodeName, Place};
use lab_model::request::{Answer, Answered, Request, SMALL_PACKET};

/// The kernel asks three times, one second apart (`mcast_solicit`, `retrans_time`).
const ECHO: Duration = Duration::from_millis(3500);

impl Probe {
    /// Has nodes send to their peers in the same subnet, and reads their neighbours.
    ///
    /// # Errors
    /// When nothing of the probe's is there.
    pub(crate) async fn adjacency(
        &self,
        api: &Api,
        survey: &Survey,
        doing: &Doing,
    ) -> Result<ForeignAdjacencySeen, String> {
        let looked = self.looked(api, survey).await?;
        let made = self.made()?;
        let pairs = looked.within_subnets(survey);
        doing.now(format!("asking for neighbours: {} pairs of nodes", pairs.len()));
        let mut peers: BTreeMap<&NodeName, Vec<LookupQuery>> = BTreeMap::new();
        for (from, to) in &pairs {
            let Some(address) = looked.addresses.get(to) else { continue };
            peers.entry(from).or_default().push(LookupQuery { destination: address.addr(), source: None, iif: None });
        }
        let echo = |(node, queries): (&&NodeName, &Vec<LookupQuery>)| {
            let ping = |query: &LookupQuery| Request::Ping {
                destination: query.destination,
                lengths: vec![SMALL_PACKET],
                deadline: ECHO,
            };
            let place = Place::Node((*node).clone());
            queries.iter().map(move |query| (place.clone(), ping(query))).collect::<Vec<_>>()
        };
        // Whether they answer is not asked for here: that the kernel has to know their link-layer address is enough.
        let _replies = made.ask(api, peers.iter().flat_map(echo).collect()).await;
        let look = |(node, queries): (&&NodeName, &Vec<LookupQuery>)| {
            let place = Place::Node((*node).clone());
            [(place.clone(), Request::View), (place, Request::Lookups(queries.clone()))]
        };
        let mut answers = made.ask(api, peers.iter().flat_map(look).collect()).await.into_iter();
        let mut sample = looked.sample(survey, pairs.clone());
        let (mut neighbours, mut lookups) = (BTreeMap::new(), BTreeMap::new());
        for (node, queries) in &peers {
            match (neighbours_of(answers.next(), queries), lookups_of(answers.next())) {
                (Ok(found), Ok(ways)) => {
                    neighbours.insert((*node).clone(), found);
                    lookups.insert((*node).clone(), ways);
                }
                (Err(why), _) | (_, Err(why)) => drop(sample.silent.insert((*node).clone(), why)),
            }
        }
        Ok(ForeignAdjacencySeen {
            sample,
            nodes: looked.nodes.clone(),
            uplinks: looked.uplinks.clone(),
            neighbours,
            lookups,
        })
    }
}

/// The entries that were asked for; others are the node's own matter.
fn neighbours_of(answered: Option<Answered>, queries: &[LookupQuery]) -> Result<Vec<Neighbour>, String> {
    match answered.ok_or("it was not asked")?.answer? {
        Answer::View(view) => {
            let asked = |entry: &Neighbour| queries.iter().any(|query| query.destination == entry.address);
            Ok(view.neighbours.into_iter().filter(asked).collect())
        }
        other => Err(other.not("a view")),
    }
}

fn lookups_of(answered: Option<Answered>) -> Result<Vec<lab_model::observe::Lookup>, String> {
    match answered.ok_or("it was not asked")?.answer? {
        Answer::Lookups(lookups) => Ok(lookups),
        other => Err(other.not("lookups")),
    }
}
