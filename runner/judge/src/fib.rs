//! What the rules and routes of a node decide: Linux's IPv4 policy routing, evaluated on what was observed.
//!
//! The order of things is the kernel's own: `fib_rules_lookup()` in `net/core/fib_rules.c` walks the rules,
//! `fib4_rule_match()` and `fib4_rule_action()` in `net/ipv4/fib_rules.c` match and look up, and
//! `fib_table_lookup()` in `net/ipv4/fib_trie.c` finds the longest prefix.

mod matching;
mod samples;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use lab_model::observe::{LookupQuery, NetnsView, Route, RouteKind, Rule, RuleAction};
use lab_model::words;
use matching::Match;
use table::Table;

/// A packet without a mark, of a socket that is bound to no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow<'a> {
    /// Where it goes.
    pub destination: Ipv4Addr,
    /// Where it comes from; none while the kernel has yet to choose.
    pub source: Option<Ipv4Addr>,
    /// Name of the link it came in by; none for a packet of the host's own, which rules match as `iif lo`.
    pub iif: Option<&'a str>,
}

impl<'a> From<&'a LookupQuery> for Flow<'a> {
    fn from(query: &'a LookupQuery) -> Self {
        Self { destination: query.destination, source: query.source, iif: query.iif.as_deref() }
    }
}

/// Who drops a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// A rule refuses it.
    Rule(&'a Rule),
    /// A route does, that this rule led to.
    Route(&'a Rule, &'a Route),
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It takes this route, by any of its hops.
    Route {
        /// The table it was found in.
        table: u32,
        /// Priority of the rule that led there.
        rule_priority: u32,
        /// The route.
        route: &'a Route,
    },
    /// It is dropped.
    Refused(Refusal<'a>),
    /// No rule leads to a route.
    NoRoute,
    /// It depends on something that was not observed; on what, in words.
    Undecidable(String),
}

/// The rules and routes of one namespace, indexed for many decisions.
#[derive(Debug)]
pub struct Fib<'a> {
    /// First to last.
    rules: Vec<&'a Rule>,
    tables: HashMap<u32, Table<'a>>,
    /// Network address and length of every prefix at whose edges decisions can change.
    edges: BTreeSet<(u32, u8)>,
}

/// What a rule does with a packet that it matches.
enum Step<'a> {
    Next,
    Jump(usize),
    End(Decision<'a>),
}

impl<'a> Fib<'a> {
    /// Indexes what one look saw.
    pub fn new(view: &'a NetnsView) -> Self {
        let mut rules: Vec<&Rule> = view.rules.iter().collect();
        // Stable: rules of one priority stay in the order in which the kernel listed them.
        rules.sort_by_key(|rule| rule.priority);
        let led_to: BTreeSet<u32> = rules
            .iter()
            .filter_map(|rule| match rule.action {
                RuleAction::Lookup(table) => Some(table),
                _ => None,
            })
            .collect();
        let mut tables: HashMap<u32, Table<'a>> = HashMap::new();
        let mut edges = BTreeSet::new();
        for route in &view.routes {
            tables.entry(route.table).or_default().add(route);
            if led_to.contains(&route.table) {
                edges.insert(samples::edge(route.destination));
            }
        }
        edges.extend(rules.iter().filter_map(|rule| rule.destination).map(samples::edge));
        Self { rules, tables, edges }
    }

    /// The rules, first to last.
    pub fn rules(&self) -> &[&'a Rule] {
        &self.rules
    }

    /// Whether a rule matches by a packet's source. Where none does, one source stands for all.
    pub fn tells_sources_apart(&self) -> bool {
        self.rules.iter().any(|rule| rule.source.is_some())
    }

    /// What becomes of a packet.
    pub fn decide(&self, flow: &Flow<'_>) -> Decision<'a> {
        // Every namespace has rules, and routes to its own addresses: without any, they were not seen.
        if self.rules.is_empty() {
            return Decision::Undecidable("no routing rules were seen".to_owned());
        }
        if self.tables.is_empty() {
            return Decision::Undecidable("no routes were seen".to_owned());
        }
        let mut at = 0;
        // Targets lie ahead, so there are no more steps than rules.
        for _step in &self.rules {
            let Some(&rule) = self.rules.get(at) else { break };
            at += 1;
            let matched = matching::matches(rule, flow);
            if matched == Match::No {
                continue;
            }
            match (self.act(rule, flow), matched) {
                // Whether it matches or not, the next rule decides.
                (Step::Next, _) => {}
                (Step::Jump(to), Match::Yes) => at = to,
                (Step::End(decision), Match::Yes) => return decision,
                (Step::Jump(_) | Step::End(_), _) => {
                    return Decision::Undecidable(format!(
                        "whether rule {} matches depends on {}",
                        words::rule(rule),
                        rule.other_selectors.join(", ")
                    ));
                }
            }
        }
        Decision::NoRoute
    }

    /// The rules that none of these packets match.
    pub fn passed_over<'f>(&self, flows: &(impl Iterator<Item = Flow<'f>> + Clone)) -> Vec<&'a Rule> {
        let passed = |rule: &&&Rule| flows.clone().all(|flow| matching::matches(rule, &flow) == Match::No);
        self.rules.iter().filter(passed).copied().collect()
    }

    /// The routes of a table whose destinations hold this whole prefix, the longest first. Of several routes to one
    /// destination only the one that wins is among them.
    pub fn covering(&self, table: u32, prefix: ipnet::Ipv4Net) -> impl Iterator<Item = &'a Route> {
        self.tables.get(&table).into_iter().flat_map(move |table| table.covering(prefix))
    }

    fn act(&self, rule: &'a Rule, flow: &Flow<'_>) -> Step<'a> {
        match rule.action {
            RuleAction::Lookup(table) => self.look_up(rule, table, flow),
            // The kernel resolves a target by its exact priority, forward only, and ignores one that is not there.
            RuleAction::Goto(target) if target > rule.priority => {
                self.rules.iter().position(|candidate| candidate.priority == target).map_or(Step::Next, Step::Jump)
            }
            RuleAction::Goto(_) | RuleAction::Nop => Step::Next,
            RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
                Step::End(Decision::Refused(Refusal::Rule(rule)))
            }
            RuleAction::Other(_) => {
                Step::End(Decision::Undecidable(format!("what rule {} does is not known", words::rule(rule))))
            }
        }
    }

    fn look_up(&self, rule: &'a Rule, table: u32, flow: &Flow<'_>) -> Step<'a> {
        let Some(route) = self.tables.get(&table).and_then(|table| table.longest(flow.destination)) else {
            return Step::Next;
        };
        match route.kind {
            RouteKind::Throw => Step::Next,
            RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit => {
                Step::End(Decision::Refused(Refusal::Route(rule, route)))
            }
            RouteKind::Unicast
            | RouteKind::Local
            | RouteKind::Broadcast
            | RouteKind::Anycast
            | RouteKind::Multicast => Step::End(Decision::Route { table, rule_priority: rule.priority, route }),
            RouteKind::Nat | RouteKind::Unknown => {
                Step::End(Decision::Undecidable(format!("what route {} does is not known", words::route(route))))
            }
        }
    }
}
