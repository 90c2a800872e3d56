//! `report.html`: the run as one page that needs nothing else, made from the report and the evidence beside it.
//!
//! Nothing that was not observed is drawn. All text goes through the template's escaping or the SVG library's, and the
//! whole page through [`clean`](lab_base::text::clean).

mod beside;
mod cases;
mod hop;
mod ink;
mod leaving;
mod nodes;
mod racks;
mod routes;
mod seen;
mod standing;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod topology;
mod topology_drawn;
mod translated;
mod way;
mod way_drawn;

use askama::Template;
use std::path::Path;

use self::cases::{Area, Root};
use self::nodes::Nodes;
use self::routes::Routes;
use self::seen::Shown;
use self::table::Table;
use self::topology::Topology;
use super::counts::{counts, elsewhere, verdict_line, what_was_run};
use lab_base::text::{clean, duration};
use lab_model::BackendKind;
use lab_model::report::Report;
use lab_model::verdict::ExitReason;

/// Nodes that are drawn. A lab of more is told in its tables.
const NODES_DRAWN: usize = 4;

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    verdict: String,
    what: String,
    elsewhere: Option<String>,
    incomplete: Option<String>,
    overridden: Option<String>,
    held: bool,
    took: String,
    started: String,
    counts: Vec<(&'static str, usize, &'static str)>,
    roots: Vec<Root>,
    unreadable: Vec<String>,
    /// Of a foreign cluster, of which nothing is drawn.
    foreign: Option<Nodes>,
    topology: Drawing,
    routes: Routes,
    ways: Vec<WayView>,
    ways_left_out: usize,
    translated: Option<Table>,
    timeline: Option<String>,
    stages: Table,
    beside: beside::Section,
    areas: Vec<Area>,
    /// Names and claims of the cases that the backend does not have.
    not_here: Vec<(&'a str, &'a str)>,
}

/// The section about the topology.
struct Drawing {
    /// None where there is nothing to draw, or too much.
    picture: Option<String>,
    /// What was not seen, or why there is no picture.
    notes: Vec<String>,
    summary: String,
    nodes: Option<Table>,
    roads: Option<Table>,
    /// Of a lab in racks: sessions, and what was learnt over them.
    racks: Vec<Table>,
}

/// The section about one request.
struct WayView {
    id: String,
    title: String,
    outcome: String,
    verdict: way::Verdict,
    open: bool,
    /// Of the request and of its answer, as far as there is something to draw.
    pictures: Vec<(&'static str, String)>,
    table: Table,
    changes: Vec<String>,
}

/// The run as a page of HTML, made from its report and from what is in its folder.
///
/// # Errors
/// When the template cannot be filled in.
pub fn to_html(folder: &Path, report: &Report) -> Result<String, askama::Error> {
    let shown = Shown::read(folder, report);
    let areas = cases::areas(report);
    let (ways, ways_left_out) = way::ways(&shown, report);
    let page = Page {
        report,
        verdict: verdict_line(report),
        what: what_was_run(report),
        elsewhere: elsewhere(report),
        incomplete: report.incomplete(),
        overridden: report.overridden(),
        held: report.exit_reason() == ExitReason::Held,
        took: duration(report.seconds),
        started: report.head.started.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        counts: counts(report),
        roots: cases::roots(report, &areas),
        unreadable: shown.unreadable.clone(),
        foreign: (report.head.backend == BackendKind::Cluster).then(|| Nodes::of(report)),
        topology: drawing(&shown, report),
        routes: Routes::of(&shown),
        ways: ways.into_iter().enumerate().map(|(index, way)| way_view(index, way)).collect(),
        ways_left_out,
        translated: translated::table(&shown),
        timeline: timeline::draw(report).map(|drawn| drawn.to_string()),
        stages: timeline::table(report),
        beside: beside::Section::of(folder),
        areas,
        not_here: report
            .cases
            .iter()
            .filter(|case| crate::counts::is_elsewhere(case))
            .map(|case| (case.name.as_str(), case.claim.as_str()))
            .collect(),
    };
    // A tab or a control character has no business in the page, wherever it came from.
    page.render().map(|html| clean(&html))
}

fn drawing(shown: &Shown, report: &Report) -> Drawing {
    let topology = Topology::of(shown, report);
    let mut notes = Vec::new();
    if topology.nodes.is_empty() {
        notes.push("No node was seen: there is nothing to draw.".to_owned());
    } else if topology.nodes.len() > NODES_DRAWN {
        let nodes = topology.nodes.len();
        notes.push(format!("{nodes} nodes are too many for a picture that can be read. The tables have all of them."));
    }
    // Between racks nodes have no routes to peers of their own.
    if topology.roads.is_empty() && !topology.nodes.is_empty() && shown.routers.is_none() {
        let why = match shown.routing {
            None => "The nodes' routes were not seen",
            Some(_) => "Nothing was kept of what was found about the way from each node to each peer's pods",
        };
        notes.push(format!("{why}: no arrow is drawn."));
    }
    let (direct, tunnel, other, open) = topology.counted();
    let summary = if topology.roads.is_empty() {
        String::new()
    } else {
        let all = topology.roads.len();
        let mut parts = vec![format!("{direct} of {all} routes to a peer's pods are direct, from node to node")];
        parts.extend((tunnel > 0).then(|| format!("{tunnel} go through a tunnel")));
        parts.extend((other > 0).then(|| format!("{other} are missing or lead elsewhere")));
        parts.extend((open > 0).then(|| format!("of {open} it is not known")));
        format!("{}.", parts.join("; "))
    };
    let drawable = (1..=NODES_DRAWN).contains(&topology.nodes.len());
    let (roads, left_out) = topology.table_of_roads();
    if left_out > 0 {
        notes.push(format!("{left_out} routes that nothing speaks against are left out of the table of routes."));
    }
    Drawing {
        picture: drawable.then(|| topology_drawn::draw(&topology).to_string()),
        notes,
        summary,
        nodes: (!topology.nodes.is_empty()).then(|| topology.table_of_nodes()),
        roads: (!roads.rows.is_empty()).then_some(roads),
        racks: racks::tables(shown),
    }
}

fn way_view(index: usize, way: way::Way) -> WayView {
    let id = format!("way-{}", index + 1);
    let mut changes: Vec<String> = Vec::new();
    for hop in &way.hops {
        let Some(seen) = &hop.seen else { continue };
        let direction = if hop.answer { "answer" } else { "request" };
        for change in seen.changes.iter().filter(|change| !change.starts_with("routed")) {
            changes.push(format!("{direction}, at {}: {change}", hop.link));
        }
    }
    WayView {
        pictures: [(false, "The request"), (true, "The answer")]
            .iter()
            .filter_map(|(answer, name)| Some((*name, way.draw(&id, *answer)?.to_string())))
            .collect(),
        table: way.table(),
        open: index == 0 || way.verdict.standing == standing::Standing::Bad,
        title: way.title,
        outcome: way.outcome,
        verdict: way.verdict,
        id,
        changes,
    }
}
